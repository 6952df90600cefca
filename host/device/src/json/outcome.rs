use bytes::Bytes;
use hostler_provider as provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Alert, App, AppState, Logs, Orientation, Screen, Snapshot};

/// What a command brought back. Pictures and files are not JSON: see [`Picture`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// Of `screen`.
    Screen(Screen),
    /// Of `snapshot`.
    Snapshot(Snapshot),
    /// Of `logs`.
    Logs(Logs),
    /// Of `apps`.
    Apps {
        /// Those that are installed.
        apps: Vec<App>,
    },
    /// Of `app-state`.
    AppState {
        /// What it is doing.
        state: AppState,
    },
    /// Of `install`.
    Installed(App),
    /// Of `alert`.
    Alert {
        /// The one that is, or was, open.
        alert: Option<Alert>,
    },
    /// Of `clipboard` and `native`; of the latter it is JSON.
    Text {
        /// What it is.
        text: String,
    },
    /// Of `orientation`.
    Orientation {
        /// How it is held.
        orientation: Orientation,
    },
}

/// What a command brought back as bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The bytes.
    pub data: Bytes,
    /// What they are: `image/png`, `video/mp4`, `application/octet-stream`…
    pub media_type: String,
    /// Physical pixels in one unit, of a picture.
    pub scale: Option<f64>,
}

impl Outcome {
    /// The answer as JSON, or the bytes that it is.
    ///
    /// # Errors
    /// It is bytes.
    pub fn of(answer: provider::Answer) -> Result<Self, Picture> {
        use provider::Answer as A;
        Ok(match answer {
            A::Done => Self::Done,
            A::Screen(screen) => Self::Screen(screen.into()),
            A::Tree(tree) => Self::Snapshot(tree.into()),
            A::Logs(logs) => Self::Logs(logs.into()),
            A::Apps(apps) => Self::Apps {
                apps: apps.into_iter().map(App::from).collect(),
            },
            A::AppState(state) => Self::AppState {
                state: state.into(),
            },
            A::Installed(app) => Self::Installed(app.into()),
            A::Alert(alert) => Self::Alert {
                alert: alert.map(Alert::from),
            },
            A::Text(text) => Self::Text { text },
            A::Orientation(orientation) => Self::Orientation {
                orientation: orientation.into(),
            },
            A::Image(image) => {
                return Err(Picture {
                    data: image.data,
                    media_type: image.media_type,
                    scale: Some(image.scale),
                });
            }
            A::Data(data) => {
                return Err(Picture {
                    data,
                    media_type: "application/octet-stream".to_owned(),
                    scale: None,
                });
            }
        })
    }
}

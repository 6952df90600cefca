//! Each shows a counter, and a button that counts.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hostler_provider::{
    Act, Answer, BoxFuture, Call, Capabilities, DeviceError, DeviceInfo, DeviceSession, Image,
    LogLine, Logs, Node, OpenDevice, Opened, Progress, Provider, ProviderError, Rect, States,
    Target, Tree,
};

use crate::PNG;

/// What the devices went through.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Calls that reached a device, by name.
    pub calls: Arc<Mutex<Vec<String>>>,
    count: Arc<Mutex<u32>>,
}

impl Played {
    /// What they count to, together.
    pub fn count(&self) -> u32 {
        *self.count.lock().unwrap()
    }
}

impl Provider for Played {
    fn id(&self) -> &str {
        "play"
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>> {
        let info = |id: &str| DeviceInfo {
            platform: "play".into(),
            hardware_id: id.into(),
            name: format!("Phone {id}"),
            kind: "simulator".into(),
            target: "mobile".into(),
            version: Some("1".into()),
            booted: false,
            aliases: vec![format!("the-{id}")],
            capabilities: Capabilities {
                snapshot: true,
                act: true,
                screenshot: true,
                ..Capabilities::default()
            },
        };
        Box::pin(async move { Ok(vec![info("one"), info("two")]) })
    }

    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        Box::pin(async move {
            progress.report("booting");
            let session = Session {
                played: self.clone(),
                next_ref: open.first_ref,
                shown: 0,
            };
            Ok(Opened {
                session: Box::new(session),
            })
        })
    }

    fn end_services(&self, _: &str) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[derive(Debug)]
struct Session {
    played: Played,
    next_ref: u32,
    shown: u32,
}

impl Session {
    fn tree(&mut self) -> Tree {
        self.shown = self.next_ref;
        self.next_ref += 2;
        let node = |number, role: &str, label: String| Node {
            number,
            depth: 0,
            role: role.into(),
            label,
            value: None,
            identifier: None,
            rect: Some(Rect {
                x: 0.0,
                y: 0.0,
                width: 10.0,
                height: 10.0,
            }),
            states: States {
                enabled: true,
                hittable: true,
                ..States::default()
            },
        };
        let count = self.played.count();
        Tree {
            nodes: vec![
                node(self.shown, "button", "Count".into()),
                node(self.shown + 1, "heading", format!("Counted {count}")),
            ],
            truncated: false,
            app: Some("play.counter".into()),
            title: Some("Counter".into()),
        }
    }
}

impl DeviceSession for Session {
    fn call(&mut self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        self.played.calls.lock().unwrap().push(call.name().into());
        Box::pin(async move {
            Ok(match call {
                Call::Snapshot => Answer::Tree(self.tree()),
                Call::Act(Target::Ref(number), Act::Tap(times)) => {
                    if number != self.shown {
                        return Err(DeviceError::NotFound("this is no button".into()));
                    }
                    *self.played.count.lock().unwrap() += u32::from(times);
                    Answer::Done
                }
                Call::Screenshot { .. } => Answer::Image(Image {
                    data: Bytes::from_static(PNG),
                    media_type: "image/png".into(),
                    scale: 2.0,
                }),
                Call::Logs { since } => Answer::Logs(Logs {
                    lines: vec![LogLine {
                        time: 1,
                        level: "info".into(),
                        source: "play".into(),
                        text: format!("since {since}"),
                    }],
                    next: since + 1,
                }),
                // Never ends by itself.
                Call::WaitIdle(_) => std::future::pending().await,
                Call::OpenUrl(_) | Call::Alive => Answer::Done,
                other => {
                    return Err(DeviceError::Unsupported(format!(
                        "a played device has no {}",
                        other.name()
                    )));
                }
            })
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

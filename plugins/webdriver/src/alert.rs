//! Dialogs of the page: `alert`, `confirm`, `prompt`, and leaving a page.
//! WebDriver tells neither their kind nor their buttons.

use hostler_sdk::device::{Alert, AlertAnswer, Error, Result};
use serde_json::json;

use crate::wire::{Kind, Wire};

/// The alert that was open, after the answer.
pub(crate) fn alert(wire: &Wire, answer: AlertAnswer) -> Result<Option<Alert>> {
    let text = match wire.get::<Option<String>>("/alert/text") {
        Ok(text) => text.unwrap_or_default(),
        Err(fault) if fault.kind == Kind::NoAlert => {
            return match answer {
                AlertAnswer::Read => Ok(None),
                _ => Err(Error::NotFound("no alert is open".to_owned())),
            };
        }
        Err(fault) => return Err(fault.into()),
    };
    let alert = Alert {
        text,
        ..Alert::default()
    };
    let answered = match answer {
        AlertAnswer::Read => return Ok(Some(alert)),
        AlertAnswer::Dismiss => wire.run("/alert/dismiss", &json!({})),
        AlertAnswer::Accept(None) => wire.run("/alert/accept", &json!({})),
        AlertAnswer::Accept(Some(text)) => {
            wire.run("/alert/text", &json!({"text": text}))
                .map_err(|fault| match fault.kind {
                    Kind::Invalid => Error::Invalid(
                        "this alert asks for no text; accept it without one".to_owned(),
                    ),
                    _ => fault.into(),
                })?;
            wire.run("/alert/accept", &json!({}))
        }
    };
    match answered {
        // It closed by itself meanwhile.
        Err(fault) if fault.kind != Kind::NoAlert => Err(fault.into()),
        _ => Ok(Some(alert)),
    }
}

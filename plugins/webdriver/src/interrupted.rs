//! What a lost answer and a crashed page leave of a session.

use std::time::Duration;

use hostler_sdk::clock;
use serde_json::json;

use crate::wire::{Fault, Kind, Wire, value};

/// How long a session may take to say that it lives.
const PROBE: Duration = Duration::from_secs(10);

/// Before it is asked: whatever broke a connection may last a little.
const MOMENT: Duration = Duration::from_secs(1);

impl Wire {
    /// A connection that broke, or a gateway that was busy, ends nobody's lease:
    /// only a session that does not answer either is lost.
    pub(crate) fn still_there(&self, fault: Fault) -> Fault {
        if clock::sleep(MOMENT).is_err() {
            return Fault::new(Kind::Cancelled, "the call was cancelled");
        }
        let asked = self.once("GET", "/window", None, PROBE);
        match asked.map_err(|fault| fault.kind) {
            Err(Kind::Cancelled) => Fault::new(Kind::Cancelled, "the call was cancelled"),
            Err(Kind::Lost | Kind::Unreached | Kind::TimedOut) => {
                Fault::new(Kind::Lost, fault.text)
            }
            _ => Fault::new(
                Kind::Interrupted,
                format!(
                    "{}; the browser is still there, so look whether it was done, and do it again \
                     if not",
                    fault.text
                ),
            ),
        }
    }

    /// A page that crashed takes its window with it, and not always the session.
    pub(crate) fn fresh_window(&self, crash: &Fault) -> Fault {
        let opened = self
            .once("POST", "/window/new", Some(&json!({"type": "tab"})), PROBE)
            .and_then(|body| value::<String>(&body, "/value/handle"))
            .and_then(|handle| {
                let body = json!({"handle": handle});
                self.once("POST", "/window", Some(&body), PROBE)
            });
        let crashed = &crash.text;
        match opened {
            Ok(_) => Fault::new(
                Kind::Interrupted,
                format!("the page crashed ({crashed}); an empty window is there now: open a page"),
            ),
            Err(fault) if matches!(fault.kind, Kind::Lost | Kind::Unreached | Kind::TimedOut) => {
                Fault::new(
                    Kind::Lost,
                    format!(
                        "the page crashed ({crashed}), and the session with it: {}",
                        fault.text
                    ),
                )
            }
            Err(_) => Fault::new(
                Kind::Crashed,
                format!(
                    "the page crashed ({crashed}), and its browser opens no other window; open a \
                     page, and a new browser with an empty profile shows it"
                ),
            ),
        }
    }
}

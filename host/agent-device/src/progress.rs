//! What is told while a command runs, to clients that read it.

use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Lines that wait for a slow client; more are passed over, for the next one
/// says what is so then.
const WAITING: usize = 16;

/// Tells, or does not if nobody listens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Option<mpsc::Sender<Value>>);

impl Progress {
    /// With what hears it.
    pub(crate) fn heard() -> (Self, mpsc::Receiver<Value>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(Some(sender)), receiver)
    }

    /// Says what is done now.
    pub(crate) fn say(&self, text: &str) {
        if let Some(sender) = &self.0 {
            let event = json!({ "type": "command", "message": text });
            // Full: the client is slow; closed: it is gone.
            let _ = sender.try_send(json!({ "type": "progress", "event": event }));
        }
    }
}

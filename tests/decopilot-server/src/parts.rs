//! The parts of the message that a run makes.

use serde_json::Value;

use crate::thread::Thread;

impl Thread {
    pub(crate) fn add_part(&self, part: Value) {
        self.parts(|parts| parts.push(part));
    }

    pub(crate) fn change_last(&self, change: impl FnOnce(&mut Value)) {
        self.parts(|parts| parts.last_mut().map(change));
    }

    /// The part of a call.
    pub(crate) fn change_call(&self, call: &str, change: impl FnOnce(&mut Value)) {
        let is = |part: &&mut Value| part["toolCallId"] == call;
        self.parts(|parts| parts.iter_mut().find(is).map(change));
    }

    fn parts<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) {
        let mut state = self.state();
        let message = state.messages.last_mut();
        let parts = message.and_then(|message| message["parts"].as_array_mut());
        parts.map(change);
    }
}

//! A small agent without a model. It speaks the Agent Client Protocol,
//! version 1, on stdin and stdout, and does what its prompt says.
//!
//! How a message flows:
//!
//! 1. `main` reads a line of JSON. An answer goes to the turn that waits for
//!    it, everything else to [`session`].
//! 2. `session/prompt` starts a [`turn`] on a thread of its own, so that the
//!    next line, which may be a cancel, is read while the turn runs.
//! 3. The turn plays the [`script`] that its prompt is; [`tools`] has the parts
//!    of it that need the client's consent and help. All that can happen to a
//!    turn comes through one channel of [`wire::Event`]s.
//!
//! Deliberately absent: a history. `session/load` is not offered.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod script;
mod session;
mod tools;
mod turn;
mod wire;

use std::{
    io::{self, BufRead},
    sync::Arc,
};

use serde_json::Value;

use session::Agent;
use wire::{Client, Failure};

fn main() -> io::Result<()> {
    let client = Arc::new(Client::default());
    let agent = Agent::new(Arc::clone(&client));
    // The end of stdin is the end of the process and of all turns with it.
    for line in io::stdin().lock().split(b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(&line?) else {
            let failure = Failure(-32700, "this line is not JSON".to_owned());
            client.answer(&Value::Null, Err(failure));
            continue;
        };
        match (message["method"].as_str(), message.get("id")) {
            (Some(method), Some(id)) => agent.request(id, method, &message["params"]),
            (Some(method), None) => agent.notification(method, &message["params"]),
            (None, Some(_)) if message.get("result").or(message.get("error")).is_some() => {
                client.answered(message);
            }
            _ => {
                let failure = Failure(-32600, "this is no JSON-RPC message".to_owned());
                client.answer(&Value::Null, Err(failure));
            }
        }
    }
    Ok(())
}

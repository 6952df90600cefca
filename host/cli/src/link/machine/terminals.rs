//! Terminals that the client views, and how far it has come in each. The host
//! bounds how many there are.

use std::{borrow::Cow, collections::BTreeMap};

use hostler_wire::{RawValue, compose, methods::hostler};
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{Request, What};
use crate::link::{json::get, parts::string};

/// One of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    session: String,
    terminal: String,
}

/// With the byte offset up to which the client has its output; without one it
/// needs a screen.
#[derive(Debug, Default)]
pub(super) struct Terminals(BTreeMap<Place, Option<u64>>);

/// What is read of what one shows.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Piece<'a> {
    session_id: String,
    terminal_id: String,
    offset: Option<u64>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
}

impl Place {
    /// What the client is told when it is there no more.
    pub(super) fn exited(&self) -> String {
        compose::notification(hostler::TERMINAL_EXITED, &self.params().to_string())
    }

    fn params(&self) -> Value {
        json!({"sessionId": self.session, "terminalId": self.terminal})
    }
}

impl Terminals {
    /// The host has done what the client asked.
    pub(super) fn done(&mut self, request: &Request, result: &RawValue) {
        let param = |name| get(&request.text, &["params", name]);
        let terminal = match request.what {
            What::TerminalOpen => string(Some(result), &["terminalId"]),
            What::TerminalAttach | What::TerminalLeave => {
                param("terminalId").and_then(|id| serde_json::from_str(id.get()).ok())
            }
            _ => None,
        };
        let (Some(session), Some(terminal)) = (request.session.clone(), terminal) else {
            return;
        };
        let place = Place { session, terminal };
        if request.what == What::TerminalLeave {
            self.0.remove(&place);
            return;
        }
        let after = param("after").and_then(|after| serde_json::from_str(after.get()).ok());
        self.0.insert(place, after);
    }

    /// The client is told something of one.
    pub(super) fn told(&mut self, method: &str, params: Option<&RawValue>) {
        let piece = params.map(|params| serde_json::from_str::<Piece<'_>>(params.get()));
        let Some(Ok(piece)) = piece else {
            return;
        };
        let place = Place {
            session: piece.session_id,
            terminal: piece.terminal_id,
        };
        match method {
            // The last that is told of it.
            hostler::TERMINAL_EXITED => drop(self.0.remove(&place)),
            hostler::TERMINAL_OUTPUT | hostler::TERMINAL_SCREEN => {
                let Some(at) = self.0.get_mut(&place) else {
                    return;
                };
                let data = piece.data.filter(|_| method == hostler::TERMINAL_OUTPUT);
                let bytes = data.map_or(0, |data| decoded_len(&data));
                *at = piece.offset.map(|offset| offset.saturating_add(bytes));
            }
            _ => {}
        }
    }

    /// The params of the requests to go on with each.
    pub(super) fn again(&self) -> Vec<(Place, Value)> {
        let params = |place: &Place, after: &Option<u64>| {
            let mut params = place.params();
            if let (Some(after), Some(params)) = (after, params.as_object_mut()) {
                params.insert("after".into(), json!(after));
            }
            params
        };
        let all = self.0.iter();
        all.map(|(place, after)| (place.clone(), params(place, after)))
            .collect()
    }

    /// True: the client viewed it until now.
    pub(super) fn forget(&mut self, place: &Place) -> bool {
        self.0.remove(place).is_some()
    }

    /// Those of a session that the client has left.
    pub(super) fn forget_all(&mut self, session: &str) {
        self.0.retain(|place, _| place.session != session);
    }
}

/// Bytes that this base64 stands for.
fn decoded_len(data: &str) -> u64 {
    let digits = data.trim_end_matches('=').len();
    u64::try_from(digits / 4 * 3 + digits % 4 * 3 / 4).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_data_is_known_without_reading_it() {
        for (data, bytes) in [
            ("", 0),
            ("YQ==", 1),
            ("YWI=", 2),
            ("YWJj", 3),
            ("YWJjZA==", 4),
        ] {
            assert_eq!(decoded_len(data), bytes, "{data}");
        }
    }
}

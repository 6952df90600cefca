//! `hostler:harness/client`: towards the ACP clients. JSON is checked to be one
//! object, and its bytes are kept as they are.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::{
    bindings::hostler::{
        harness::client::Host,
        types::types::{Error, Failure as GuestFailure},
    },
    harness::{Failure, Output},
    state::{Effect, State},
};

/// Largest checkpoint: state to go on from, not a transcript.
const CHECKPOINT_LIMIT: usize = 64 * 1024;

/// Asks of one session that are open at a time. An agent asks one thing, or a
/// few in parallel.
const ASK_LIMIT: usize = 256;

impl Host for State {
    fn update(&mut self, update: String) -> wasmtime::Result<Result<(), Error>> {
        if let Err(error) = object("client.update", &update) {
            return Ok(Err(error));
        }
        let update = self.masked(update);
        self.client(update.len(), Output::Update(update))
    }

    fn ask(
        &mut self,
        id: u64,
        method: String,
        params: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        if let Err(error) = object("client.ask", &params) {
            return Ok(Err(error));
        }
        if self.open_asks.len() >= ASK_LIMIT {
            return Ok(Err(Error::Limit(format!(
                "client.ask: {ASK_LIMIT} asks are open already"
            ))));
        }
        if self.last_ask.is_some_and(|last| id <= last) {
            return Ok(Err(Error::Invalid(format!(
                "client.ask: id {id} is not greater than those before"
            ))));
        }
        self.last_ask = Some(id);
        self.open_asks.insert(id);
        let params = self.masked(params);
        let bytes = method.len() + params.len();
        self.client(bytes, Output::Ask { id, method, params })
    }

    fn withdraw(&mut self, id: u64) -> wasmtime::Result<Result<(), Error>> {
        if !self.open_asks.remove(&id) {
            return Ok(Ok(()));
        }
        self.client(0, Output::Withdraw { id })
    }

    fn answer(
        &mut self,
        request: u64,
        outcome: Result<String, GuestFailure>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (bytes, outcome) = match outcome {
            Ok(result) => {
                if let Err(error) = object("client.answer", &result) {
                    return Ok(Err(error));
                }
                let result = self.masked(result);
                (result.len(), Ok(result))
            }
            Err(failure) => {
                if let Some(data) = &failure.data
                    && let Err(error) = serde_json::from_str::<IgnoredAny>(data)
                {
                    return Ok(Err(Error::Invalid(format!(
                        "client.answer: the failure's data is not JSON: {error}"
                    ))));
                }
                let failure = Failure {
                    code: failure.code,
                    message: self.masked(failure.message),
                    data: failure.data.map(|data| self.masked(data)),
                };
                let data = failure.data.as_ref().map_or(0, String::len);
                (failure.message.len() + data, Err(failure))
            }
        };
        if !self.open_requests.remove(&request) {
            return Ok(Err(Error::NotFound(format!(
                "client.answer: request {request} is not open"
            ))));
        }
        self.client(bytes, Output::Answer { request, outcome })
    }

    fn checkpoint(&mut self, state: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        if state.len() > CHECKPOINT_LIMIT {
            return Ok(Err(Error::Limit(format!(
                "client.checkpoint: {} bytes, at most {CHECKPOINT_LIMIT}",
                state.len()
            ))));
        }
        self.client(state.len(), Output::Checkpoint(Bytes::from(state)))
    }
}

impl State {
    /// JSON, or text, for clients: without the secrets that this plugin's
    /// programs may have told it.
    fn masked(&self, text: String) -> String {
        let masked = self.plugin.mask.as_ref().map(|mask| mask.json(&text));
        match masked {
            Some(Cow::Owned(masked)) => masked,
            _ => text,
        }
    }

    fn client(&mut self, bytes: usize, output: Output) -> wasmtime::Result<Result<(), Error>> {
        self.push(Effect::Client(output), bytes)?;
        Ok(Ok(()))
    }
}

fn object(function: &str, text: &str) -> Result<(), Error> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) if text.trim_start().starts_with('{') => Ok(()),
        Ok(_) => Err(Error::Invalid(format!(
            "{function}: a JSON object is needed"
        ))),
        Err(error) => Err(Error::Invalid(format!("{function}: not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hostler_secret::{Mask, SecretValue};

    use super::*;
    use crate::{limits::Limits, loaded::Shared, state::Role};

    fn update(mask: Option<Mask>, text: &str) -> String {
        let mut shared = Shared::for_tests(Limits::default());
        shared.mask = mask;
        let mut state = State::new(Arc::new(shared), Role::Describe);
        Host::update(&mut state, text.into()).unwrap().unwrap();
        match state.effects.pop() {
            Some(Effect::Client(Output::Update(update))) => update,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_known_secret_does_not_reach_clients() {
        let mask = Mask::default();
        let value = SecretValue::new("KEY", b"correct \"horse\"".to_vec()).unwrap();
        mask.learn(&"KEY".parse().unwrap(), &value);
        let text = r#"{ "text":"it is correct \"horse\"" }"#;
        let masked = update(Some(mask.clone()), text);
        assert_eq!(masked, r#"{ "text":"it is [secret KEY]" }"#);
        assert_eq!(update(Some(mask), r#"{ "a" : 1 }"#), r#"{ "a" : 1 }"#);
    }
}

//! `hostler:harness/client`: towards the ACP clients. JSON is checked to be one
//! object, and its bytes are kept as they are.

use std::borrow::Cow;

use bytes::Bytes;
use hostler_wire::methods;
use serde::de::IgnoredAny;

use crate::{
    bindings::hostler::{
        harness::client::Host,
        types::types::{Error, Failure as GuestFailure},
    },
    harness::{EXTENSION_BYTES, EXTENSION_NAME, Failure, Output},
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
        if method.starts_with('_')
            && let Err(error) = extension("client.ask", &method, &params)
        {
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

    fn notify(&mut self, method: String, params: String) -> wasmtime::Result<Result<(), Error>> {
        let checked = object("client.notify", &params)
            .and_then(|()| extension("client.notify", &method, &params));
        if let Err(error) = checked {
            return Ok(Err(error));
        }
        let params = self.masked(params);
        let bytes = method.len() + params.len();
        self.client(bytes, Output::Notify { method, params })
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

/// A message of an extension that is not the host's own, within its bounds.
fn extension(function: &str, method: &str, params: &str) -> Result<(), Error> {
    if method.len() > EXTENSION_NAME {
        return Err(Error::Limit(format!(
            "{function}: the name of the method has {} bytes, at most {EXTENSION_NAME}",
            method.len()
        )));
    }
    if !methods::is_of_an_extension(method) {
        return Err(Error::Invalid(format!(
            "{function}: {method:?} is not of an extension: those begin with _, and with _hostler \
             the host's own"
        )));
    }
    if params.len() > EXTENSION_BYTES {
        return Err(Error::Limit(format!(
            "{function}: the params of {method} have {} bytes, at most {EXTENSION_BYTES}",
            params.len()
        )));
    }
    Ok(())
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
    fn messages_of_extensions_are_bounded_and_the_hosts_own_names_are_refused() {
        let mut state = State::new(
            Arc::new(Shared::for_tests(Limits::default())),
            Role::Describe,
        );
        let mut told = |method: &str, params: String| {
            let asked = Host::ask(&mut state, u64::MAX, method.into(), params.clone()).unwrap();
            let told = Host::notify(&mut state, method.into(), params).unwrap();
            let count = state.effects.len();
            (asked.is_err(), told.err(), count)
        };
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(EXTENSION_BYTES));
        let long = format!("_{}", "x".repeat(EXTENSION_NAME));
        for (method, params, limit) in [
            ("_vendor/thing", large, true),
            (long.as_str(), "{}".to_owned(), true),
            ("_hostler/permission", "{}".to_owned(), false),
            ("_hostler", "{}".to_owned(), false),
            ("_vendor/thing", "[1]".to_owned(), false),
        ] {
            let (asked, told, count) = told(method, params);
            assert!(asked && count == 0, "{method}");
            assert_eq!(matches!(told, Some(Error::Limit(_))), limit, "{told:?}");
        }
        let (asked, told, count) = told("session/thing", "{}".to_owned());
        assert!(matches!(told, Some(Error::Invalid(_))));
        assert!(!asked && count == 1, "the session refuses what it is asked");
        let told = Host::notify(&mut state, "_vendor/thing".into(), "{}".into()).unwrap();
        assert!(told.is_ok());
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

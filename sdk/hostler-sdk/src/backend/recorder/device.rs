//! What waits, natively: for device providers, and `fetch` for a probe.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Role, with};
use crate::bindings::hostler::host::blob::Blob as Handle;
use crate::http::{Request, Response};
use crate::testing::{Effect, Outside};
use crate::{Error, Result, process::Command};

/// The contract's bounds.
const MAX_READ: u32 = 16 << 20;
const MAX_SLEEP_MS: u32 = 60_000;

/// Bytes.
#[derive(Debug, Clone)]
pub(crate) struct Blob(Arc<[u8]>);

impl Blob {
    #[expect(clippy::unnecessary_wraps, reason = "as the host's")]
    pub(crate) fn create(data: &[u8]) -> Result<Self> {
        Ok(Self(data.into()))
    }

    pub(crate) fn of_handle(_: &Handle) -> Result<Self> {
        unreachable!("only components have handles")
    }

    pub(crate) fn into_handle(self) -> Result<Handle> {
        unreachable!("only components have handles")
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the host's")]
    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.0.len() as u64)
    }

    pub(crate) fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>> {
        if len > MAX_READ {
            return Err(Error::Invalid(format!("{len} bytes; at most {MAX_READ}")));
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get(start..).unwrap_or_default();
        Ok(rest[..rest.len().min(len as usize)].to_vec())
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the host's")]
    pub(crate) fn find(&self, needle: &[u8], start: u64) -> Result<Option<u64>> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let rest = self.0.get(start..).unwrap_or_default();
        let found = if needle.is_empty() {
            Some(0)
        } else {
            rest.windows(needle.len()).position(|part| part == needle)
        };
        Ok(found.map(|at| (start + at) as u64))
    }

    pub(crate) fn slice(&self, offset: u64, len: u64) -> Result<Self> {
        let range = || {
            let start = usize::try_from(offset).ok()?;
            self.0
                .get(start..start.checked_add(usize::try_from(len).ok()?)?)
        };
        let part = range().ok_or_else(|| {
            Error::Invalid(format!("{len} bytes at {offset} are not all in the blob"))
        })?;
        Ok(Self(part.into()))
    }

    fn value(&self, pointer: &str) -> Result<Option<Value>> {
        let value: Value = serde_json::from_slice(&self.0)
            .map_err(|error| Error::Invalid(format!("the blob is not JSON: {error}")))?;
        Ok(value.pointer(pointer).cloned())
    }

    pub(crate) fn json(&self, pointer: &str) -> Result<Option<String>> {
        Ok(self.value(pointer)?.map(|value| value.to_string()))
    }

    pub(crate) fn json_base64(&self, pointer: &str) -> Result<Self> {
        let value = self.value(pointer)?;
        let text = value.as_ref().and_then(Value::as_str).ok_or_else(|| {
            Error::NotFound(format!("there is no string at {pointer:?} of the blob"))
        })?;
        let data = STANDARD
            .decode(text)
            .map_err(|error| Error::Invalid(format!("{pointer:?} is not base64: {error}")))?;
        Ok(Self(data.into()))
    }
}

fn outside<T>(call: impl FnOnce(&mut dyn Outside) -> Result<T>) -> Result<T> {
    with(|host| match &mut host.outside {
        Some(outside) if host.role == Role::Provider => call(&mut **outside),
        _ => Err(Error::Denied(
            "waiting is for device providers alone".to_owned(),
        )),
    })
}

pub(crate) fn fetch(request: &Request<'_>) -> Result<Response> {
    with(|host| match (host.role, &mut host.outside) {
        (Role::Provider | Role::Probe, Some(outside)) => outside.fetch(request),
        (Role::Probe, None) => Err(Error::Denied(format!(
            "{} is not granted by the test",
            request.url
        ))),
        _ => Err(Error::Denied(
            "http.fetch is for device providers, and for probe, offer, conversations and history; \
             a session uses exchange.open"
                .to_owned(),
        )),
    })
}

pub(crate) fn service_start(
    name: &str,
    command: &Command,
    ready: &str,
    timeout_ms: u32,
) -> Result<String> {
    outside(|outside| outside.service_start(name, command, ready, timeout_ms))
}

pub(crate) fn service_stop(name: &str) -> Result {
    outside(|outside| outside.service_stop(name))
}

pub(crate) fn sleep(ms: u32) -> Result {
    outside(|outside| outside.sleep(ms.min(MAX_SLEEP_MS)))
}

pub(crate) fn progress(text: &str) -> Result {
    with(|host| host.note(Effect::Progress(text.to_owned())))
}

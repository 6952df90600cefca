//! What waits, for device providers and in part for harnesses: in a component
//! alone, because natively there are no handles.

use std::rc::Rc;

use crate::bindings::device::hostler::{
    device::progress as towards_people,
    host::{service, sleep as sleeping},
};
use crate::bindings::hostler::host::{blob as wit, http};
use crate::http::{Content, Request, Response};
use crate::{
    Result,
    process::{Command, millis},
};

/// A handle of the host's.
#[derive(Debug, Clone)]
pub(crate) struct Blob(Rc<wit::Blob>);

impl Blob {
    pub(crate) fn create(data: &[u8]) -> Result<Self> {
        Ok(Self(Rc::new(wit::Blob::create(data)?)))
    }

    /// A handle of its own to the same bytes.
    pub(crate) fn of_handle(handle: &wit::Blob) -> Result<Self> {
        Ok(Self(Rc::new(handle.slice(0, handle.len()?)?)))
    }

    pub(crate) fn into_handle(self) -> Result<wit::Blob> {
        match Rc::try_unwrap(self.0) {
            Ok(handle) => Ok(handle),
            Err(shared) => Ok(shared.slice(0, shared.len()?)?),
        }
    }

    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.0.len()?)
    }

    pub(crate) fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>> {
        Ok(self.0.read(offset, len)?)
    }

    pub(crate) fn find(&self, needle: &[u8], start: u64) -> Result<Option<u64>> {
        Ok(self.0.find(needle, start)?)
    }

    pub(crate) fn slice(&self, offset: u64, len: u64) -> Result<Self> {
        Ok(Self(Rc::new(self.0.slice(offset, len)?)))
    }

    pub(crate) fn json(&self, pointer: &str) -> Result<Option<String>> {
        Ok(self.0.json(pointer)?)
    }

    pub(crate) fn json_base64(&self, pointer: &str) -> Result<Self> {
        Ok(Self(Rc::new(self.0.json_base64(pointer)?)))
    }
}

pub(crate) fn fetch(request: &Request<'_>) -> Result<Response> {
    let content = match &request.content {
        Content::Nothing => http::Content::Nothing,
        Content::Bytes(bytes) => http::Content::Bytes(bytes.clone()),
        Content::Blob(blob) => http::Content::Blob(&blob.0.0),
    };
    let response = http::fetch(&http::Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        content,
        timeout_ms: millis(request.timeout).try_into().unwrap_or(u32::MAX),
        redirects: request.redirects,
    })?;
    Ok(Response {
        status: response.status,
        headers: response.headers,
        body: crate::Blob(Blob(Rc::new(response.body))),
    })
}

pub(crate) fn service_start(
    name: &str,
    command: &Command,
    ready: &str,
    timeout_ms: u32,
) -> Result<String> {
    Ok(service::start(name, &command.into(), ready, timeout_ms)?)
}

pub(crate) fn service_stop(name: &str) -> Result {
    Ok(service::stop(name)?)
}

pub(crate) fn sleep(ms: u32) -> Result {
    Ok(sleeping::sleep(ms)?)
}

pub(crate) fn progress(text: &str) -> Result {
    Ok(towards_people::report(text)?)
}

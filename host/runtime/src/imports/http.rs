//! `hostler:host/http`: what a grant names, as a blob.

use std::time::Duration;

use bytes::Bytes;
use hostler_egress as egress;

use crate::{
    bindings::hostler::{
        host::http::{Content, Host, Request, Response},
        types::types::Error,
    },
    state::{Role, State},
};

impl Host for State {
    async fn fetch(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let refusal = match self.role {
            Role::Provider { .. } | Role::Probe => None,
            Role::Session { .. } => Some(
                "http.fetch is for probe, offer, conversations and history alone; a session \
                 uses exchange.open",
            ),
            Role::Describe | Role::Policy => {
                Some("http.fetch is not for what must not reach outside")
            }
        };
        if let Some(refusal) = refusal {
            return Ok(Err(Error::Denied(refusal.into())));
        }
        let body = match request.content {
            Content::Nothing => Bytes::new(),
            Content::Bytes(bytes) => bytes.into(),
            Content::Blob(blob) => self.blob(&blob)?.bytes().clone(),
        };
        let request = egress::Request {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body,
            timeout: Duration::from_millis(request.timeout_ms.into()),
            redirects: request.redirects,
        };
        let plugin = self.plugin.clone();
        let caller = egress::Caller {
            plugin: &plugin.id,
            grants: &plugin.grants.http,
            vault: &plugin.outside.vault,
            in_flight: plugin.limits.http,
        };
        let fetched = plugin.outside.egress.fetch(caller, request);
        Ok(match self.waits.wait(fetched).await {
            Ok(Ok(response)) => self
                .new_blob("http.fetch", response.body)
                .map(|body| Response {
                    status: response.status,
                    headers: response.headers,
                    body,
                }),
            Ok(Err(error)) => Err(self.not_fetched(error)),
            Err(cancelled) => Err(cancelled.into()),
        })
    }
}

impl State {
    /// For the plugin, and a denial for the operator's log too.
    pub(crate) fn not_fetched(&self, error: egress::FetchError) -> Error {
        match error {
            egress::FetchError::Denied(denial) => {
                let plugin = self.plugin.id.as_str();
                tracing::warn!(target: "plugin", plugin, "denied: {denial}");
                Error::Denied(denial)
            }
            egress::FetchError::Limit(text) => Error::Limit(text),
            egress::FetchError::Invalid(text) => Error::Invalid(text),
            egress::FetchError::Other(text) => Error::Other(Some(text)),
        }
    }
}

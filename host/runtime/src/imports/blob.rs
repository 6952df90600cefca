//! `hostler:host/blob`: bytes that stay here. What reads all of a large one does
//! so on a thread for such work.

use bytes::Bytes;
use wasmtime::component::Resource;

use crate::{
    bindings::hostler::{
        host::blob::{Host, HostBlob},
        types::types::Error,
    },
    blob::{Blob, TOTAL, find, json, json_base64, part},
    state::{Role, State},
};

/// Longest `read`.
const READ: u32 = 16 * 1024 * 1024;

/// Reading more bytes than these would hold up other tasks.
const AT_ONCE: usize = 256 * 1024;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {}

impl HostBlob for State {
    fn create(&mut self, data: Vec<u8>) -> Answer<Resource<Blob>> {
        if matches!(self.role, Role::Session { .. }) {
            let text = "blob.create is for what waits for requests, which a session does not";
            return Ok(Err(Error::Denied(text.into())));
        }
        Ok(self.new_blob("blob.create", data.into()))
    }

    fn len(&mut self, blob: Resource<Blob>) -> Answer<u64> {
        Ok(Ok(self.blob(&blob)?.bytes().len() as u64))
    }

    fn read(&mut self, blob: Resource<Blob>, offset: u64, len: u32) -> Answer<Vec<u8>> {
        if len > READ {
            return Ok(Err(Error::Invalid(format!(
                "blob.read: {len} bytes asked, at most {READ}"
            ))));
        }
        let bytes = part(self.blob(&blob)?.bytes(), offset, len.into());
        Ok(Ok(bytes.into()))
    }

    async fn find(
        &mut self,
        blob: Resource<Blob>,
        needle: Vec<u8>,
        start: u64,
    ) -> Answer<Option<u64>> {
        self.look(&blob, move |bytes| Ok(find(bytes, &needle, start)))
            .await
    }

    fn slice(&mut self, blob: Resource<Blob>, offset: u64, len: u64) -> Answer<Resource<Blob>> {
        let slice = self.blob(&blob)?.slice(offset, len);
        Ok(self.give(slice).map_err(Error::Limit))
    }

    async fn json(&mut self, blob: Resource<Blob>, pointer: String) -> Answer<Option<String>> {
        self.look(&blob, move |bytes| {
            json(bytes, &pointer)
                .map(|found| found.map(str::to_owned))
                .map_err(|error| Error::Invalid(format!("blob.json: {error}")))
        })
        .await
    }

    async fn json_base64(
        &mut self,
        blob: Resource<Blob>,
        pointer: String,
    ) -> Answer<Resource<Blob>> {
        let decoded = self
            .look(&blob, move |bytes| {
                let decoded = json_base64(bytes, &pointer);
                decoded
                    .and_then(|found| found.ok_or(format!("there is nothing at {pointer:?}")))
                    .map_err(|error| Error::Invalid(format!("blob.json-base64: {error}")))
            })
            .await?;
        Ok(decoded.and_then(|bytes| self.new_blob("blob.json-base64", bytes.into())))
    }

    fn drop(&mut self, blob: Resource<Blob>) -> wasmtime::Result<()> {
        self.take(blob).map(drop)
    }
}

impl State {
    /// A handle to new bytes.
    pub(super) fn new_blob(
        &mut self,
        function: &str,
        bytes: Bytes,
    ) -> Result<Resource<Blob>, Error> {
        let len = bytes.len();
        let blob = self.blob_bytes.blob(bytes).map_err(|_| {
            Error::Limit(format!(
                "{function}: {len} bytes more are over the {} MiB of one instance; drop blobs \
                 that are not needed",
                TOTAL / 1024 / 1024
            ))
        })?;
        self.give(blob).map_err(Error::Limit)
    }

    async fn look<T: Send + 'static>(
        &mut self,
        blob: &Resource<Blob>,
        look: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Answer<T> {
        let bytes = self.blob(blob)?.bytes().clone();
        if bytes.len() <= AT_ONCE {
            return Ok(look(&bytes));
        }
        let looking = tokio::task::spawn_blocking(move || look(&bytes));
        Ok(match self.waits.wait(looking).await {
            Ok(Ok(looked)) => looked,
            Ok(Err(error)) => Err(Error::Other(Some(error.to_string()))),
            Err(cancelled) => Err(cancelled.into()),
        })
    }
}

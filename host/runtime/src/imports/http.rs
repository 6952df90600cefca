//! `hostler:host/http`.

use crate::{
    bindings::{
        device::hostler::host::http::{Host, Request, Response},
        hostler::types::types::Error,
    },
    state::State,
};

impl Host for State {
    async fn fetch(&mut self, _request: Request) -> wasmtime::Result<Result<Response, Error>> {
        Ok(Err(Error::Denied("not yet".into())))
    }
}

//! `hostler:host/exchange`: requests that are noted down. Whether they are granted
//! is seen when they are made.

use std::time::Duration;

use hostler_egress as egress;

use crate::{
    bindings::hostler::{
        host::exchange::{Framing as GuestFraming, Host, Request},
        types::types::Error,
    },
    exchanges::{Framing, Wanted},
    state::{Effect, Role, State},
};

/// Exchanges of one session at a time: a stream, and a few requests beside it.
const EXCHANGE_LIMIT: usize = 16;

/// Largest body of a request: as the longest line to a child, a prompt with
/// images. It crosses the plugin's memory.
const BODY_LIMIT: usize = 32 * 1024 * 1024;

impl Host for State {
    fn open(&mut self, request: Request) -> wasmtime::Result<Result<u32, Error>> {
        if !matches!(self.role, Role::Session { .. }) {
            let text = "exchange.open is for a harness' sessions; use http.fetch".into();
            return Ok(Err(Error::Denied(text)));
        }
        if self.exchanges.len() >= EXCHANGE_LIMIT {
            return Ok(Err(Error::Limit(format!(
                "exchange.open: {EXCHANGE_LIMIT} exchanges of this session are on their way \
                 already"
            ))));
        }
        let body = request.body.len();
        if body > BODY_LIMIT {
            return Ok(Err(Error::Limit(format!(
                "exchange.open: a body of {body} bytes, at most {BODY_LIMIT}"
            ))));
        }
        let headers = request.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        let bytes = request.url.len() + headers + body;
        let exchange = self.next_exchange;
        self.next_exchange = exchange.wrapping_add(1);
        self.exchanges.insert(exchange);
        let ms = |ms: u32| Duration::from_millis(ms.into());
        let wanted = Wanted {
            framing: match request.framing {
                GuestFraming::Whole => Framing::Whole,
                GuestFraming::Lines => Framing::Lines,
                GuestFraming::Events => Framing::Events,
            },
            silence: (request.idle_ms > 0).then(|| ms(request.idle_ms)),
            request: egress::Request {
                method: request.method,
                url: request.url,
                headers: request.headers,
                body: request.body.into(),
                timeout: ms(request.head_ms),
                redirects: request.redirects,
            },
        };
        self.push(Effect::OpenExchange { exchange, wanted }, bytes)?;
        Ok(Ok(exchange))
    }

    fn cancel(&mut self, exchange: u32) -> wasmtime::Result<Result<(), Error>> {
        if self.exchanges.remove(&exchange) {
            self.push(Effect::CancelExchange { exchange }, 0)?;
        }
        Ok(Ok(()))
    }
}

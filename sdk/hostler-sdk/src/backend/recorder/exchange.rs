//! `hostler:host/exchange`, natively.

use super::{Role, with};
use crate::exchange::{ExchangeId, Request};
use crate::testing::Effect;
use crate::{Error, Result};

/// The contract's bounds.
const MAX_EXCHANGES: usize = 16;
const MAX_BODY: usize = 32 << 20;

pub(crate) fn exchange_open(request: Request) -> Result<ExchangeId> {
    with(|host| {
        if host.role != Role::Session {
            return Err(Error::Denied(
                "exchange.open is for sessions; probe uses http.fetch".to_owned(),
            ));
        }
        if request.body.len() > MAX_BODY {
            return Err(Error::Limit(format!(
                "a body of {} bytes; at most {MAX_BODY}",
                request.body.len()
            )));
        }
        if host.exchanges.len() >= MAX_EXCHANGES {
            return Err(Error::Limit(format!(
                "{MAX_EXCHANGES} requests are on their way already"
            )));
        }
        host.last_exchange += 1;
        let exchange = ExchangeId(host.last_exchange);
        host.exchanges.insert(exchange);
        host.note(Effect::ExchangeOpen { exchange, request })?;
        Ok(exchange)
    })
}

pub(crate) fn exchange_cancel(exchange: ExchangeId) -> Result {
    with(|host| {
        host.exchanges.remove(&exchange);
        host.note(Effect::ExchangeCancel(exchange))
    })
}

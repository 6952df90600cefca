//! Servers that a session talks to.

use serde_json::Value;

use super::{Bench, Effects, Outside};
use crate::exchange::{self, ExchangeId};
use crate::{Error, Event, Harness};

impl<H: Harness> Bench<H> {
    /// What [`http::Request::send`](crate::http::Request::send) gets in a probe or
    /// an offer. Without it every such request is denied.
    #[must_use]
    pub fn outside(mut self, outside: impl Outside + 'static) -> Self {
        self.host.outside = Some(Box::new(outside));
        self
    }

    /// A server answers.
    pub fn http_head(
        &mut self,
        exchange: ExchangeId,
        status: u16,
        headers: &[(&str, &str)],
    ) -> Effects {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        self.event(Event::HttpHead {
            exchange,
            status,
            headers: headers.iter().map(owned).collect(),
        })
    }

    /// A line, a whole body, or an event without a name.
    pub fn http_piece(&mut self, exchange: ExchangeId, text: &str) -> Effects {
        self.event(piece(exchange, text))
    }

    /// The same of JSON.
    pub fn http_json(&mut self, exchange: ExchangeId, value: &Value) -> Effects {
        self.http_piece(exchange, &value.to_string())
    }

    /// An event of an event stream, with what its `event:` and the last `id:` say.
    pub fn http_event(
        &mut self,
        exchange: ExchangeId,
        name: Option<&str>,
        id: Option<&str>,
        text: &str,
    ) -> Effects {
        self.event(Event::HttpPiece {
            exchange,
            text: text.to_owned(),
            name: name.map(str::to_owned),
            id: id.map(str::to_owned),
            lossy: false,
        })
    }

    /// The body came to its end.
    pub fn http_end(&mut self, exchange: ExchangeId) -> Effects {
        self.event(Event::HttpEnd(exchange))
    }

    /// There is no response, or the rest of it does not come.
    pub fn http_failed(&mut self, exchange: ExchangeId, error: Error) -> Effects {
        self.event(Event::HttpFailed { exchange, error })
    }

    /// A whole response in one batch: its head, this JSON as one piece, its end.
    pub fn http_response(&mut self, exchange: ExchangeId, status: u16, body: &Value) -> Effects {
        let media_type = ("content-type".to_owned(), "application/json".to_owned());
        self.events(vec![
            Event::HttpHead {
                exchange,
                status,
                headers: vec![media_type],
            },
            piece(exchange, &body.to_string()),
            Event::HttpEnd(exchange),
        ])
    }

    /// The requests that have neither ended nor been cancelled.
    pub fn open_exchanges(&self) -> Vec<ExchangeId> {
        self.host.exchanges.iter().copied().collect()
    }

    /// Leaves out what the host would: events of what was cancelled or has ended.
    #[track_caller]
    pub(super) fn drop_unheard(&self, events: &mut Vec<Event>) {
        let mut open = self.host.exchanges.clone();
        events.retain(|event| {
            let Some(exchange) = exchange::of(event) else {
                return true;
            };
            assert!(
                exchange.0 <= self.host.last_exchange,
                "{exchange} was never opened, and this comes of it: {event:?}"
            );
            match event {
                Event::HttpEnd(_) | Event::HttpFailed { .. } => open.remove(&exchange),
                _ => open.contains(&exchange),
            }
        });
    }
}

fn piece(exchange: ExchangeId, text: &str) -> Event {
    Event::HttpPiece {
        exchange,
        text: text.to_owned(),
        name: None,
        id: None,
        lossy: false,
    }
}

//! HTTP exchanges of a harness' sessions: a request that was noted down, and its
//! response as events.
//!
//! - [`pump`]: one task each, from the request to the end of its body.
//! - [`framing`]: cuts a body into pieces: lines, events, or all of it.
//!
//! What may be asked of whom is checked in `hostler-egress`, at the request and at
//! each redirect. Absent on purpose: reconnecting, which is the plugin's, because
//! it knows where it was.

mod framing;
mod pump;

use std::time::Duration;

use hostler_egress::{FetchError, Request};

use crate::happenings::Held;

pub(crate) use framing::{Framing, Piece};
pub(crate) use pump::{ExchangeHandle, start};

/// What a plugin asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) request: Request,
    pub(crate) framing: Framing,
    /// Longest in the body; none for no end.
    pub(crate) silence: Option<Duration>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum ExchangeEvent {
    Head {
        status: u16,
        headers: Vec<(String, String)>,
    },
    Pieces {
        pieces: Vec<Piece>,
        /// The bytes wait until they are taken.
        _held: Held,
    },
    End,
    Failed(FetchError),
}

//! One client over HTTP: messages come as POSTs, frames go out as events (SSE).
//!
//! ```text
//! POST ── inbox ── connection ── frames ── streams ──┬─ of the connection ── pump ── GET
//!                                                    └─ of each session ──── pump ── GET
//! ```
//!
//! - [`Peers`]: the connections by their ids. [`Peer`]: one of them, from
//!   `initialize` to its end.
//! - [`Streams`]: puts every frame into the stream that it belongs to, where it
//!   waits for a reader; `routes` says which stream that is, `state` is what they
//!   are made of.
//! - `pump`: one stream into the GET that reads it now. `events`: how a frame is
//!   written. [`Reading`]: the body of that GET.
//! - `activity`: when nobody has been there for long.
//!
//! All streams of a connection have one budget of bytes and end together. What
//! was handed to a GET is not sent again when that breaks: the next one goes on
//! with what still waits, or, with `Last-Event-ID`, from a position.
//!
//! Deliberately absent: headers and status codes, which are in `http`.

mod activity;
mod events;
mod peer;
mod peers;
mod pump;
mod reading;
pub(crate) mod routes;
mod state;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    peer::{Incoming, NewPeer, Peer},
    peers::Peers,
    reading::Reading,
    streams::Streams,
};

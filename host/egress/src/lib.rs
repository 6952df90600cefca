//! HTTP requests that a sandboxed plugin asks for.
//!
//! ```text
//! Request ─> target ─> grant (by name) ─> secrets filled in ─> resolve ─> grant (by address)
//!              ^                                                              │
//!              └── redirect, at most so many <── response head <── pool or dial, that address
//!                                                     └──> Body ──> Response
//! ```
//!
//! - [`HttpGrant`]: `[[plugins.ID.grants.http]]`; [`HostPattern`], [`Network`]:
//!   what stands in it. A denial names the lines that would allow it.
//! - [`Egress::fetch`]: the whole response; [`Egress::open`]: its head and a
//!   [`Body`] to read piece by piece; [`Egress::stream`]: the same for a body that
//!   may go on for days. All check everything again at each redirect.
//! - `address`: which addresses are not of the public internet. They are refused
//!   unless a grant lists them, and what was checked is what is dialled.
//! - `pool`: connections that wait for the next request, one plugin's never for
//!   another.
//! - [`Resolve`]: from names to addresses; a trait, so that tests can answer.
//!
//! Deliberately absent: proxies (of the environment too), cookies, caches,
//! decompression (`identity` is asked for), what a body is made of (lines, events),
//! HTTP/2, retries of what may have had
//! an effect, and logging: whoever calls tells the operator of a denial.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod address;
mod body;
mod dial;
mod egress;
mod error;
mod flight;
mod grant;
mod headers;
mod hop;
mod pattern;
mod pool;
mod redirect;
mod request;
mod resolve;
mod target;
mod template;

pub use address::Network;
pub use body::{Body, Opened};
pub use dial::Authorities;
pub use egress::{Caller, Egress, MAX_RESPONSE_BYTES, MAX_TIME};
pub use error::FetchError;
pub use grant::HttpGrant;
pub use pattern::{HostPattern, PatternError};
pub use redirect::MAX_REDIRECTS;
pub use request::{
    MAX_HEADER_BYTES, MAX_HEADERS, MAX_REQUEST_BYTES, MAX_URL_BYTES, Request, Response,
};
pub use resolve::{Resolve, Resolving, SystemResolver};

//! Who may talk to the host.
//!
//! - [`Token`]: 32 random bytes; [`LocalToken`]: the one in the state directory
//!   that programs of the same user find.
//! - [`TokenStore::verify`] turns a token into an [`Identity`]: a [`Principal`]
//!   and [`Scopes`]. It keeps digests only and compares in constant time.
//! - [`bearer`] and [`websocket_bearer`] find the token in a request's headers.
//!   Tokens never stand in a URL, where logs and histories keep them.
//! - [`HostRule`]: which `Host` and `Origin` headers are accepted, so that a web
//!   page that rebinds its name to this machine gets nothing.
//!
//! How a request goes: Host, Origin, token, then the scope of what it wants.
//! An absent Origin passes, so the check of it is no authentication.
//!
//! Deliberately absent: HTTP types, logging, sessions and their owners.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod header;
mod host;
mod identity;
mod local;
mod store;
mod token;

pub use header::{WS_BEARER_PREFIX, WS_PROTOCOL, bearer, websocket_bearer};
pub use host::{HostRule, HostRuleError};
pub use identity::{Identity, Principal, Scope, Scopes};
pub use local::{LocalToken, LocalTokenError, Source, TOKEN_FILE};
pub use store::TokenStore;
pub use token::{MAX_TOKEN_CHARS, MIN_TOKEN_CHARS, Token, TokenError};

//! Who may talk to the host.
//!
//! - [`Token`]: 32 random bytes; [`LocalToken`]: the one in the state directory
//!   that programs of the same user find, and the admin token beside the config.
//! - [`TokenStore::verify`] turns a token into a [`Grant`]: an [`Identity`], which
//!   is a [`Principal`] with [`Scopes`], and the end of it, when the token is
//!   revoked or its life is over. The store keeps digests only.
//! - [`AgentToken`]: of the agent of a session, for devices, as long as it lives.
//! - [`Pairings`]: codes that become a token on another machine, once.
//! - [`bearer`] and [`websocket_bearer`] find the token in a request's headers.
//!   Tokens never stand in a URL, where logs and histories keep them.
//! - [`Fingerprint`]: by which clients know a certificate that nobody signed.
//! - [`HostRule`]: which `Host` and `Origin` headers are accepted, so that a web
//!   page that rebinds its name to this machine gets nothing.
//!
//! How a request goes: Host, Origin, token, then the scope of what it wants.
//! An absent Origin passes, so the check of it is no authentication.
//!
//! Deliberately absent: HTTP types, logging, sessions and their owners, and the
//! disk: the tokens that outlive a host are kept by `hostler-store`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod agent;
mod fingerprint;
mod header;
mod host;
mod identity;
mod local;
mod pairing;
mod store;
mod token;

pub use agent::AgentToken;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use header::{WS_BEARER_PREFIX, WS_PROTOCOL, bearer, websocket_bearer};
pub use host::{HostRule, HostRuleError};
pub use identity::{
    Identity, MAX_PRINCIPAL_CHARS, Principal, PrincipalError, Scope, ScopeError, Scopes, TokenId,
};
pub use local::{ADMIN_TOKEN_FILE, LocalToken, LocalTokenError, Source, TOKEN_FILE};
pub use pairing::{Offer, PAIRING_LIFE, PairingCode, PairingError, Pairings};
pub use store::{EXPIRED_KEPT, Grant, GrantEnd, NotValid, TokenDigest, TokenStore};
pub use token::{MAX_TOKEN_CHARS, MIN_TOKEN_CHARS, Token, TokenError};

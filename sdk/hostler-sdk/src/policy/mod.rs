//! Lease policies: who gets which device, for how long, and what the next holder
//! finds. Implement [`Policy`] and name the type in
//! [`export_policy!`](crate::export_policy!).
//!
//! A policy is pure: a fresh instance for each call, and the same answer to the
//! same question, so that the host may remember answers. It narrows what the
//! host allows and never widens it. Of the host it has
//! [`config`](crate::config) and [`log`](crate::log).
//!
//! # A whole policy
//! Everybody gets what is free for an hour, and nobody waits.
//!
//! ```
//! use hostler_sdk::About;
//! use hostler_sdk::policy::*;
//!
//! struct Hourly;
//!
//! impl Policy for Hourly {
//!     fn describe() -> About {
//!         About { title: "Hourly".into(), version: env!("CARGO_PKG_VERSION").into() }
//!     }
//!
//!     fn needs_lease(_: &Caller, _: &str) -> Result<bool> {
//!         Ok(false)
//!     }
//!
//!     fn resolve(_: &Caller, _: &Wish, devices: &[Device]) -> Result<Vec<Choice>> {
//!         let free = devices.iter().filter(|device| device.free).take(8);
//!         Ok(free.map(|device| Choice::Device(device.key.clone())).collect())
//!     }
//!
//!     fn terms(_: &Caller, wish: &Wish) -> Result<Terms> {
//!         if wish.reader {
//!             return Err(Error::Denied("nobody looks on".into()));
//!         }
//!         Ok(Terms { ttl_ms: 3_600_000, wait_ms: None, readers: 0, hand_over: HandOver::Keep })
//!     }
//! }
//!
//! hostler_sdk::export_policy!(Hourly);
//!
//! // Its test.
//! let look = Wish { reader: true, ..Wish::default() };
//! assert!(Hourly::terms(&Caller::default(), &look).is_err());
//! ```

mod rules;
mod value;

pub use rules::Rules;
pub use value::{Caller, Choice, Device, HandOver, Terms, Wish};

use crate::About;

/// Shorthand for results of a policy.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Who gets which device, and for how long.
pub trait Policy: 'static {
    /// What this plugin is.
    fn describe() -> About;

    /// Whether a command that touches no device (`devices`) needs a lease. Every
    /// command that touches one does.
    ///
    /// # Errors
    /// As those of [`Policy::terms`].
    fn needs_lease(caller: &Caller, command: &str) -> Result<bool>;

    /// Which devices will do for a wish without choices, in order of preference,
    /// at most 8. `devices` are those that could be chosen, at most 256.
    ///
    /// # Errors
    /// As those of [`Policy::terms`].
    fn resolve(caller: &Caller, wish: &Wish, devices: &[Device]) -> Result<Vec<Choice>>;

    /// What is granted.
    ///
    /// # Errors
    /// [`Error::Denied`] with one sentence for the caller. Any other denies too.
    fn terms(caller: &Caller, wish: &Wish) -> Result<Terms>;

    /// Whether a command may run on a device that the caller has leased.
    ///
    /// # Errors
    /// As those of [`Policy::terms`].
    fn admit(caller: &Caller, device: &Device, command: &str) -> Result {
        let _ = (caller, device, command);
        Ok(())
    }
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The policy does not allow it; one sentence for the caller.
    #[error("{0}")]
    Denied(String),
    /// It could not tell, which denies.
    #[error("{0}")]
    Other(String),
}

/// What the host refused, such as a config that makes no sense.
impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self::Other(error.to_string())
    }
}

//! `hostler session …`: the sessions of a host.
//!
//! - [`host`]: asks a host a few things and finds sessions. [`people`]: who is
//!   there, in words.
//! - [`list`], [`show`], [`fork`], [`ends`] (share, close, delete), [`export`] with
//!   [`markdown`]: each asks and goes.
//! - [`live`]: attach and watch, which stay.

pub(crate) mod ends;
pub(crate) mod export;
pub(crate) mod fork;
pub(crate) mod host;
pub(crate) mod list;
pub(crate) mod live;
mod markdown;
mod people;
pub(crate) mod show;

//! Secrets: names for values that only the host may know.
//!
//! ```text
//! [secrets.NAME] env, command ─┐
//! sealed row + key file ───────┴─> Vault::get ──> Value ──> whoever fills it in
//!                                       └──> Mask: before anybody else has it
//! ```
//!
//! - [`SecretName`], [`SecretValue`]: what a name may look like; a value that is
//!   wiped when dropped and that no `Debug` shows.
//! - [`SecretSource`]: a variable of the host's environment or the output of a
//!   command, as `[secrets.NAME]` of `hostler.toml` says.
//! - [`SealKey`]: seals values for the disk, under a key in a file of its own.
//! - [`Vault`]: the value of a name, at the moment when it is needed.
//! - [`Mask`]: writes `[secret NAME]` over known values, in texts that leave.
//!
//! Deliberately absent: who may use which secret (grants say so), the file in
//! which sealed values are kept ([`StoredSecrets`] stands for it), and logging.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod command;
mod error;
mod key;
mod mask;
mod name;
mod source;
mod value;
mod vault;

pub use error::SecretError;
pub use key::{KEY_FILE, SealKey};
pub use mask::Mask;
pub use name::{MAX_NAME_CHARS, SecretName};
pub use source::SecretSource;
pub use value::{MAX_VALUE_BYTES, MIN_VALUE_BYTES, SecretValue};
pub use vault::{StoredSecrets, Vault};

//! The operator's settings for this plugin: `[plugins.ID.config]` of
//! `hostler.toml`.

use serde::de::DeserializeOwned;

use crate::{Error, Result, backend};

/// The settings as `T`; without any, `T` is read from `{}`. Give the type
/// `#[serde(deny_unknown_fields)]`, so that a misspelt setting is an error.
///
/// # Errors
/// `Invalid` with serde's message, which names the field.
pub fn get<T: DeserializeOwned>() -> Result<T> {
    serde_json::from_str(&raw()?)
        .map_err(|error| Error::Invalid(format!("[plugins.ID.config] of this plugin: {error}")))
}

/// The settings as the JSON text of one object.
///
/// # Errors
/// None that a plugin could mend.
pub fn raw() -> Result<String> {
    backend::config()
}

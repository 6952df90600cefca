use std::{borrow::Borrow, fmt, sync::Arc};

use crate::label::{Label, MAX_LABEL_BYTES};

/// Other names of one device from one provider. Real ones have a name, a
/// serial and perhaps an address.
pub const MAX_ALIASES: usize = 16;

/// Pools of one device from one provider: enough for platform, kind, version
/// and model and each combination of them.
pub const MAX_POOLS: usize = 16;

/// Providers that may see one device. Two do when a device has two ways to it.
pub const MAX_PROVIDERS_OF_A_DEVICE: usize = 8;

/// Devices that are known at a time, far above any real pool, so that a
/// provider that answers nonsense cannot fill the memory.
pub const MAX_DEVICES: usize = 131_072;

/// The one name of a device for leasing, `<platform>:<hardware-id>` in lower
/// case. It is made by discovery only, never from what a caller writes, so no
/// spelling, alias, provider or backend gives a second key to one device.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceKey(Arc<str>);

/// What a provider said of a device that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SightingError {
    /// Not a platform.
    #[error("{0:?} is no platform: write 1 to 32 lower-case letters, digits and `-`")]
    Platform(String),
    /// Not a hardware id.
    #[error(
        "{0:?} is no hardware id: it has 1 to {MAX_LABEL_BYTES} printable ASCII characters without spaces"
    )]
    HardwareId(String),
    /// More names than [`MAX_ALIASES`].
    #[error("a device has at most {MAX_ALIASES} aliases; {0} has more")]
    Aliases(DeviceKey),
    /// More pools than [`MAX_POOLS`].
    #[error("a device is in at most {MAX_POOLS} pools; {0} is in more")]
    Pools(DeviceKey),
    /// More providers than [`MAX_PROVIDERS_OF_A_DEVICE`].
    #[error("at most {MAX_PROVIDERS_OF_A_DEVICE} providers may list {0}; remove one that does")]
    Providers(DeviceKey),
    /// [`MAX_DEVICES`] are known.
    #[error("{MAX_DEVICES} devices are known already; {0} is left out")]
    TooMany(DeviceKey),
}

impl DeviceKey {
    pub(crate) fn mint(platform: &str, hardware_id: &str) -> Result<DeviceKey, SightingError> {
        let quoted = |text: &str| text.chars().take(40).collect::<String>();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&platform.len()) || !platform.bytes().all(plain) {
            return Err(SightingError::Platform(quoted(platform)));
        }
        if !(1..=MAX_LABEL_BYTES).contains(&hardware_id.len())
            || !hardware_id.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(SightingError::HardwareId(quoted(hardware_id)));
        }
        let key = format!("{platform}:{}", hardware_id.to_ascii_lowercase());
        Ok(DeviceKey(key.into()))
    }

    /// The key that a store kept: the text of one that discovery made.
    ///
    /// # Errors
    /// It is not the text of any key.
    pub fn from_store(text: &str) -> Result<DeviceKey, SightingError> {
        let (platform, hardware_id) = text.split_once(':').unwrap_or(("", text));
        DeviceKey::mint(platform, hardware_id)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the platform.
    pub(crate) fn hardware_id(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, id)| id)
    }
}

impl Borrow<str> for DeviceKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device as one provider sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Such as `ios` or `android`.
    pub platform: String,
    /// What the hardware says it is: a UDID, `ro.serialno`.
    pub hardware_id: String,
    /// What else callers may call it. An alias may name several devices; then
    /// it cannot be used to ask for one.
    pub aliases: Vec<Label>,
    /// The pools that it is in, for those who want any device of one. Whoever
    /// drives discovery makes them from what it knows: platform, kind, version,
    /// the operator's own groups.
    pub pools: Vec<Label>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hardware_id_is_one_key_in_any_case() {
        let upper = DeviceKey::mint("ios", "8F1C-AB").unwrap();
        assert_eq!(upper, DeviceKey::mint("ios", "8f1c-ab").unwrap());
        assert_eq!(upper.as_str(), "ios:8f1c-ab");
        assert_eq!(DeviceKey::from_store(upper.as_str()), Ok(upper));
    }

    #[test]
    fn nonsense_makes_no_key() {
        let long = "x".repeat(300);
        for (platform, id) in [
            ("", "a"),
            ("iOS", "a"),
            ("i:s", "a"),
            ("ios", ""),
            ("ios", "a b"),
            ("ios", "é"),
            ("ios", "a\n"),
            ("ios", &long),
        ] {
            let error = DeviceKey::mint(platform, id).unwrap_err().to_string();
            assert!(error.len() < 200, "{error}");
        }
        assert!(DeviceKey::from_store("no-colon").is_err());
    }
}

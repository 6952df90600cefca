use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ms;
use crate::{DeviceView, Listing};

/// A device and how it stands with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its one name for leasing, `PLATFORM:HARDWARE-ID`.
    pub key: String,
    /// For people.
    pub name: String,
    /// `ios`, `android`, `chromium`…
    pub platform: String,
    /// `emulator`, `simulator`, `device`, `browser`…
    pub kind: String,
    /// `mobile`, `tablet`, `tv`, `desktop`…
    pub target: String,
    /// The version of its system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it runs.
    pub booted: bool,
    /// Other names that it can be asked for with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The pools that it is in: `@NAME` asks for any device of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<String>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The provider plugins that see it; the first opens it.
    #[serde(default)]
    pub providers: Vec<String>,
    /// Who has it.
    #[serde(flatten)]
    pub status: DeviceStatus,
}

/// How it stands with a device, as far as the reader may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceStatus {
    /// What it is doing.
    pub state: DeviceState,
    /// Who has it; absent when nobody does or the reader may not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// After how long its lease ends if it is not renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_in_ms: Option<u64>,
    /// For how long no command has run under its lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_ms: Option<u64>,
    /// How many look on beside the holder.
    #[serde(default)]
    pub readers: usize,
    /// How many wait for this very device.
    #[serde(default)]
    pub waiting: usize,
}

/// What a device is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Nobody has it.
    Free,
    /// It is being made ready for a holder.
    HandingOver,
    /// Somebody has it.
    Held,
    /// What its last holder left is being ended.
    TearingDown,
    /// No provider sees it.
    Absent,
}

/// Who has a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holder {
    /// Who.
    pub principal: String,
    /// In which session of the client.
    pub session: String,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// All devices, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Devices {
    /// By key.
    pub devices: Vec<Device>,
    /// The providers that did not answer the last time.
    #[serde(default)]
    pub failures: Vec<ProviderFailure>,
}

/// A provider that has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderFailure {
    /// The plugin.
    pub provider: String,
    /// Why, and what to do.
    pub message: String,
}

impl DeviceState {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::HandingOver => "handing_over",
            Self::Held => "held",
            Self::TearingDown => "tearing_down",
            Self::Absent => "absent",
        }
    }
}

impl From<hostler_lease::Condition> for DeviceState {
    fn from(condition: hostler_lease::Condition) -> Self {
        use hostler_lease::Condition as C;
        match condition {
            C::Free => Self::Free,
            C::HandingOver => Self::HandingOver,
            C::Held => Self::Held,
            C::TearingDown => Self::TearingDown,
            C::Absent => Self::Absent,
        }
    }
}

impl From<&hostler_lease::DeviceStatus> for DeviceStatus {
    fn from(status: &hostler_lease::DeviceStatus) -> Self {
        Self {
            state: status.condition.into(),
            holder: status.holder.as_ref().map(Holder::from),
            ends_in_ms: status.ends_in.map(ms),
            idle_ms: status.idle_for.map(ms),
            readers: status.readers,
            waiting: status.waiting,
        }
    }
}

impl From<&hostler_lease::Holder> for Holder {
    fn from(holder: &hostler_lease::Holder) -> Self {
        Self {
            principal: holder.principal.to_string(),
            session: holder.session.to_string(),
            client: holder.client.as_ref().map(ToString::to_string),
        }
    }
}

impl From<DeviceView> for Device {
    fn from(view: DeviceView) -> Self {
        let capabilities = view.info.capabilities.named().into_iter();
        let capabilities = capabilities.filter(|(_, is)| *is);
        Self {
            key: view.key.to_string(),
            name: view.info.name,
            platform: view.info.platform,
            kind: view.info.kind,
            target: view.info.target,
            version: view.info.version,
            booted: view.info.booted,
            aliases: view.info.aliases,
            pools: view.pools,
            capabilities: capabilities.map(|(name, _)| name.to_owned()).collect(),
            providers: view.providers,
            status: DeviceStatus::from(&view.status),
        }
    }
}

impl From<Listing> for Devices {
    fn from(listing: Listing) -> Self {
        let failures = listing.failures.into_iter().map(|failure| ProviderFailure {
            provider: failure.id,
            message: failure.error.to_string(),
        });
        Self {
            failures: failures.collect(),
            devices: listing.devices.into_iter().map(Device::from).collect(),
        }
    }
}

//! What is asked of a policy and answered.

/// Who asks. All but `principal` are labels that the client chose: for people,
/// never authority.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Who the token says it is.
    pub principal: String,
    /// The name of the client's session.
    pub session: String,
    /// What the client said.
    pub tenant: Option<String>,
    /// What the client said.
    pub run: Option<String>,
    /// What the client calls itself.
    pub client: Option<String>,
    /// What kind of device the client thinks it talks to.
    pub backend: Option<String>,
    /// The client knows nothing of leases: the host takes one for it.
    pub implicit: bool,
}

/// A device, or any of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// By key, hardware id or alias.
    Device(String),
    /// Any of this pool.
    Pool(String),
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Which devices, in order of preference; empty: the policy chooses.
    pub choices: Vec<Choice>,
    /// Only devices of this platform.
    pub platform: Option<String>,
    /// To look on beside the holder.
    pub reader: bool,
    /// The time to live that the client asked for, in milliseconds.
    pub ttl_ms: Option<u64>,
    /// How long the client would wait, in milliseconds; nothing: not at all.
    pub wait_ms: Option<u64>,
    /// How the client wants the device.
    pub hand_over: Option<HandOver>,
}

/// What is done to a device before its next holder gets it.
pub use crate::device::HandOver;

/// A device that could be chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Its key.
    pub key: String,
    /// For people.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// `emulator`, `browser`…
    pub kind: String,
    /// The pools that it is in.
    pub pools: Vec<String>,
    /// Nobody has it.
    pub free: bool,
}

/// What is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The lease ends so many milliseconds after its last use: 5 seconds to
    /// 24 hours.
    pub ttl_ms: u64,
    /// How long it waits for a device; nothing: it is refused at once.
    pub wait_ms: Option<u64>,
    /// How many may look on beside the holder, at most 16.
    pub readers: u16,
    /// How the device is made ready.
    pub hand_over: HandOver,
}

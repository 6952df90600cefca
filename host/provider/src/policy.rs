use std::{fmt, sync::Arc, time::Duration};

use crate::BoxFuture;

/// What says who gets which device: one plugin. The host's own rules stand
/// above it.
pub trait Policy: Send + Sync + fmt::Debug {
    /// The plugin's id, by which operators and clients name it.
    fn id(&self) -> &str;

    /// Whether a command that touches no device needs a lease.
    fn needs_lease<'a>(
        &'a self,
        caller: &'a Caller,
        command: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>>;

    /// Which devices will do for a wish without choices.
    fn resolve<'a>(
        &'a self,
        caller: &'a Caller,
        wish: &'a Wish,
        devices: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>>;

    /// What is granted.
    fn terms<'a>(
        &'a self,
        caller: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>>;

    /// Whether a command may run on a device that the caller has leased.
    fn admit<'a>(
        &'a self,
        caller: &'a Caller,
        device: &'a Candidate,
        command: &'a str,
    ) -> BoxFuture<'a, Result<(), PolicyError>>;
}

/// Who asks. All but the principal are labels that the client chose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Who the token says it is.
    pub principal: Arc<str>,
    /// The name of the client's session.
    pub session: String,
    /// A label.
    pub tenant: Option<String>,
    /// A label.
    pub run: Option<String>,
    /// A label: what the client calls itself.
    pub client: Option<String>,
    /// A label: what the client thinks it talks to.
    pub backend: Option<String>,
    /// The client knows nothing of leases.
    pub implicit: bool,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// In order of preference; empty: the policy chooses.
    pub choices: Vec<Choice>,
    /// Only devices of this platform.
    pub platform: Option<String>,
    /// To look on beside the holder.
    pub reader: bool,
    /// The time to live that the client asked for.
    pub ttl: Option<Duration>,
    /// How long the client would wait; `None`: not at all.
    pub wait: Option<Duration>,
    /// How the client wants the device.
    pub hand_over: Option<HandOver>,
}

/// A device, or any of several.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Choice {
    /// By key, hardware id or alias.
    Device(String),
    /// Any of this pool.
    Pool(String),
}

/// What is done to a device before its next holder gets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum HandOver {
    /// Nothing.
    #[default]
    Keep,
    /// Apps that were installed are removed.
    ClearApps,
    /// The device is erased.
    Erase,
    /// The snapshot of that name is restored.
    Snapshot(String),
}

/// A device that could be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
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

/// What is granted, not checked against the host's own bounds yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTerms {
    /// After its last use.
    pub ttl: Duration,
    /// How long it waits; `None`: it is refused at once.
    pub wait: Option<Duration>,
    /// How many may look on.
    pub readers: u16,
    /// How the device is made ready.
    pub hand_over: HandOver,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The policy does not allow it.
    #[error("{0}")]
    Denied(String),
    /// It crashed, hit a limit, is not loaded, or could not tell: that denies.
    #[error("the lease policy failed, which denies: {0}")]
    Failed(String),
}

impl PolicyError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied(_) => "POLICY_DENIED",
            Self::Failed(_) => "POLICY_FAILED",
        }
    }
}

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A lease, or a place in a queue, as others may see it: without its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Whose.
    pub principal: String,
    /// The name of the client's session.
    pub session: String,
    /// What the client calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// A label of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A label of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What the client thinks it talks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The policy that gave the terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What was asked for, in the order of preference: keys, names, `@POOL`.
    pub wants: Vec<String>,
    /// How it is held.
    pub mode: Mode,
    /// How far it has come.
    pub state: LeaseState,
    /// The key of its device, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Its place in the queue, from 1, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// Grows with every grant of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fencing_token: Option<u64>,
    /// After how long it ends without a renewal, or the wait is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_in_ms: Option<u64>,
}

/// How a device is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By whoever shows the lease id.
    Explicit,
    /// By a token and the name of a session.
    Implicit,
    /// Beside the holder, to look on.
    Reader,
}

/// How far a lease has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeaseState {
    /// It stands in a queue.
    Waiting,
    /// Its device is being made ready.
    HandingOver,
    /// It has its device.
    Held,
}

/// A lease as its holder sees it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Granted {
    /// The secret half of the right to the device: 32 hexadecimal digits, to be
    /// sent in the header `hostler-lease` and never in an address.
    pub id: String,
    /// The lease.
    #[serde(flatten)]
    pub lease: Lease,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

impl Lease {
    /// What the lease asks for, who asks, and how: the part that does not change.
    /// `moment` says how long it is until a moment of the registry.
    #[must_use]
    pub fn new(
        view: &hostler_lease::LeaseView,
        until: impl Fn(hostler_lease::Moment) -> std::time::Duration,
    ) -> Self {
        let scope = &view.scope;
        let text = |label: &Option<hostler_lease::Label>| label.as_ref().map(ToString::to_string);
        let mut lease = Self {
            principal: view.principal.to_string(),
            session: scope.session.to_string(),
            client: text(&scope.client),
            tenant: text(&scope.tenant),
            run: text(&scope.run),
            backend: text(&scope.backend),
            policy: text(&scope.policy),
            wants: scope.selector.choices().iter().map(want).collect(),
            mode: (&scope.mode).into(),
            state: LeaseState::Waiting,
            device: None,
            place: None,
            fencing_token: None,
            ends_in_ms: None,
        };
        match &view.status {
            hostler_lease::Status::Waiting {
                position,
                until: end,
            } => {
                lease.place = Some(*position);
                lease.ends_in_ms = Some(super::ms(until(*end)));
            }
            hostler_lease::Status::HandingOver { key } => {
                lease.state = LeaseState::HandingOver;
                lease.device = Some(key.to_string());
            }
            hostler_lease::Status::Held {
                key,
                token,
                until: end,
            } => {
                lease.state = LeaseState::Held;
                lease.device = Some(key.to_string());
                lease.fencing_token = Some(token.number());
                lease.ends_in_ms = Some(super::ms(until(*end)));
            }
        }
        lease
    }
}

fn want(choice: &hostler_lease::Choice) -> String {
    match choice {
        hostler_lease::Choice::Device(name) => name.to_string(),
        hostler_lease::Choice::Pool(name) => format!("@{name}"),
    }
}

impl From<&hostler_lease::Mode> for Mode {
    fn from(mode: &hostler_lease::Mode) -> Self {
        match mode {
            hostler_lease::Mode::Explicit => Self::Explicit,
            hostler_lease::Mode::Implicit { .. } => Self::Implicit,
            hostler_lease::Mode::Reader => Self::Reader,
        }
    }
}

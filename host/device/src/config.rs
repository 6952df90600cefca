use std::{collections::BTreeMap, time::Duration};

use hostler_lease::{MAX_READERS, MAX_TTL, MAX_WAIT};

/// How long what a provider listed counts: devices are plugged in by hand, and
/// a list of a cloud costs a request.
pub const LIST_TTL: Duration = Duration::from_secs(15);

/// How long a provider may take to list its devices: `simctl` after a start of
/// the machine takes seconds.
pub const LIST_LIMIT: Duration = Duration::from_secs(20);

/// How long whoever asks waits for plugins that are being loaded, from their
/// announcement on. The first start of a host compiles every plugin, which takes
/// seconds; clients give a request a minute.
pub const LOADING_LIMIT: Duration = Duration::from_secs(30);

/// How long a device may take to boot, be made ready and open. Below
/// [`hostler_lease::HAND_OVER_LIMIT`], so that the reason is heard.
pub const OPEN_LIMIT: Duration = Duration::from_secs(14 * 60);

/// Commands that wait for one device. One holder sends them one after the
/// other; a few more for readers and batches.
pub const MAX_COMMANDS_WAITING: usize = 64;

/// How long a command may go on after its limit before its session is dropped:
/// the provider's own cancellation takes one second.
pub const CALL_GRACE: Duration = Duration::from_secs(3);

/// Events that are kept for whoever was away: minutes of a busy host.
pub const EVENTS_KEPT: usize = 4096;

/// What the operator says of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The lease policy of requests that name none: the id of a plugin.
    pub policy: String,
    /// Others that a request may name. Whoever asks chooses the rules of its own
    /// lease among these, so none may grant what `policy` is there to refuse.
    pub policies: Vec<String>,
    /// The operator's own pools: a name, and the keys, hardware ids or names of
    /// the devices in it, in any case.
    pub pools: BTreeMap<String, Vec<String>>,
    /// How long a list counts.
    pub list_ttl: Duration,
    /// How long a provider may take to list.
    pub list_limit: Duration,
    /// How long a device may take to open.
    pub open_limit: Duration,
    /// No policy grants a longer life.
    pub max_ttl: Duration,
    /// No policy grants a longer wait.
    pub max_wait: Duration,
    /// No policy grants more readers.
    pub max_readers: u16,
}

impl Config {
    /// The bounds of the host, with that policy.
    pub fn new(policy: &str) -> Self {
        Self {
            policy: policy.to_owned(),
            policies: Vec::new(),
            pools: BTreeMap::new(),
            list_ttl: LIST_TTL,
            list_limit: LIST_LIMIT,
            open_limit: OPEN_LIMIT,
            max_ttl: MAX_TTL,
            max_wait: MAX_WAIT,
            max_readers: MAX_READERS,
        }
    }

    /// Whether a request may name that policy.
    pub fn may_name(&self, policy: &str) -> bool {
        self.policy == policy || self.policies.iter().any(|id| id == policy)
    }

    /// What a request may name, for people.
    pub(crate) fn nameable(&self) -> String {
        let mut all = vec![self.policy.as_str()];
        all.extend(self.policies.iter().map(String::as_str));
        all.join(", ")
    }
}

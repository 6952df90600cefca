use serde::Deserialize;

use super::{Caller, Choice, Device, Error, HandOver, Result, Terms, Wish};
use crate::config;

/// The contract's bound of [`Policy::resolve`](super::Policy::resolve).
const MAX_CHOICES: usize = 8;

/// What most policies decide by: bounds of time, and how a device is passed on.
/// A policy starts from its own values; the operator changes any of them in
/// `[plugins.ID.config]`, and another key there is an error that names it.
///
/// ```toml
/// ttl_seconds = 300           # from its last use, when the client names no time
/// implicit_ttl_seconds = 300  # the same for clients that know nothing of leases
/// min_ttl_seconds = 5         # what a client may ask for
/// max_ttl_seconds = 600
/// max_wait_seconds = 3600     # how long a client may wait for a device
/// readers = 4                 # who may look on beside a holder; 0: nobody
/// hand_over = "keep"          # or "clear-apps", "erase", "snapshot:NAME"
/// devices_need_lease = false  # whether listing devices needs a lease
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// A lease ends so long after its last use, when the client names no time.
    pub ttl_seconds: u64,
    /// The same for clients that know nothing of leases, and so never release.
    pub implicit_ttl_seconds: u64,
    /// The least that a client may ask for.
    pub min_ttl_seconds: u64,
    /// The most that a client may ask for.
    pub max_ttl_seconds: u64,
    /// How long a client may wait; who asks for more waits so long.
    pub max_wait_seconds: u64,
    /// How many may look on beside a holder.
    pub readers: u16,
    /// How a device is made ready, when the client wants nothing else.
    pub hand_over: HandOver,
    /// Whether a command that touches no device needs a lease.
    pub devices_need_lease: bool,
}

/// What stands in the config.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Changes {
    ttl_seconds: Option<u64>,
    implicit_ttl_seconds: Option<u64>,
    min_ttl_seconds: Option<u64>,
    max_ttl_seconds: Option<u64>,
    max_wait_seconds: Option<u64>,
    readers: Option<u16>,
    hand_over: Option<String>,
    devices_need_lease: Option<bool>,
}

impl Rules {
    /// These rules with what the operator changed.
    ///
    /// # Errors
    /// [`Error::Other`] for a key that is none of them, a value of another kind,
    /// or bounds that exclude the policy's own time.
    pub fn configured(self) -> Result<Self> {
        let changes: Changes = config::get()?;
        let hand_over = changes.hand_over.map(|text| hand_over(&text)).transpose()?;
        let rules = Self {
            ttl_seconds: changes.ttl_seconds.unwrap_or(self.ttl_seconds),
            implicit_ttl_seconds: changes
                .implicit_ttl_seconds
                .unwrap_or(self.implicit_ttl_seconds),
            min_ttl_seconds: changes.min_ttl_seconds.unwrap_or(self.min_ttl_seconds),
            max_ttl_seconds: changes.max_ttl_seconds.unwrap_or(self.max_ttl_seconds),
            max_wait_seconds: changes.max_wait_seconds.unwrap_or(self.max_wait_seconds),
            readers: changes.readers.unwrap_or(self.readers),
            hand_over: hand_over.unwrap_or(self.hand_over),
            devices_need_lease: changes
                .devices_need_lease
                .unwrap_or(self.devices_need_lease),
        };
        let allowed = rules.min_ttl_seconds..=rules.max_ttl_seconds;
        for (key, value) in [
            ("ttl_seconds", rules.ttl_seconds),
            ("implicit_ttl_seconds", rules.implicit_ttl_seconds),
        ] {
            if !allowed.contains(&value) {
                return Err(Error::Other(format!(
                    "[plugins.ID.config] of this policy: {key} = {value} is not between \
                     min_ttl_seconds = {} and max_ttl_seconds = {}",
                    rules.min_ttl_seconds, rules.max_ttl_seconds
                )));
            }
        }
        Ok(rules)
    }

    /// The devices of the wish's platform, the free ones first, otherwise as they
    /// came.
    pub fn resolve(&self, wish: &Wish, devices: &[Device]) -> Vec<Choice> {
        let fits = |device: &&Device| {
            let platform = wish.platform.as_deref();
            platform.is_none_or(|platform| device.platform.eq_ignore_ascii_case(platform))
        };
        let (free, taken): (Vec<_>, Vec<_>) =
            devices.iter().filter(fits).partition(|device| device.free);
        let keys = free.into_iter().chain(taken).take(MAX_CHOICES);
        keys.map(|device| Choice::Device(device.key.clone()))
            .collect()
    }

    /// What these rules grant.
    ///
    /// # Errors
    /// [`Error::Denied`] for a time outside the bounds, and for looking on where
    /// nobody may.
    pub fn terms(&self, caller: &Caller, wish: &Wish) -> Result<Terms> {
        if wish.reader && self.readers == 0 {
            return Err(Error::Denied(
                "nobody may look on beside a holder here; wait for the device itself".to_owned(),
            ));
        }
        let own = if caller.implicit {
            self.implicit_ttl_seconds
        } else {
            self.ttl_seconds
        };
        let ttl_ms = wish.ttl_ms.unwrap_or_else(|| millis(own));
        let (least, most) = (millis(self.min_ttl_seconds), millis(self.max_ttl_seconds));
        if !(least..=most).contains(&ttl_ms) {
            return Err(Error::Denied(format!(
                "a lease of {} s was asked for; ask for {} s to {} s, or for none to get {own} s",
                ttl_ms as f64 / 1000.0,
                self.min_ttl_seconds,
                self.max_ttl_seconds
            )));
        }
        let longest = millis(self.max_wait_seconds);
        let wait_ms = wish.wait_ms.map(|asked| asked.min(longest));
        Ok(Terms {
            ttl_ms,
            wait_ms: wait_ms.filter(|&wait| wait > 0),
            readers: self.readers,
            hand_over: wish
                .hand_over
                .clone()
                .unwrap_or_else(|| self.hand_over.clone()),
        })
    }
}

fn millis(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

fn hand_over(text: &str) -> Result<HandOver> {
    match text {
        "keep" => Ok(HandOver::Keep),
        "clear-apps" => Ok(HandOver::ClearApps),
        "erase" => Ok(HandOver::Erase),
        _ => match text.strip_prefix("snapshot:") {
            Some(name) if !name.is_empty() => Ok(HandOver::Snapshot(name.to_owned())),
            _ => Err(Error::Other(format!(
                "[plugins.ID.config] of this policy: hand_over = {text:?} is none of \
                 \"keep\", \"clear-apps\", \"erase\", \"snapshot:NAME\""
            ))),
        },
    }
}

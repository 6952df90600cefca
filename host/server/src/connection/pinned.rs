//! What a session is from its beginning and stays: its harness, and the devices
//! that its agent may have.

use hostler_device::Pins;
use hostler_wire::{Fault, codes};
use serde::Deserialize;

use super::{Connection, params::bad};

/// `_meta.hostler` of requests that begin a session or come back to one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Pinned {
    pub(super) harness: Option<String>,
    pub(super) devices: Option<Vec<String>>,
}

impl Pinned {
    /// Refuses a wish for something else than the session has. None is no wish.
    pub(super) fn check(&self, harness: &str, devices: Option<&[String]>) -> Result<(), Fault> {
        if let Some(asked) = &self.harness
            && asked != harness
        {
            return Err(locked(&format!(
                "this session has begun with the harness {harness:?} and stays with it, so it \
                 cannot have {asked:?}; its model and mode can change. Begin another session"
            )));
        }
        let Some(asked) = &self.devices else {
            return Ok(());
        };
        if devices.is_some_and(|own| is_same(asked, own)) {
            return Ok(());
        }
        let own = match devices {
            None => "all devices".to_owned(),
            Some([]) => "no device".to_owned(),
            Some(own) => own.join(", "),
        };
        Err(locked(&format!(
            "this session has begun with {own} for its agent, and that cannot change. Begin \
             another session"
        )))
    }
}

/// In whatever order.
fn is_same(asked: &[String], own: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        names
    };
    sorted(asked) == sorted(own)
}

fn locked(message: &str) -> Fault {
    Fault::new(codes::SESSION_LOCKED, message)
}

impl Connection {
    /// Whether a new session's agent can be bound to these.
    pub(super) fn check_devices(&self, devices: Option<&[String]>) -> Result<(), Fault> {
        let Some(devices) = devices.filter(|devices| !devices.is_empty()) else {
            return Ok(());
        };
        if self.shared.config.devices.is_none() {
            return Err(bad(
                "`_meta.hostler.devices` names devices, and this host lends none",
            ));
        }
        match Pins::new(devices) {
            Ok(_) => Ok(()),
            Err(error) => Err(bad(&format!("`_meta.hostler.devices`: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(harness: Option<&str>, devices: Option<&[&str]>) -> Pinned {
        Pinned {
            harness: harness.map(str::to_owned),
            devices: devices.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
        }
    }

    #[test]
    fn what_a_session_has_may_be_wished_for_again_and_nothing_else() {
        let own = ["a".to_owned(), "@phones".to_owned()];
        let check = |wish: Pinned, own: Option<&[String]>| wish.check("codex", own);
        check(wish(None, None), Some(&own)).unwrap();
        check(wish(Some("codex"), Some(&["@phones", "a"])), Some(&own)).unwrap();
        check(wish(None, Some(&[])), Some(&[])).unwrap();
        for (wish, own, names) in [
            (wish(Some("claude"), None), None, "codex"),
            (wish(None, Some(&["a"])), Some(&own[..]), "@phones"),
            (wish(None, Some(&["a"])), None, "all devices"),
            (wish(None, Some(&["a"])), Some(&[][..]), "no device"),
        ] {
            let fault = check(wish, own).unwrap_err();
            assert_eq!(fault.name, "SESSION_LOCKED");
            assert!(fault.message.contains(names), "{}", fault.message);
        }
    }
}

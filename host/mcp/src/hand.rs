//! What a client has in its hand: the implicit leases of its token and session,
//! one for each device, under names that are counted.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::request::Parts;
use hostler_auth::{Grant, Scope};
use hostler_device::{Devices, LeaseStanding, Who, json::FailureBody};
use hostler_lease::{DeviceKey, Label, LeaseId, Principal};
use hostler_provider::Wish;

use crate::{
    door::{SESSION_HEADER, session_id},
    looking::Looking,
};

/// Devices that one client may hold: some phones of a chat and a tablet.
pub const MAX_HELD: usize = 8;

/// What this protocol is called where several are told apart.
const SURFACE: &str = "mcp";

/// The longest name that a client may give its session.
const MAX_NAME: usize = 64;

/// Characters of a session's id that stand in its name: enough that two do not
/// meet, and not all, because others may read it.
const ID_SHOWN: usize = 13;

/// The devices of one client.
#[derive(Debug, Clone)]
pub(crate) struct Hand {
    pub(crate) devices: Devices,
    pub(crate) who: Who,
    looking: Looking,
    /// The name of the client's session; of further devices it is the beginning.
    session: String,
}

/// A device in it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: LeaseId,
    pub(crate) key: DeviceKey,
    /// To look on beside its holder.
    pub(crate) reader: bool,
}

impl Hand {
    /// # Errors
    /// The header with the session's name is wrong.
    pub(crate) fn of(
        devices: &Devices,
        looking: &Looking,
        parts: &Parts,
        grant: &Grant,
    ) -> Result<Self, FailureBody> {
        let odd = |_| FailureBody::new("INTERNAL", "this token has an odd name; make another");
        let identity = &grant.identity;
        Ok(Self {
            devices: devices.clone(),
            who: Who {
                principal: Principal::new(identity.principal.as_str()).map_err(|_| odd(()))?,
                token: Label::new(identity.token.as_str()).map_err(|_| odd(()))?,
                surface: Label::new(SURFACE).map_err(|_| odd(()))?,
                admin: identity.scopes.contains(Scope::Admin),
            },
            looking: looking.clone(),
            session: session(parts, grant)?,
        })
    }

    /// What the client's session is called.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// The names under which devices may be held. No session's own name has a `#`.
    fn places(&self) -> impl Iterator<Item = Label> {
        (1..=MAX_HELD).filter_map(|number| match number {
            1 => Label::new(&self.session).ok(),
            _ => Label::new(&format!("{}#{number}", self.session)).ok(),
        })
    }

    /// The devices that are held now, and then those that are looked on at.
    pub(crate) fn held(&self) -> Vec<Held> {
        let held = |id, reader| match self.devices.standing(&self.who, id) {
            Ok(LeaseStanding::Held { key, .. }) => Some(Held { id, key, reader }),
            _ => None,
        };
        let id = |place: Label| self.devices.implicit_held(&self.who, place.as_str());
        let own = self.places().filter_map(id);
        let mut all: Vec<_> = own.filter_map(|id| held(id, false)).collect();
        all.append(&mut self.looking_on(|id| held(id, true)));
        all
    }

    fn looking_on<T>(&self, look: impl Fn(LeaseId) -> Option<T>) -> Vec<T> {
        self.looking.each(&self.who, &self.session, look)
    }

    /// From now on it looks on at one more.
    pub(crate) fn look_on(&self, id: LeaseId) {
        let looking = &self.looking;
        looking.put(&self.devices, &self.who, &self.session, id);
    }

    /// The device that is meant: the one of that name, or the only one.
    ///
    /// # Errors
    /// None is held, several are and none was named, or that one is not.
    pub(crate) fn pick(&self, name: Option<&str>) -> Result<Held, FailureBody> {
        let mut held = self.held();
        if held.is_empty() {
            let message =
                "you hold no device; call device_open first (device_list shows what there is)";
            return Err(FailureBody::new("NO_DEVICE_HELD", message));
        }
        let keys = || {
            let keys: Vec<_> = held.iter().map(|held| held.key.as_str()).collect();
            keys.join(", ")
        };
        let Some(name) = name else {
            if held.len() > 1 {
                let message = format!("you hold several devices; say `device`: one of {}", keys());
                let mut body = FailureBody::new("DEVICE_NOT_NAMED", message);
                body.candidates = held.iter().map(|held| held.key.to_string()).collect();
                return Err(body);
            }
            return held
                .pop()
                .ok_or_else(|| FailureBody::new("INTERNAL", "nothing is held"));
        };
        let key = self
            .devices
            .find(name)
            .map_err(|refusal| FailureBody::from(&refusal))?;
        if let Some(found) = held.iter().find(|held| held.key == key) {
            return Ok(found.clone());
        }
        let message = format!(
            "you do not hold {key}; you hold {}; call device_open for it",
            keys()
        );
        Err(FailureBody::new("DEVICE_NOT_HELD", message))
    }

    /// A name under which to ask for something: the one whose place in a queue
    /// the client had before it or the host was away, or one under which nothing
    /// is held or asked for. It is taken as long as the result lives.
    pub(crate) fn place(&self, taken: &Taken, wish: &Wish) -> Result<Place, FailureBody> {
        let mut names = taken.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (devices, who) = (&self.devices, &self.who);
        let waits = |place: &Label| devices.implicit_waits(who, place.as_str(), wish);
        let free = |place: &Label| devices.implicit_held(who, place.as_str()).is_none();
        let (own, fresh) = (self.places().filter(waits), self.places().filter(free));
        for place in own.chain(fresh) {
            let name = (who.token.clone(), place);
            if names.insert(name.clone()) {
                let taken = taken.clone();
                return Ok(Place { name, taken });
            }
        }
        let message = format!("you hold {MAX_HELD} devices, which is the most; device_close one");
        Err(FailureBody::new("LEASE_CAPACITY_EXCEEDED", message))
    }

    /// Gives everything back.
    pub(crate) async fn release_all(&self) {
        let id = |place: Label| self.devices.implicit_held(&self.who, place.as_str());
        let mut ids: Vec<_> = self.places().filter_map(id).collect();
        ids.append(&mut self.looking_on(Some));
        for id in ids {
            if let Err(error) = self.devices.release(&self.who, id).await {
                tracing::debug!(%error, "a device of a client that left was not released");
            }
        }
    }
}

/// The names under which devices are being asked for now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<Mutex<HashSet<(Label, Label)>>>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Place {
    name: (Label, Label),
    taken: Taken,
}

impl Place {
    /// The name of the session.
    pub(crate) fn session(&self) -> Label {
        self.name.1.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut names = self.taken.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.remove(&self.name);
    }
}

/// What the client's session is called: as it says, or by its MCP session. The
/// token of an agent's session is for that one, however often it connects.
fn session(parts: &Parts, grant: &Grant) -> Result<String, FailureBody> {
    if let Some(name) = parts.headers.get(SESSION_HEADER) {
        let name = name.to_str().ok().filter(|name| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)
        });
        let message = format!(
            "the header {SESSION_HEADER} has 1 to {MAX_NAME} letters, digits and `-` `_` `.`"
        );
        let name = name.ok_or_else(|| FailureBody::new("BAD_HEADER", message))?;
        return Ok(format!("mcp-{name}"));
    }
    let own = grant.identity.principal.as_str().contains("/session:");
    Ok(match session_id(&parts.headers) {
        Some(id) if !own => {
            let shown: String = id.chars().take(ID_SHOWN).collect();
            format!("mcp-{shown}")
        }
        _ => "mcp".to_owned(),
    })
}

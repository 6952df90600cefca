//! Who drives a session, of those who may.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{Access, Client, ClientId, ControlMode, SessionError};

/// Who drives.
#[derive(Debug)]
pub(crate) struct Control {
    mode: ControlMode,
    holder: Option<Client>,
    /// Grows each time that control is taken or given up.
    epoch: u64,
    /// With [`ControlMode::First`]: connections that came when somebody else
    /// drove. They follow for as long as they last.
    followers: HashSet<ClientId>,
}

impl Control {
    pub(crate) fn new(mode: ControlMode) -> Self {
        Self {
            mode,
            holder: None,
            epoch: 0,
            followers: HashSet::new(),
        }
    }

    /// Whether `client` may drive now.
    pub(crate) fn allows(&self, client: &Client) -> bool {
        let holds = |holder: &Client| holder.is_same_as(client);
        client.access >= Access::Drive
            && match self.mode {
                ControlMode::Shared => true,
                ControlMode::First => self
                    .holder
                    .as_ref()
                    .is_some_and(|holder| holder.id == client.id),
                ControlMode::Lease => self.holder.as_ref().is_none_or(holds),
            }
    }

    /// Whether `client` drives already, and need not become the one who does.
    pub(crate) fn holds(&self, client: &Client) -> bool {
        let holds = |holder: &Client| holder.is_same_as(client);
        self.allows(client)
            && (self.mode == ControlMode::Shared || self.holder.as_ref().is_some_and(holds))
    }

    /// `client` is about to drive: if control is free, who does has it from now
    /// on. `true`: the holder is another than before.
    ///
    /// # Errors
    /// It may not.
    pub(crate) fn claim(&mut self, client: &Client) -> Result<bool, SessionError> {
        if client.access < Access::Drive {
            return Err(SessionError::ViewOnly);
        }
        let free = match self.mode {
            ControlMode::Shared => false,
            ControlMode::First => !self.followers.contains(&client.id),
            ControlMode::Lease => true,
        };
        if free && self.holder.is_none() {
            self.holder = Some(client.clone());
            return Ok(true);
        }
        if !self.allows(client) {
            return Err(self.refusal());
        }
        Ok(false)
    }

    fn refusal(&self) -> SessionError {
        let holder = self.holder.as_ref().map_or_else(
            || "nobody".to_owned(),
            |holder| format!("{} ({})", holder.who.name, holder.who.principal),
        );
        SessionError::NotController {
            mode: self.mode,
            holder,
        }
    }

    /// Takes control from whoever has it.
    ///
    /// # Errors
    /// It may not drive, or control is not taken in this mode.
    pub(crate) fn take(&mut self, client: &Client) -> Result<(), SessionError> {
        if client.access < Access::Drive {
            return Err(SessionError::ViewOnly);
        }
        if self.mode != ControlMode::Lease {
            return Err(self.refusal());
        }
        self.holder = Some(client.clone());
        self.epoch += 1;
        Ok(())
    }

    /// Gives control up.
    ///
    /// # Errors
    /// It does not have it.
    pub(crate) fn release(&mut self, client: &Client) -> Result<(), SessionError> {
        let holds = |holder: &Client| holder.is_same_as(client);
        if self.mode != ControlMode::Lease || !self.holder.as_ref().is_some_and(holds) {
            return Err(self.refusal());
        }
        self.holder = None;
        self.epoch += 1;
        Ok(())
    }

    /// Who may not drive any more has no control.
    pub(crate) fn revoke(&mut self, may_drive: impl Fn(&Client) -> bool) {
        if self
            .holder
            .as_ref()
            .is_some_and(|holder| !may_drive(holder))
        {
            self.holder = None;
            self.epoch += 1;
        }
    }

    /// `client` views the session from now on. `true`: it drives.
    pub(crate) fn attached(&mut self, client: &Client) -> bool {
        match (self.mode, &mut self.holder) {
            (ControlMode::First, Some(holder)) if holder.id != client.id => {
                self.followers.insert(client.id);
                false
            }
            (ControlMode::First, holder @ None)
                if client.access >= Access::Drive && !self.followers.contains(&client.id) =>
            {
                *holder = Some(client.clone());
                true
            }
            // The same instance of a client is back on another connection.
            (ControlMode::Lease, Some(holder)) if holder.is_same_as(client) => {
                *holder = client.clone();
                false
            }
            _ => false,
        }
    }

    /// `client` views the session no more; `gone` with its connection. `true`:
    /// control is free.
    pub(crate) fn detached(&mut self, client: ClientId, gone: bool) -> bool {
        if gone {
            self.followers.remove(&client);
        }
        let Some(holder) = self.holder.as_ref().filter(|holder| holder.id == client) else {
            return false;
        };
        let frees = match self.mode {
            ControlMode::Shared => false,
            ControlMode::First => true,
            // One with a name comes back under it.
            ControlMode::Lease => gone && holder.who.tag.is_none(),
        };
        if frees {
            self.holder = None;
        }
        frees
    }

    /// The members of `_hostler/control`, for `client`.
    pub(crate) fn to_json(&self, client: &Client) -> Value {
        json!({
            "mode": self.mode.name(),
            "holder": self.holder.as_ref().map(Client::to_json),
            "controlEpoch": self.epoch,
            "you": self.allows(client),
        })
    }
}

#[cfg(test)]
mod tests;

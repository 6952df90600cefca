//! Who may drive, and who does.

use crate::{Client, Happening, Reply, SessionError, unit::Unit};

impl Unit {
    /// `client` is about to drive.
    ///
    /// # Errors
    /// It may not, or somebody else does.
    pub(super) fn drive(&mut self, client: &Client) -> Result<(), SessionError> {
        if let Some(watcher) = self.watcher_mut(client.id) {
            // What the owner allows may be more than when it attached.
            watcher.client.access = client.access;
        }
        if self.control.claim(client)? {
            self.control_changed();
        }
        Ok(())
    }

    pub(super) fn take_control(&mut self, client: &Client, take: bool, reply: Reply) {
        let done = if take {
            self.control.take(client)
        } else {
            self.control.release(client)
        };
        if done.is_ok() {
            self.observe(Happening::Control {
                by: client.who.principal.clone(),
                mode: self.config.control,
                taken: take,
            });
            reply.send(Ok(self.control.to_json(client).to_string()));
            self.control_changed();
        } else {
            reply.send(done.map(|()| String::new()));
        }
    }
}

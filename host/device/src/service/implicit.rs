//! Leases of callers that know nothing of leases.

use hostler_lease::{Effects, Label, LeaseId, Mode, Refused, Status};
use hostler_provider::Wish;

use super::{Devices, allocate::again};
use crate::{Labels, Refusal, Ticket, Who};

/// How often two first commands of one session may cross.
const CROSSINGS: usize = 8;

/// Without lease calls.
impl Devices {
    /// The lease of a caller that knows nothing of leases: the one of its token
    /// and its session on that surface, or a new one. A device under an explicit lease is busy.
    ///
    /// # Errors
    /// As for [`Devices::allocate`]; or the session has another device than the
    /// wish names.
    pub async fn implicit(
        &self,
        who: &Who,
        labels: &Labels,
        wish: Wish,
        policy: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let mut crossed = Refusal::Stopping;
        for _ in 0..CROSSINGS {
            if let Some(id) = self.implicit_held(who, labels.session.as_str()) {
                match self.use_implicit(who, labels, &wish, id) {
                    // It ended just now.
                    Err(Refusal::Lease(Refused::LeaseUnknown | Refused::LeaseEnded(_))) => {}
                    other => return other,
                }
            }
            let mode = Mode::Implicit {
                token: who.token.clone(),
                surface: who.surface.clone(),
            };
            let ask = again(who, labels, wish.clone(), policy, mode);
            match self.ask(ask).await {
                Err(Refusal::Lease(refused @ Refused::SessionHasOne { .. })) => {
                    crossed = refused.into();
                }
                other => return other,
            }
        }
        Err(crossed)
    }

    /// The lease, or the place in a queue, that the token's session has as a
    /// caller that knows nothing of leases.
    pub fn implicit_held(&self, who: &Who, session: &str) -> Option<LeaseId> {
        let session = Label::new(session).ok()?;
        let state = self.0.lock();
        state
            .registry
            .implicit(&who.principal, &who.token, &who.surface, &session)
    }

    /// Whether the token's session stands in a queue, as a caller that knows
    /// nothing of leases, for what is wished for.
    pub fn implicit_waits(&self, who: &Who, session: &str, wish: &Wish) -> bool {
        let Some(id) = self.implicit_held(who, session) else {
            return false;
        };
        let state = self.0.lock();
        let status = state.registry.status(&who.principal, id);
        matches!(status, Ok(Status::Waiting { .. })) && state.waits_for(id, wish)
    }

    /// The implicit lease that is there, if it is of a device that is wished
    /// for.
    fn use_implicit(
        &self,
        who: &Who,
        labels: &Labels,
        wish: &Wish,
        id: LeaseId,
    ) -> Result<Ticket, Refusal> {
        let mut wait = None;
        {
            let mut state = self.0.lock();
            let key = match state.registry.status(&who.principal, id)? {
                Status::Waiting { .. } => {
                    if state.is_orphan(id) {
                        wait = wish.wait;
                        if wait.is_none() || !state.waits_for(id, wish) {
                            // Whoever left this place wants something else now.
                            let mut out = Effects::default();
                            state.registry.abandon(id, self.0.now(), &mut out);
                            self.0.settle(&mut state, out, None);
                            return Err(Refused::LeaseUnknown.into());
                        }
                    }
                    None
                }
                Status::HandingOver { key } | Status::Held { key, .. } => Some(key),
            };
            if let Some(key) = key
                && !state.fits(&key, wish)
            {
                let session = labels.session.clone();
                let key = Some(key);
                return Err(Refused::SessionHasOne { session, key }.into());
            }
        }
        match self.renew(who, id) {
            Ok(_) | Err(Refusal::Lease(Refused::NotYet)) => self.join(who, id, wait, false),
            Err(refused) => Err(refused),
        }
    }
}

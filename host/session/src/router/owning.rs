//! What the owner of a session may do: share it, delete it.

use hostler_auth::{Identity, Principal};

use super::{Found, Router, journal_error, lock, shares, stored_access};
use crate::{Access, Happening, Reply, SessionError, SessionEvent, ShareScope, access::Shares};

impl Router {
    /// Shares a session, or no more; the result is with whom it is shared now.
    /// Blocks.
    ///
    /// # Errors
    /// The caller is not its owner, or it could not be written.
    pub fn share(
        &self,
        caller: &Identity,
        id: &str,
        to: &Principal,
        scope: Option<ShareScope>,
    ) -> Result<Shares, SessionError> {
        let _one_at_a_time = lock(&self.0.sharing);
        // The caller sees it: else this is an error.
        self.find(caller, id)?;
        let stored = self.journal().session(id).map_err(journal_error)?;
        let stored = stored.ok_or_else(|| SessionError::UnknownSession(id.to_owned()))?;
        if stored_access(caller, &stored) != Some(Access::Owner) {
            return Err(SessionError::NotOwner("share it"));
        }
        self.journal()
            .share(stored.key, to.as_str(), scope.map(ShareScope::name))
            .map_err(journal_error)?;
        let mut now = shares(&stored);
        change_share(&mut now, to, scope);
        let live = self.get(caller, id).ok();
        if let Some(entry) = self.table().get(id) {
            // Another change may be on its way: only this one is made.
            let mut info = lock(&entry.info);
            change_share(&mut info.shares, to, scope);
            now = info.shares.clone();
        }
        if let Some(live) = live {
            // The session tells its viewers; it is not waited for.
            live.shared();
        }
        self.0.around.observer.observe(&SessionEvent {
            session: id,
            owner: &Principal::new(stored.record.owner.clone()),
            title: stored.title.as_deref(),
            what: Happening::Shared {
                by: caller.principal.clone(),
                to: to.clone(),
                scope,
            },
        });
        Ok(now)
    }

    /// Ends a session and removes it from the journal.
    ///
    /// # Errors
    /// The caller is not its owner, or it could not be written.
    pub async fn delete(&self, caller: &Identity, id: &str) -> Result<(), SessionError> {
        let (router, owned, name) = (self.clone(), caller.clone(), id.to_owned());
        let found = tokio::task::spawn_blocking(move || router.find(&owned, &name));
        let stored = match joined(found).await? {
            Found::Live(live) if live.access() == Access::Owner => {
                let (reply, answer) = Reply::channel();
                live.delete(reply).await;
                answer
                    .await
                    .unwrap_or(Err(SessionError::Closed))
                    .map(drop)?;
                None
            }
            Found::Stored(stored) if stored_access(caller, &stored) == Some(Access::Owner) => {
                Some(stored)
            }
            Found::Live(_) | Found::Stored(_) => return Err(SessionError::NotOwner("delete it")),
        };
        if let Some(stored) = stored {
            let journal = self.journal().clone();
            joined(tokio::task::spawn_blocking(move || {
                // Somebody may just take it up.
                if !journal.hide_unused(stored.key).map_err(journal_error)? {
                    return Err(SessionError::Params(
                        "the session is just being used by somebody; try again".to_owned(),
                    ));
                }
                journal.remove(stored.key).map_err(journal_error)
            }))
            .await?;
        }
        // What its agent has of it is from outside again.
        self.0.stores.changed();
        let by = caller.principal.clone();
        self.0.around.observer.observe(&SessionEvent {
            session: id,
            owner: &by,
            title: None,
            what: Happening::Ended {
                by: by.clone(),
                deleted: true,
            },
        });
        Ok(())
    }
}

fn change_share(shares: &mut Shares, to: &Principal, scope: Option<ShareScope>) {
    match scope {
        Some(scope) => shares.insert(to.clone(), scope),
        None => shares.remove(to),
    };
}

async fn joined<T>(
    work: tokio::task::JoinHandle<Result<T, SessionError>>,
) -> Result<T, SessionError> {
    work.await
        .unwrap_or_else(|error| Err(SessionError::Journal(error.to_string())))
}

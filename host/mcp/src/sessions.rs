//! Which MCP session is whose.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_auth::{Grant, TokenId};
use rmcp::transport::streamable_http_server::session::{
    SessionManager as _, local::LocalSessionManager,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{MAX_SESSIONS, presence::Presence};

/// The sessions that this host has seen, live or put away.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

struct Session {
    token: TokenId,
    /// What its client's session is called: several may share one hand.
    hand: Option<String>,
    presence: Presence,
    /// Ends who watches over its token.
    _known: DropGuard,
}

impl Sessions {
    /// Whether the token may use the session: it made it, or nobody that is
    /// known.
    pub(crate) fn belongs(&self, id: &str, token: &TokenId) -> bool {
        let sessions = self.lock();
        sessions.get(id).is_none_or(|it| it.token == *token)
    }

    /// Notes a session and who its client is. From now on it ends with its token.
    /// Those that are not live are forgotten when there are more than can be.
    pub(crate) fn note(
        &self,
        id: &str,
        grant: &Grant,
        hand: Option<String>,
        manager: &Arc<LocalSessionManager>,
        live: impl Fn(&str) -> bool,
    ) -> Presence {
        let mut sessions = self.lock();
        if let Some(session) = sessions.get_mut(id) {
            session.hand = hand.or(session.hand.take());
            return session.presence.clone();
        }
        if sessions.len() >= 2 * MAX_SESSIONS {
            sessions.retain(|id, _| live(id));
        }
        let known = CancellationToken::new();
        let session = Session {
            token: grant.identity.token.clone(),
            hand,
            presence: Presence::default(),
            _known: known.clone().drop_guard(),
        };
        let presence = session.presence.clone();
        sessions.insert(id.to_owned(), session);
        drop(sessions);
        let (ended, own, manager) = (grant.ended(), self.clone(), Arc::clone(manager));
        let id = id.to_owned();
        tokio::spawn(async move {
            tokio::select! {
                () = known.cancelled() => {}
                _ = ended => {
                    if let Err(error) = manager.close_session(&id.as_str().into()).await {
                        tracing::debug!(%error, "a session of a token that ended was not closed");
                    }
                    own.forget(&id);
                }
            }
        });
        presence
    }

    /// Live sessions of a token.
    pub(crate) fn count(&self, token: &TokenId, live: impl Fn(&str) -> bool) -> usize {
        let sessions = self.lock();
        let own = sessions
            .iter()
            .filter(|(id, it)| it.token == *token && live(id));
        own.count()
    }

    /// Whether a live session other than this one has the same devices.
    pub(crate) fn shares(
        &self,
        id: &str,
        token: &TokenId,
        hand: &str,
        live: impl Fn(&str) -> bool,
    ) -> bool {
        self.lock().iter().any(|(other, it)| {
            other != id && it.token == *token && it.hand.as_deref() == Some(hand) && live(other)
        })
    }

    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

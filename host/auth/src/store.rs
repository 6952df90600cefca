//! The tokens that are valid now.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest as _, Sha256};
use tokio::{sync::watch, time::sleep};

use crate::identity::{Identity, TokenId};
use crate::token::{MAX_TOKEN_CHARS, Token};

/// The longest wait for the end of a token's life in one piece. Timers stand
/// still while a machine sleeps; the clock on the wall does not.
const LOOK: Duration = Duration::from_secs(600);

/// How long an expired token is known as such, so that its bearer is told.
pub const EXPIRED_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is kept of a token: its SHA-256, from which nobody gets it back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of a token.
    #[must_use]
    pub fn of(token: &Token) -> TokenDigest {
        TokenDigest::of_text(token.expose())
    }

    /// One that was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> TokenDigest {
        TokenDigest(bytes)
    }

    /// To be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn of_text(text: &str) -> TokenDigest {
        TokenDigest(Sha256::digest(text.as_bytes()).into())
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(hidden)")
    }
}

/// The tokens that are valid now, as digests. Cheap to clone; all clones are the
/// same one.
///
/// A presented token is looked up by its SHA-256, so the cost does not depend on
/// how many there are. What the time of a lookup could tell is about digests,
/// under a hash whose key is random: nobody can choose a token whose digest comes
/// near another's, so it tells nothing about a token.
#[derive(Debug, Clone, Default)]
pub struct TokenStore(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    tokens: HashMap<TokenDigest, Entry>,
    ids: HashMap<TokenId, TokenDigest>,
}

impl Known {
    /// Those whose life has been over for long.
    fn forget(&mut self, now: SystemTime) {
        self.tokens.retain(|_, entry| {
            let keep = entry
                .expires
                .is_none_or(|expires| expires + EXPIRED_KEPT > now);
            if !keep {
                self.ids.remove(&entry.identity.token);
            }
            keep
        });
    }
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    expires: Option<SystemTime>,
    /// Seconds since the Unix epoch; 0: not since this was last asked.
    used: AtomicU64,
    /// Dropped with the entry: whoever watches learns that it is gone.
    live: watch::Sender<()>,
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotValid {
    /// It never did, or was revoked.
    Unknown,
    /// Its life is over.
    Expired,
}

/// What a token that was presented gives, and how long.
#[derive(Debug, Clone)]
pub struct Grant {
    /// To whom, and what.
    pub identity: Identity,
    expires: Option<SystemTime>,
    live: watch::Receiver<()>,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantEnd {
    /// Somebody revoked the token.
    Revoked,
    /// Its life is over.
    Expired,
}

impl TokenStore {
    /// A store that knows no token.
    pub fn new() -> TokenStore {
        TokenStore::default()
    }

    /// Makes `token` stand for `identity`, for ever; see [`TokenStore::add`].
    pub fn insert(&self, token: &Token, identity: Identity) {
        self.add(TokenDigest::of(token), identity, None);
    }

    /// Makes the token of `digest` stand for `identity` until `expires`. What
    /// was granted by a token of the same digest or the same id ends.
    pub fn add(&self, digest: TokenDigest, identity: Identity, expires: Option<SystemTime>) {
        let entry = Entry {
            identity: identity.clone(),
            expires,
            used: AtomicU64::new(0),
            live: watch::Sender::new(()),
        };
        let mut known = self.write();
        if let Some(old) = known.tokens.remove(&digest) {
            known.ids.remove(&old.identity.token);
        }
        if let Some(old) = known.ids.insert(identity.token, digest) {
            known.tokens.remove(&old);
        }
        known.tokens.insert(digest, entry);
    }

    /// Forgets those whose life has been over for [`EXPIRED_KEPT`] at `now`.
    pub fn forget_expired(&self, now: SystemTime) {
        self.write().forget(now);
    }

    /// Tokens whose life is not over at `now`.
    pub fn count(&self, now: SystemTime) -> usize {
        let known = self.read();
        let over = |entry: &&Entry| entry.expires.is_none_or(|expires| expires > now);
        known.tokens.values().filter(over).count()
    }

    /// Ends a token and all that it granted; false if there is none of that id.
    pub fn revoke(&self, id: &TokenId) -> bool {
        let mut known = self.write();
        let Some(digest) = known.ids.remove(id) else {
            return false;
        };
        known.tokens.remove(&digest).is_some()
    }

    /// What `presented` gives now.
    ///
    /// # Errors
    /// It is no token that counts.
    pub fn verify(&self, presented: &str) -> Result<Grant, NotValid> {
        self.verify_at(presented, SystemTime::now())
    }

    fn verify_at(&self, presented: &str, now: SystemTime) -> Result<Grant, NotValid> {
        if presented.len() > MAX_TOKEN_CHARS {
            return Err(NotValid::Unknown);
        }
        let digest = TokenDigest::of_text(presented);
        let known = self.read();
        let entry = known.tokens.get(&digest).ok_or(NotValid::Unknown)?;
        if entry.expires.is_some_and(|expires| expires <= now) {
            return Err(NotValid::Expired);
        }
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        entry.used.store(since.as_secs(), Ordering::Relaxed);
        Ok(Grant {
            identity: entry.identity.clone(),
            expires: entry.expires,
            live: entry.live.subscribe(),
        })
    }

    /// The tokens that were presented since the last call, with the second when
    /// they last were.
    pub fn take_used(&self) -> Vec<(TokenId, SystemTime)> {
        let known = self.read();
        let used = known.tokens.values().filter_map(|entry| {
            let seconds = entry.used.swap(0, Ordering::Relaxed);
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            (seconds > 0).then(|| (entry.identity.token.clone(), at))
        });
        used.collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Grant {
    /// Resolves when the grant ends, if it ever does: at once when its token is
    /// revoked, and at the end of the token's life. Holds nothing of the store.
    pub fn ended(&self) -> impl Future<Output = GrantEnd> + Send + 'static + use<> {
        let (mut live, expires) = (self.live.clone(), self.expires);
        async move {
            tokio::select! {
                // Nothing is ever sent: the sender goes with the token.
                _ = live.changed() => GrantEnd::Revoked,
                () = reached(expires) => GrantEnd::Expired,
            }
        }
    }
}

async fn reached(time: Option<SystemTime>) {
    let Some(time) = time else {
        return std::future::pending().await;
    };
    while let Ok(left) = time.duration_since(SystemTime::now())
        && !left.is_zero()
    {
        sleep(left.min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests;

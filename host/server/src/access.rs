//! Who may come in: tokens and pairing codes, kept and recorded.

use std::time::{Duration, Instant, SystemTime};

use hostler_auth::{
    EXPIRED_KEPT, Identity, Offer, PairingCode, PairingError, Pairings, Principal, PrincipalError,
    ScopeError, Scopes, Token, TokenDigest, TokenError, TokenId, TokenStore,
};
use hostler_store::{
    Audit, AuditFilter, AuditRecord, Records, StoreError, StoredAudit, StoredToken,
};
use serde_json::json;

/// Tokens that count at the same time. Each is in memory; a host lends to a team
/// with some machines each, not to a city.
const MAX_TOKENS: usize = 10_000;

/// Tokens that are listed: all that count, and as many that did.
const LISTED: usize = 2 * MAX_TOKENS;

/// The longest label of a token, in bytes: a line in a table.
const MAX_LABEL: usize = 100;

/// The longest life of a token that has one: what is meant to count for longer
/// has none.
const MAX_LIFE: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// The doors of a host. Cheap to clone; all clones are the same one. Whatever
/// says so blocks, for the disk.
#[derive(Debug, Clone)]
pub struct Access {
    tokens: TokenStore,
    pairings: Pairings,
    records: Records,
    audit: Audit,
}

/// A token that is to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Who will bear it.
    pub principal: Principal,
    /// What they may do.
    pub scopes: Scopes,
    /// How long; for ever if it is not said.
    pub life: Option<Duration>,
    /// What it is for, for people; may be empty.
    pub label: String,
}

/// A token that was made: the secret is here and nowhere else.
#[derive(Debug)]
pub struct MadeToken {
    /// To be told once.
    pub token: Token,
    /// What is kept of it.
    pub stored: StoredToken,
}

/// Why there is no token, code or list.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// What was asked for cannot be.
    #[error("{0}")]
    Bad(String),
    /// A bound is reached.
    #[error(
        "{MAX_TOKENS} tokens count, which is the most: revoke some that nobody uses (hostler token list)"
    )]
    TooManyTokens,
    /// About a pairing code.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// `hostler.db` cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl From<PrincipalError> for AccessError {
    fn from(error: PrincipalError) -> Self {
        Self::Bad(error.to_string())
    }
}

impl From<ScopeError> for AccessError {
    fn from(error: ScopeError) -> Self {
        Self::Bad(error.to_string())
    }
}

impl NewToken {
    /// Whether it can be.
    fn check(&self) -> Result<(), AccessError> {
        if self.scopes.is_empty() {
            let message = "a token needs a scope: view, drive, shell, lease or admin";
            return Err(AccessError::Bad(message.into()));
        }
        if self.label.len() > MAX_LABEL || self.label.chars().any(char::is_control) {
            let message = format!("a label is one line of at most {MAX_LABEL} bytes");
            return Err(AccessError::Bad(message));
        }
        if self
            .life
            .is_some_and(|life| life.is_zero() || life > MAX_LIFE)
        {
            let message = "a token's life is between a second and 10 years; leave it out for a \
                           token that counts until it is revoked";
            return Err(AccessError::Bad(message.into()));
        }
        Ok(())
    }
}

impl Access {
    /// With the tokens that are kept. Blocks.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn open(records: Records, audit: Audit) -> Result<Self, StoreError> {
        let tokens = TokenStore::new();
        let known = SystemTime::now()
            .checked_sub(EXPIRED_KEPT)
            .unwrap_or(SystemTime::UNIX_EPOCH);
        for stored in records.tokens_after(known)? {
            match identity(&stored) {
                Ok(identity) => {
                    let digest = TokenDigest::from_bytes(stored.digest);
                    tokens.add(digest, identity, stored.expires);
                }
                Err(error) => tracing::error!(
                    token = stored.id,
                    "a kept token is left out, because it is odd: {error}"
                ),
            }
        }
        Ok(Self {
            tokens,
            pairings: Pairings::default(),
            records,
            audit,
        })
    }

    /// The tokens that count, for those that are kept elsewhere too.
    #[must_use]
    pub fn tokens(&self) -> &TokenStore {
        &self.tokens
    }

    /// Where those record who cannot wait for the disk.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Makes a token. Blocks.
    ///
    /// # Errors
    /// It cannot be, or not be kept; then nothing counts.
    pub fn create(&self, new: NewToken, by: &Principal) -> Result<MadeToken, AccessError> {
        self.make(new, "token.create", by, None)
    }

    fn make(
        &self,
        new: NewToken,
        action: &'static str,
        by: &Principal,
        offered_by: Option<&Principal>,
    ) -> Result<MadeToken, AccessError> {
        new.check()?;
        let now = SystemTime::now();
        if self.tokens.count(now) >= MAX_TOKENS {
            return Err(AccessError::TooManyTokens);
        }
        let token = Token::random()?;
        let digest = TokenDigest::of(&token);
        let identity = Identity {
            principal: new.principal,
            scopes: new.scopes,
            token: TokenId::random()?,
        };
        let stored = StoredToken {
            id: identity.token.to_string(),
            digest: *digest.as_bytes(),
            principal: identity.principal.to_string(),
            scopes: words(identity.scopes),
            label: new.label,
            created: now,
            expires: new.life.map(|life| now + life),
            revoked: None,
            used: None,
        };
        let detail = json!({
            "principal": stored.principal, "scopes": stored.scopes, "label": stored.label,
            "life_seconds": new.life.map(|life| life.as_secs()),
            "offered_by": offered_by.map(Principal::as_str),
        });
        let record = AuditRecord::now(by.as_str(), action, &*stored.id, detail.to_string());
        self.records.add_token(&stored, &record)?;
        self.tokens.add(digest, identity, stored.expires);
        Ok(MadeToken { token, stored })
    }

    /// Ends a token and the connections that it let in; false if there is none
    /// of that id that could be ended. Blocks.
    ///
    /// # Errors
    /// It could not be kept. It has ended all the same, until the host starts
    /// again.
    pub fn revoke(&self, id: &str, by: &Principal) -> Result<bool, AccessError> {
        // Not those in files: they would count again after the next start.
        let Some(stored) = self.records.token(id)? else {
            return Ok(false);
        };
        self.tokens.revoke(&TokenId::new(id));
        let detail = json!({ "principal": stored.principal, "label": stored.label }).to_string();
        let record = AuditRecord::now(by.as_str(), "token.revoke", id, detail);
        Ok(self.records.revoke_token(id, &record)?)
    }

    /// The tokens that are kept, those that count first. Blocks.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn list(&self) -> Result<Vec<StoredToken>, AccessError> {
        Ok(self.records.tokens(LISTED)?)
    }

    /// Makes a code that brings a token to another machine. Blocks.
    ///
    /// # Errors
    /// Such a token cannot be, or too many codes wait.
    pub fn offer(&self, new: NewToken, by: &Principal) -> Result<PairingCode, AccessError> {
        new.check()?;
        let detail = json!({
            "scopes": words(new.scopes), "label": new.label,
            "life_seconds": new.life.map(|life| life.as_secs()),
        });
        let subject = new.principal.to_string();
        let offer = Offer {
            principal: new.principal,
            scopes: new.scopes,
            life: new.life,
            label: new.label,
            by: by.clone(),
        };
        let record = AuditRecord::now(by.as_str(), "pair.create", subject, detail.to_string());
        let code = self.pairings.offer(offer, Instant::now())?;
        // A code that is not recorded is told to nobody.
        self.records.audit(&[record])?;
        Ok(code)
    }

    /// Makes the token that a code stands for, once. `label` counts more than
    /// the one of the offer. Blocks.
    ///
    /// # Errors
    /// The code does not count, or the token cannot be kept; the code is used up
    /// in any case.
    pub fn redeem(&self, code: &str, label: Option<String>) -> Result<MadeToken, AccessError> {
        let offer = match self.pairings.redeem(code, Instant::now()) {
            Ok(offer) => offer,
            Err(error) => {
                // Of the first wrong ones in a minute only; the rest is not told.
                if error == PairingError::Unknown {
                    self.audit.add(AuditRecord::now("", "pair.refused", "", ""));
                }
                return Err(error.into());
            }
        };
        let new = NewToken {
            principal: offer.principal,
            scopes: offer.scopes,
            life: offer.life,
            label: label.unwrap_or(offer.label),
        };
        let bearer = new.principal.clone();
        self.make(new, "pair.redeem", &bearer, Some(&offer.by))
    }

    /// What was recorded, the latest first; see [`Records::audit_list`]. Blocks.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn recorded(
        &self,
        filter: &AuditFilter,
        limit: usize,
        before: Option<i64>,
    ) -> Result<Vec<StoredAudit>, AccessError> {
        // What waits belongs to it; a disk that hangs is told by the reading.
        let _ = self.audit.settle();
        Ok(self.records.audit_list(filter, limit, before)?)
    }

    /// What is due now and then: keeps when tokens were last presented, and
    /// forgets those that nobody asks for any more. Blocks.
    ///
    /// # Errors
    /// It could not be written.
    pub fn tidy(&self) -> Result<(), StoreError> {
        self.tokens.forget_expired(SystemTime::now());
        let used = self.tokens.take_used().into_iter();
        let used: Vec<_> = used.map(|(id, at)| (id.to_string(), at)).collect();
        self.records.tokens_used(&used)
    }

    /// Writes what waits, for a stop in order. Blocks.
    pub fn settle(&self) {
        if !self.audit.settle() {
            tracing::error!("the audit could not be written in time: its last records are lost");
        }
        let kept = self.tidy().and_then(|()| self.records.settle());
        if let Err(error) = kept {
            tracing::warn!(%error, "what is known of tokens could not be settled");
        }
    }
}

/// As they are kept: with spaces between.
fn words(scopes: Scopes) -> String {
    let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    names.join(" ")
}

fn identity(stored: &StoredToken) -> Result<Identity, AccessError> {
    Ok(Identity {
        principal: Principal::parse(&stored.principal)?,
        scopes: Scopes::parse(&stored.scopes)?,
        token: TokenId::new(&*stored.id),
    })
}

#[cfg(test)]
mod tests;

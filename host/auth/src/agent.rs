use crate::identity::{Identity, Principal, Scope, TokenId};
use crate::store::{TokenDigest, TokenStore};
use crate::token::{Token, TokenError};

/// The token by which the agent of a harness session reaches the devices of its
/// host. It holds devices and does nothing else: with it nobody sees or drives a
/// session, or answers a permission. It is in memory only and counts as long as
/// this value lives.
#[derive(Debug)]
pub struct AgentToken {
    store: TokenStore,
    token: Token,
    identity: Identity,
}

impl AgentToken {
    /// The token of `owner`'s session of that id. Its principal is
    /// `OWNER/session:ID`, and its name is the same after a restart of the host,
    /// so that it finds again what belongs to it.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn mint(
        store: &TokenStore,
        owner: &Principal,
        session: &str,
    ) -> Result<AgentToken, TokenError> {
        let token = Token::random()?;
        let identity = Identity {
            principal: Principal::new(format!("{owner}/session:{session}")),
            scopes: [Scope::Lease].into_iter().collect(),
            token: TokenId::new(format!("session:{session}")),
        };
        store.add(TokenDigest::of(&token), identity.clone(), None);
        Ok(AgentToken {
            store: store.clone(),
            token,
            identity,
        })
    }

    /// The secret, for the agent alone.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether it counts: a later one of the same session takes its place.
    pub fn counts(&self) -> bool {
        self.store.verify(self.token.expose()).is_ok()
    }

    /// What it stands for.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl Drop for AgentToken {
    fn drop(&mut self) {
        // One that was minted for the same session since then stays.
        if self.counts() {
            self.store.revoke(&self.identity.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_token_of_an_agent_holds_devices_and_ends_with_its_session() {
        let store = TokenStore::new();
        let ann = Principal::new("ann");
        let agent = AgentToken::mint(&store, &ann, "1").unwrap();
        let secret = agent.token().expose().to_owned();
        let grant = store.verify(&secret).unwrap();
        assert_eq!(grant.identity.principal.as_str(), "ann/session:1");
        for scope in Scope::ALL {
            let has = grant.identity.scopes.contains(scope);
            assert_eq!(has, scope == Scope::Lease, "{scope}");
        }
        assert!(!format!("{agent:?}").contains(&secret));
        drop(agent);
        assert!(store.verify(&secret).is_err());
        grant.ended().await;
    }

    #[test]
    fn a_later_token_of_the_same_session_stays_when_an_earlier_goes() {
        let store = TokenStore::new();
        let ann = Principal::new("ann");
        let first = AgentToken::mint(&store, &ann, "1").unwrap();
        let second = AgentToken::mint(&store, &ann, "1").unwrap();
        assert!(!first.counts() && second.counts());
        drop(first);
        assert!(store.verify(second.token().expose()).is_ok());
    }
}

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::identity::Identity;
use crate::token::{MAX_TOKEN_CHARS, Token};

/// The tokens that are valid now, as digests.
#[derive(Debug, Default)]
pub struct TokenStore {
    known: Vec<(Sha, Identity)>,
}

type Sha = [u8; 32];

impl TokenStore {
    /// A store that knows no token.
    pub fn new() -> TokenStore {
        TokenStore::default()
    }

    /// Makes `token` stand for `identity`; a token that was there stands for
    /// the new one only.
    pub fn insert(&mut self, token: &Token, identity: Identity) {
        let sha = digest(token.expose());
        self.known.retain(|(known, _)| *known != sha);
        self.known.push((sha, identity));
    }

    /// Whom `presented` stands for. How long this takes depends on the number
    /// of tokens and not on what they are.
    pub fn verify(&self, presented: &str) -> Option<&Identity> {
        if presented.len() > MAX_TOKEN_CHARS {
            return None;
        }
        let sha = digest(presented);
        let mut found = Choice::from(0);
        let mut at = 0u64;
        for (index, (known, _)) in self.known.iter().enumerate() {
            let same = known.ct_eq(&sha);
            at.conditional_assign(&(index as u64), same);
            found |= same;
        }
        if bool::from(found) {
            let (_, identity) = self.known.get(usize::try_from(at).ok()?)?;
            Some(identity)
        } else {
            None
        }
    }
}

fn digest(text: &str) -> Sha {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Principal, Scope};

    fn named(name: &str) -> Identity {
        Identity {
            principal: Principal::new(name),
            scopes: [Scope::View].into_iter().collect(),
        }
    }

    #[test]
    fn each_token_stands_for_its_own_identity() {
        let mut store = TokenStore::new();
        let tokens: Vec<_> = (0..5).map(|_| Token::random().unwrap()).collect();
        for (i, token) in tokens.iter().enumerate() {
            store.insert(token, named(&i.to_string()));
        }
        for (i, token) in tokens.iter().enumerate() {
            assert_eq!(store.verify(token.expose()), Some(&named(&i.to_string())));
        }
    }

    #[test]
    fn anything_else_stands_for_nobody() {
        let token = Token::random().unwrap();
        let mut store = TokenStore::new();
        assert_eq!(store.verify(token.expose()), None);
        assert_eq!(store.verify(""), None);
        store.insert(&token, named("a"));
        let text = token.expose();
        let last = if text.ends_with('A') { "B" } else { "A" };
        let near = format!("{}{last}", &text[..text.len() - 1]);
        let longer = format!("{text}A");
        let padded = format!(" {text}");
        let endless = "x".repeat(MAX_TOKEN_CHARS + 1);
        for wrong in ["", &near, &longer, &padded, &text[1..], &endless] {
            assert_eq!(store.verify(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_identity_given_to_a_token_counts() {
        let token = Token::random().unwrap();
        let mut store = TokenStore::new();
        store.insert(&token, named("old"));
        store.insert(&token, named("new"));
        assert_eq!(store.verify(token.expose()), Some(&named("new")));
    }

    #[test]
    fn the_store_does_not_hold_the_token() {
        let token = Token::random().unwrap();
        let mut store = TokenStore::new();
        store.insert(&token, named("a"));
        assert!(!format!("{store:?}").contains(token.expose()));
    }
}

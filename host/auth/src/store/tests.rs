use super::*;
use crate::identity::{Principal, Scope};

fn named(name: &str) -> Identity {
    Identity {
        principal: Principal::new(name),
        scopes: [Scope::View].into_iter().collect(),
        token: TokenId::new(name),
    }
}

fn whose(store: &TokenStore, presented: &str) -> Option<Identity> {
    store.verify(presented).ok().map(|grant| grant.identity)
}

#[test]
fn each_token_stands_for_its_own_identity() {
    let store = TokenStore::new();
    let tokens: Vec<_> = (0..5).map(|_| Token::random().unwrap()).collect();
    for (i, token) in tokens.iter().enumerate() {
        store.insert(token, named(&i.to_string()));
    }
    for (i, token) in tokens.iter().enumerate() {
        assert_eq!(whose(&store, token.expose()), Some(named(&i.to_string())));
    }
}

#[test]
fn anything_else_stands_for_nobody() {
    let token = Token::random().unwrap();
    let store = TokenStore::new();
    assert_eq!(whose(&store, token.expose()), None);
    assert_eq!(whose(&store, ""), None);
    store.insert(&token, named("a"));
    let text = token.expose();
    let last = if text.ends_with('A') { "B" } else { "A" };
    let near = format!("{}{last}", &text[..text.len() - 1]);
    let longer = format!("{text}A");
    let padded = format!(" {text}");
    let endless = "x".repeat(MAX_TOKEN_CHARS + 1);
    for wrong in ["", &near, &longer, &padded, &text[1..], &endless] {
        let refused = store.verify(wrong).unwrap_err();
        assert_eq!(refused, NotValid::Unknown, "{wrong}");
    }
}

#[tokio::test]
async fn the_last_identity_given_to_a_token_counts_and_what_the_old_one_gave_ends() {
    let token = Token::random().unwrap();
    let store = TokenStore::new();
    store.insert(&token, named("old"));
    let old = store.verify(token.expose()).unwrap();
    store.insert(&token, named("new"));
    assert_eq!(whose(&store, token.expose()), Some(named("new")));
    assert_eq!(old.ended().await, GrantEnd::Revoked);
    assert!(!store.revoke(&TokenId::new("old")));
    assert_eq!(whose(&store, token.expose()), Some(named("new")));
}

#[test]
fn the_store_does_not_hold_the_token() {
    let token = Token::random().unwrap();
    let store = TokenStore::new();
    store.insert(&token, named("a"));
    assert!(!format!("{store:?}").contains(token.expose()));
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_what_it_granted_ends() {
    let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
    let store = TokenStore::new();
    store.insert(&one, named("one"));
    store.insert(&other, named("other"));
    let grant = store.verify(one.expose()).unwrap();
    let stays = store.verify(other.expose()).unwrap();
    let waiting = tokio::spawn(grant.ended());
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert!(store.clone().revoke(&TokenId::new("one")));
    assert_eq!(waiting.await.unwrap(), GrantEnd::Revoked);
    assert_eq!(store.verify(one.expose()).unwrap_err(), NotValid::Unknown);
    // Who asks later learns it too.
    assert_eq!(grant.ended().await, GrantEnd::Revoked);
    assert!(!store.revoke(&TokenId::new("one")), "only once");
    tokio::select! {
        biased;
        _ = stays.ended() => panic!("the other token's grant ended"),
        () = tokio::task::yield_now() => {}
    }
}

#[test]
fn an_expired_token_is_refused_and_said_to_be_expired() {
    let token = Token::random().unwrap();
    let store = TokenStore::new();
    let end = SystemTime::now() + Duration::from_secs(3600);
    store.add(TokenDigest::of(&token), named("a"), Some(end));
    let second = Duration::from_secs(1);
    store.verify_at(token.expose(), end - second).unwrap();
    for late in [end, end + second] {
        let refused = store.verify_at(token.expose(), late).unwrap_err();
        assert_eq!(refused, NotValid::Expired);
    }
}

#[test]
fn an_expired_token_is_forgotten_in_the_end() {
    let (old, new) = (Token::random().unwrap(), Token::random().unwrap());
    let store = TokenStore::new();
    let long_ago = SystemTime::now() - EXPIRED_KEPT;
    store.add(TokenDigest::of(&old), named("old"), Some(long_ago));
    let refused = store.verify(old.expose()).unwrap_err();
    assert_eq!(refused, NotValid::Expired);
    assert_eq!(store.count(SystemTime::now()), 0);
    store.insert(&new, named("new"));
    store.forget_expired(SystemTime::now());
    let refused = store.verify(old.expose()).unwrap_err();
    assert_eq!(refused, NotValid::Unknown);
    assert_eq!(store.count(SystemTime::now()), 1);
    assert!(!store.revoke(&TokenId::new("old")));
}

#[tokio::test]
async fn a_grant_ends_with_the_life_of_its_token() {
    let token = Token::random().unwrap();
    let store = TokenStore::new();
    let end = SystemTime::now() + Duration::from_millis(20);
    store.add(TokenDigest::of(&token), named("a"), Some(end));
    let before = end - Duration::from_millis(20);
    let grant = store.verify_at(token.expose(), before).unwrap();
    assert_eq!(grant.ended().await, GrantEnd::Expired);
    assert!(SystemTime::now() >= end);
}

#[test]
fn the_use_of_a_token_is_told_once() {
    let (used, unused) = (Token::random().unwrap(), Token::random().unwrap());
    let store = TokenStore::new();
    store.insert(&used, named("used"));
    store.insert(&unused, named("unused"));
    let now = UNIX_EPOCH + Duration::from_millis(1_700_000_000_700);
    store.verify_at(used.expose(), now).unwrap();
    let told = store.take_used();
    let second = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert_eq!(told, [(TokenId::new("used"), second)]);
    assert_eq!(store.take_used(), []);
}

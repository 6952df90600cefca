use super::*;
use hostler_auth::NotValid;
use std::path::Path;

fn open(folder: &Path) -> Access {
    let records = Records::open(&folder.join("hostler.db")).unwrap();
    Access::open(records.clone(), Audit::start(records).unwrap()).unwrap()
}

fn new() -> NewToken {
    NewToken {
        principal: Principal::parse("ann").unwrap(),
        scopes: Scopes::parse("view drive").unwrap(),
        life: None,
        label: "phone".into(),
    }
}

fn actions(access: &Access) -> Vec<String> {
    let all = access.recorded(&AuditFilter::default(), 100, None).unwrap();
    all.into_iter()
        .map(|one| format!("{} {}", one.record.principal, one.record.action))
        .collect()
}

#[test]
fn a_token_counts_before_and_after_a_restart_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let access = open(folder.path());
    let made = access.create(new(), &Principal::local()).unwrap();
    let secret = made.token.expose();
    let before = access.tokens().verify(secret).unwrap().identity;
    assert_eq!(before.principal.as_str(), "ann");
    assert_eq!(before.scopes, Scopes::parse("view drive").unwrap());
    access.settle();
    drop(access);
    let access = open(folder.path());
    assert_eq!(access.tokens().verify(secret).unwrap().identity, before);
    let listed = &access.list().unwrap()[0];
    assert!(listed.used.is_some(), "{listed:?}");
    let file = std::fs::read(folder.path().join("hostler.db")).unwrap();
    let kept = file
        .windows(secret.len())
        .any(|part| part == secret.as_bytes());
    assert!(!kept, "the secret is in the file");
    assert!(access.revoke(&made.stored.id, &Principal::local()).unwrap());
    assert!(!access.revoke(&made.stored.id, &Principal::local()).unwrap());
    for access in [access.clone(), open(folder.path())] {
        let refused = access.tokens().verify(secret).unwrap_err();
        assert_eq!(refused, NotValid::Unknown);
    }
    assert_eq!(
        actions(&access),
        ["local token.revoke", "local token.create"]
    );
}

#[test]
fn the_tokens_in_files_are_not_revoked_here() {
    let folder = tempfile::tempdir().unwrap();
    let access = open(folder.path());
    let token = Token::random().unwrap();
    access.tokens().insert(&token, Identity::admin());
    assert!(!access.revoke("admin", &Principal::local()).unwrap());
    access.tokens().verify(token.expose()).unwrap();
}

#[test]
fn an_expired_token_is_told_as_such_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(&folder.path().join("hostler.db")).unwrap();
    let token = Token::random().unwrap();
    let now = SystemTime::now();
    let stored = StoredToken {
        id: "old".into(),
        digest: *TokenDigest::of(&token).as_bytes(),
        principal: "ann".into(),
        scopes: "view".into(),
        label: String::new(),
        created: now - Duration::from_secs(120),
        expires: Some(now - Duration::from_secs(60)),
        revoked: None,
        used: None,
    };
    let by = AuditRecord::now("local", "token.create", "old", "");
    records.add_token(&stored, &by).unwrap();
    let refused = open(folder.path()).tokens().verify(token.expose());
    assert_eq!(refused.unwrap_err(), NotValid::Expired);
}

#[test]
fn a_code_makes_one_token_and_both_steps_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let access = open(folder.path());
    let code = access.offer(new(), &Principal::local()).unwrap();
    let made = access.redeem(code.expose(), Some("tablet".into())).unwrap();
    assert_eq!(made.stored.label, "tablet");
    let grant = access.tokens().verify(made.token.expose()).unwrap();
    assert_eq!(grant.identity.principal.as_str(), "ann");
    let again = access.redeem(code.expose(), None).unwrap_err();
    assert!(again.to_string().contains("once"), "{again}");
    assert_eq!(
        actions(&access),
        [" pair.refused", "ann pair.redeem", "local pair.create"]
    );
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let access = open(folder.path());
    let by = Principal::local();
    let cases = [
        NewToken {
            scopes: Scopes::default(),
            ..new()
        },
        NewToken {
            label: "x".repeat(MAX_LABEL + 1),
            ..new()
        },
        NewToken {
            label: "a\x1b[2J".into(),
            ..new()
        },
        NewToken {
            life: Some(Duration::ZERO),
            ..new()
        },
        NewToken {
            life: Some(Duration::MAX),
            ..new()
        },
    ];
    for case in cases {
        let refused = access.create(case.clone(), &by).unwrap_err();
        assert!(matches!(refused, AccessError::Bad(_)), "{refused}");
        let refused = access.offer(case, &by).unwrap_err();
        assert!(matches!(refused, AccessError::Bad(_)), "{refused}");
    }
    assert_eq!(access.list().unwrap(), []);
    assert_eq!(actions(&access), Vec::<String>::new());
}

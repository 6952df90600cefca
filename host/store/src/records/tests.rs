use super::*;
use crate::{AuditFilter, StoredAudit};
use std::os::unix::fs::PermissionsExt as _;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn token(id: &str, created: u64) -> StoredToken {
    StoredToken {
        id: id.into(),
        digest: [u8::try_from(created).unwrap(); 32],
        principal: "ann".into(),
        scopes: "view drive".into(),
        label: "phone".into(),
        created: at(created),
        expires: Some(at(created + 60)),
        revoked: None,
        used: None,
    }
}

fn by(action: &'static str, seconds: u64) -> AuditRecord {
    AuditRecord {
        at: at(seconds),
        principal: "local".into(),
        action: action.into(),
        subject: "t".into(),
        detail: "{}".into(),
    }
}

fn open() -> (tempfile::TempDir, Records) {
    let folder = tempfile::tempdir().unwrap();
    let records = Records::open(&folder.path().join("hostler.db")).unwrap();
    (folder, records)
}

#[test]
fn a_file_from_before_leases_is_brought_up_to_date_and_keeps_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostler.db");
    let old = schema::open_with(&path, &MIGRATIONS[..1]).unwrap();
    let insert = "INSERT INTO token (id, digest, principal, scopes, label, created)
        VALUES ('t', zeroblob(32), 'ann', 'view', '', 0)";
    old.execute(insert, []).unwrap();
    drop(old);
    let records = Records::open(&path).unwrap();
    assert_eq!(records.tokens(10).unwrap().len(), 1);
    let loaded = records.load_leases().unwrap();
    assert_eq!((loaded.starts, loaded.saved.leases().len()), (1, 0));
    assert!(loaded.saved.tokens().number() >> 32 > 1_700_000_000);
}

fn actions(records: &Records) -> Vec<String> {
    let all = records.audit_list(&AuditFilter::default(), 100, None);
    let action = |stored: StoredAudit| stored.record.action.into_owned();
    all.unwrap().into_iter().map(action).collect()
}

#[test]
fn tokens_are_there_after_a_restart_and_the_file_is_the_users_alone() {
    let (folder, records) = open();
    let path = folder.path().join("hostler.db");
    records
        .add_token(&token("a", 1), &by("token.create", 1))
        .unwrap();
    records
        .add_token(&token("b", 2), &by("token.create", 2))
        .unwrap();
    drop(records);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let records = Records::open(&path).unwrap();
    assert_eq!(records.tokens(9).unwrap(), [token("b", 2), token("a", 1)]);
    assert_eq!(records.tokens_after(at(61)).unwrap(), [token("b", 2)]);
    assert_eq!(records.token("a").unwrap(), Some(token("a", 1)));
    assert_eq!(records.token("c").unwrap(), None);
}

#[test]
fn every_write_waits_for_the_disk() {
    let (_folder, records) = open();
    let synchronous: i64 = records
        .read(|connection| connection.pragma_query_value(None, "synchronous", |row| row.get(0)))
        .unwrap();
    assert_eq!(synchronous, 2, "FULL");
}

#[test]
fn a_token_and_the_record_of_it_are_kept_together_or_not_at_all() {
    let (_folder, records) = open();
    records
        .add_token(&token("a", 1), &by("token.create", 1))
        .unwrap();
    let same_id = StoredToken {
        digest: [9; 32],
        ..token("a", 2)
    };
    let same_digest = StoredToken {
        id: "b".into(),
        ..token("a", 1)
    };
    for refused in [same_id, same_digest] {
        let error = records
            .add_token(&refused, &by("token.create", 3))
            .unwrap_err();
        assert!(error.to_string().contains("hostler.db"), "{error}");
    }
    assert_eq!(actions(&records), ["token.create"]);
}

#[test]
fn a_token_is_revoked_once() {
    let (_folder, records) = open();
    records
        .add_token(&token("a", 1), &by("token.create", 1))
        .unwrap();
    assert!(records.revoke_token("a", &by("token.revoke", 5)).unwrap());
    assert!(!records.revoke_token("a", &by("token.revoke", 6)).unwrap());
    assert!(!records.revoke_token("b", &by("token.revoke", 6)).unwrap());
    assert_eq!(records.token("a").unwrap().unwrap().revoked, Some(at(5)));
    assert_eq!(actions(&records), ["token.revoke", "token.create"]);
    assert_eq!(records.tokens_after(at(0)).unwrap(), []);
    records
        .add_token(&token("b", 0), &by("token.create", 7))
        .unwrap();
    let listed = records.tokens(1).unwrap();
    assert_eq!(listed, [token("b", 0)], "those that count come first");
}

#[test]
fn the_last_use_is_kept_and_unknown_tokens_are_passed_over() {
    let (_folder, records) = open();
    records
        .add_token(&token("a", 1), &by("token.create", 1))
        .unwrap();
    records.tokens_used(&[]).unwrap();
    let used = [("local".into(), at(7)), ("a".into(), at(8))];
    records.tokens_used(&used).unwrap();
    assert_eq!(records.token("a").unwrap().unwrap().used, Some(at(8)));
}

#[test]
fn a_file_of_a_newer_version_and_a_damaged_one_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostler.db");
    drop(Records::open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 1000).unwrap();
    drop(newer);
    let error = Records::open(&path).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 1000, .. }),
        "{error}"
    );
    std::fs::write(&path, vec![7; 5000]).unwrap();
    let error = Records::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_stop_in_order_leaves_nothing_in_the_log() {
    let (folder, records) = open();
    records
        .add_token(&token("a", 1), &by("token.create", 1))
        .unwrap();
    records.settle().unwrap();
    let log = std::fs::metadata(folder.path().join("hostler.db-wal")).unwrap();
    assert_eq!(log.len(), 0);
}

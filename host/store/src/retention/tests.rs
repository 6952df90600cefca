use std::time::Duration;

use hostler_replay::Position;

use super::*;
use crate::{Entry, Journal, SessionRecord, StoreError};

const BODY: usize = 1000;

fn journal(folder: &tempfile::TempDir, retention: Retention) -> Journal {
    Journal::open_with(&folder.path().join("journal.db"), retention).unwrap()
}

/// A session with so many frames of [`BODY`] bytes.
fn session(journal: &Journal, id: &str, frames: u64) -> SessionKey {
    let record = SessionRecord {
        id: id.into(),
        owner: "local".into(),
        harness: "h".into(),
        cwd: "/work".into(),
        additional_directories: Vec::new(),
        devices: None,
        outside: false,
    };
    let key = journal.create(&record).unwrap();
    let update = "x".repeat(BODY);
    let mut entries = vec![Entry::Announced];
    entries.extend((1..=frames).map(|seq| Entry::Frame {
        seq,
        update: update.clone(),
    }));
    let answer = String::new();
    entries.push(Entry::TurnEnded { key: None, answer });
    journal.append(key, &entries).unwrap();
    // They are told apart by when something happened in them.
    std::thread::sleep(Duration::from_millis(2));
    key
}

fn tidy(journal: &Journal, folder: &tempfile::TempDir, retention: &Retention) -> u64 {
    let connection = Connection::open(folder.path().join("journal.db")).unwrap();
    connection
        .pragma_update(None, "foreign_keys", true)
        .unwrap();
    super::tidy(
        &connection,
        retention,
        &journal.in_use(),
        &Demand::default(),
        &mut || {},
    )
    .unwrap()
}

fn ids(journal: &Journal) -> Vec<String> {
    let mut ids: Vec<_> = journal
        .sessions(None, 99)
        .unwrap()
        .into_iter()
        .map(|session| session.record.id)
        .collect();
    ids.sort();
    ids
}

#[test]
fn the_oldest_sessions_that_nobody_uses_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        max_total_bytes: 25 * BODY as u64,
        ..Retention::default()
    };
    let journal = journal(&folder, Retention::default());
    for id in ["a", "b", "c", "d"] {
        session(&journal, id, 10);
    }
    let used = journal.session("a").unwrap().unwrap().key;
    let held = journal.hold(used).unwrap().unwrap();
    assert_eq!(tidy(&journal, &folder, &retention), 20 * BODY as u64);
    assert_eq!(ids(&journal), ["a", "d"]);
    // Held twice, it is in use until both have let go.
    drop(journal.hold(used).unwrap().unwrap());
    let none = Retention {
        max_total_bytes: 0,
        ..retention
    };
    tidy(&journal, &folder, &none);
    assert_eq!(ids(&journal), ["a"]);
    drop(held);
    let nothing = Retention {
        max_total_bytes: 0,
        ..retention
    };
    assert_eq!(tidy(&journal, &folder, &nothing), 0);
    assert_eq!(ids(&journal), [""; 0]);
    assert!(journal.hold(used).unwrap().is_none(), "it is gone");
}

#[test]
fn a_host_that_ends_removes_no_session_that_it_lets_go_of() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = Retention {
        max_total_bytes: 0,
        ..Retention::default()
    };
    let journal = journal(&folder, Retention::default());
    let key = session(&journal, "a", 1);
    let held = journal.hold(key).unwrap().unwrap();
    journal.hold_all();
    drop(held);
    tidy(&journal, &folder, &nothing);
    assert_eq!(ids(&journal), ["a"]);
}

#[test]
fn sessions_that_are_too_old_go() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder, Retention::default());
    session(&journal, "a", 1);
    let retention = Retention {
        max_age: Duration::ZERO,
        ..Retention::default()
    };
    assert_eq!(tidy(&journal, &folder, &retention), 0);
    assert_eq!(ids(&journal), [""; 0]);
}

#[test]
fn a_session_that_is_too_large_loses_its_beginning_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder, Retention::default());
    let key = session(&journal, "a", 100);
    let _held = journal.hold(key);
    let retention = Retention {
        max_session_bytes: 40 * BODY as u64,
        ..Retention::default()
    };
    let mut early = journal.pages(key, None).unwrap();
    assert_eq!(tidy(&journal, &folder, &retention), 30 * BODY as u64);
    assert!(journal.session("a").unwrap().unwrap().is_trimmed);
    let at = |seq| {
        Some(Position {
            epoch: journal.epoch(),
            seq,
        })
    };
    for (after, reset, first) in [
        (None, true, 71),
        (at(0), true, 71),
        (at(69), true, 71),
        (at(71), false, 72),
        (at(99), false, 100),
    ] {
        let mut pages = journal.pages(key, after).unwrap();
        assert_eq!(pages.is_reset(), reset, "{after:?}");
        assert_eq!(pages.next_page().unwrap()[0].position.seq, first);
    }
    let error = early.next_page().unwrap_err();
    assert!(error.to_string().contains("max_session_bytes"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        max_total_bytes: 10 * BODY as u64,
        ..Retention::default()
    };
    let journal = journal(&folder, retention);
    let old = session(&journal, "old", 6);
    let held = journal.hold(old);
    let new = session(&journal, "new", 4);
    let _new_held = journal.hold(new);
    let update = "x".repeat(BODY);
    let entry = [Entry::Frame { seq: 5, update }];
    let error = journal.append(new, &entry).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("max_total_bytes"), "{error}");
    let answer = String::new();
    let end = Entry::TurnEnded { key: None, answer };
    journal.append(new, &[end]).unwrap();
    drop(held);
    // Being refused has asked for room; it takes the thread a moment.
    while journal.append(new, &entry).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(ids(&journal), ["new"]);
}

#[test]
fn what_a_running_turn_has_said_counts_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        max_total_bytes: 10 * BODY as u64,
        ..Retention::default()
    };
    let journal = journal(&folder, retention);
    let key = session(&journal, "a", 4);
    let _held = journal.hold(key);
    let update = "x".repeat(BODY);
    let frame = |seq| {
        let update = update.clone();
        [Entry::Frame { seq, update }]
    };
    for seq in 5..=10 {
        journal.append(key, &frame(seq)).unwrap();
    }
    // However often the thread looks: there is nothing that it may remove.
    for _ in 0..50 {
        assert!(journal.append(key, &frame(11)).is_err());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn as_much_is_removed_as_what_was_refused_needs() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        max_total_bytes: 32 * BODY as u64,
        ..Retention::default()
    };
    let journal = journal(&folder, retention);
    for id in ["a", "b", "c"] {
        session(&journal, id, 10);
    }
    let key = session(&journal, "new", 0);
    let _held = journal.hold(key);
    let update = "x".repeat(15 * BODY);
    let large = [Entry::Frame { seq: 1, update }];
    while journal.append(key, &large).is_err() {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(ids(&journal), ["c", "new"]);
}

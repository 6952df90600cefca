use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{Known, answers};

fn record(id: &str) -> SessionRecord {
    SessionRecord {
        id: id.into(),
        owner: "local".into(),
        harness: "h".into(),
        cwd: "/work dir/ä".into(),
        additional_directories: vec!["/a".into(), "/b c".into()],
        devices: None,
        outside: false,
    }
}

fn frame(seq: u64) -> Entry {
    Entry::Frame {
        seq,
        update: format!("{{\"n\":{seq}}}"),
    }
}

fn open(folder: &tempfile::TempDir) -> Journal {
    Journal::open(&folder.path().join("journal.db")).unwrap()
}

/// A session that a client knows of.
fn begin(journal: &Journal, record: &SessionRecord) -> SessionKey {
    let key = journal.create(record).unwrap();
    journal.append(key, &[Entry::Announced]).unwrap();
    key
}

fn frames(journal: &Journal, session: SessionKey) -> Vec<String> {
    let mut pages = journal.pages(session, None).unwrap();
    std::iter::from_fn(|| Some(pages.next_page().unwrap()).filter(|page| !page.is_empty()))
        .flatten()
        .map(|placed| placed.update)
        .collect()
}

fn sent(key: &str) -> Entry {
    let key = Some(key.to_owned());
    Entry::TurnSent { key }
}

fn ended(key: &str, answer: &str) -> Entry {
    let (key, answer) = (Some(key.to_owned()), answer.to_owned());
    Entry::TurnEnded { key, answer }
}

#[test]
fn what_was_appended_is_there_after_a_restart_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    assert_eq!(journal.epoch(), 1);
    let key = begin(&journal, &record("s"));
    let title = Entry::Title("hi".into());
    journal.append(key, &[frame(1), sent("k"), title]).unwrap();
    let checkpoint = Entry::Checkpoint(Bytes::from_static(b"c"));
    let settings = Entry::Settings("{}".into());
    let asks = Entry::Asks(r#"["t"]"#.into());
    journal
        .append(key, &[checkpoint, settings, asks, frame(2)])
        .unwrap();
    drop(journal);

    let journal = open(&folder);
    assert_eq!(journal.epoch(), 2);
    journal.append(key, &[frame(1)]).unwrap();
    let stored = journal.session("s").unwrap().unwrap();
    assert_eq!((stored.key, &stored.record), (key, &record("s")));
    assert_eq!(stored.title.as_deref(), Some("hi"));
    assert_eq!(stored.settings.as_deref(), Some("{}"));
    assert_eq!(stored.asks.as_deref(), Some(r#"["t"]"#));
    assert_eq!(stored.checkpoint.as_deref(), Some(&b"c"[..]));
    assert!(stored.turn_open);
    assert_eq!(
        frames(&journal, key),
        [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":1}"#]
    );
    journal.append(key, &[ended("k", "a")]).unwrap();
    assert!(!journal.session("s").unwrap().unwrap().turn_open);
    assert_eq!(journal.session("t").unwrap(), None);
}

#[test]
fn a_second_process_reads_what_was_appended_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    journal.append(key, &[frame(1)]).unwrap();
    // What a kill would leave: the files as they are now.
    let copy = tempfile::tempdir().unwrap();
    for name in ["journal.db", "journal.db-wal"] {
        std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    assert_eq!(frames(&open(&copy), key), [r#"{"n":1}"#]);
}

#[test]
fn sessions_are_listed_for_their_owner_latest_first() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let a = begin(&journal, &record("a"));
    begin(&journal, &record("b"));
    let other = SessionRecord {
        owner: "other".into(),
        ..record("c")
    };
    begin(&journal, &other);
    let ids = |owner: &str, limit| -> Vec<_> {
        let sessions = journal.sessions(Some(owner), limit).unwrap();
        sessions
            .into_iter()
            .map(|session| session.record.id)
            .collect()
    };
    assert_eq!(ids("local", 10), ["b", "a"]);
    std::thread::sleep(Duration::from_millis(2));
    journal.append(a, &[ended("k", "a")]).unwrap();
    assert_eq!(ids("local", 10), ["a", "b"]);
    assert_eq!(ids("local", 1), ["a"]);
    assert_eq!(ids("nobody", 10), [""; 0]);
}

#[test]
fn the_log_stays_small_whatever_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    let update = "x".repeat(100_000);
    for seq in 1..=1500 {
        let update = update.clone();
        journal
            .append(key, &[Entry::Frame { seq, update }])
            .unwrap();
    }
    let log = folder
        .path()
        .join("journal.db-wal")
        .metadata()
        .unwrap()
        .len();
    // What comes while the thread is at it adds to the limit.
    let bound = checkpoint::LIMIT + 3 * checkpoint::EVERY as u64;
    assert!(log < bound, "150 MB were appended, the log has {log} bytes");
}

#[test]
fn a_removed_session_is_forgotten_with_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    journal.append(key, &[frame(1)]).unwrap();
    journal.remove(key).unwrap();
    assert_eq!(journal.session("s").unwrap(), None);
    assert_eq!(frames(&journal, key), [""; 0]);
}

#[test]
fn many_sessions_append_at_once_and_each_keeps_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let journal = journal.clone();
            scope.spawn(move || {
                let key = journal.create(&record(&n.to_string())).unwrap();
                for seq in 1..=50 {
                    journal.append(key, &[frame(seq)]).unwrap();
                }
                let expected: Vec<_> = (1..=50).map(|n| format!("{{\"n\":{n}}}")).collect();
                assert_eq!(frames(&journal, key), expected);
            });
        }
    });
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(Journal::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let error = Journal::open(&path).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("journal.db"), "{error}");
}

#[test]
fn a_session_that_nobody_was_told_of_is_not_found_and_ends_with_its_host() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = journal.create(&record("s")).unwrap();
    journal.append(key, &[frame(1)]).unwrap();
    assert_eq!(journal.session("s").unwrap(), None);
    assert_eq!(journal.sessions(None, 10).unwrap(), []);
    drop(journal);
    assert_eq!(frames(&open(&folder), key), [""; 0]);
}

#[test]
fn appending_waits_while_somebody_else_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    let other = Connection::open(folder.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let appending = std::thread::spawn({
        let journal = journal.clone();
        move || journal.append(key, &[frame(1)])
    });
    std::thread::sleep(10 * NAP);
    assert!(!appending.is_finished());
    other.execute_batch("COMMIT").unwrap();
    appending.join().unwrap().unwrap();
    assert_eq!(frames(&journal, key).len(), 1);
}

#[test]
fn the_wait_for_the_lock_has_no_end() {
    for naps in [0, NAPS_UNTIL_WARNING - 1, NAPS_UNTIL_WARNING, i32::MAX] {
        assert!(wait_for_the_lock(naps), "{naps}");
    }
}

#[test]
fn others_append_on_while_one_waits_for_the_log_to_be_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    // Nobody moves the log.
    let (checkpoints, thread) = std::sync::mpsc::sync_channel(1);
    let checkpoints = Checkpoints::without_thread(checkpoints);
    let journal = Journal::with(
        &path,
        schema::open(&path).unwrap(),
        1,
        checkpoints,
        Care::default(),
    );
    let key = begin(&journal, &record("s"));
    let update = "x".repeat(checkpoint::LIMIT as usize);
    let filling = std::thread::spawn({
        let journal = journal.clone();
        move || journal.append(key, &[Entry::Frame { seq: 1, update }])
    });
    let log = checkpoint::log_of(&path);
    while std::fs::metadata(&log).unwrap().len() <= checkpoint::LIMIT {
        std::thread::yield_now();
    }
    let (done, appended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(journal.append(key, &[frame(2)])));
    let appended = appended.recv_timeout(Duration::from_secs(20));
    appended
        .expect("it waits behind the one that fills the log")
        .unwrap();
    assert!(!filling.is_finished(), "it waits for the thread");
    drop(thread);
    filling.join().unwrap().unwrap();
}

#[test]
fn a_file_that_was_cut_is_noticed_also_when_its_host_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let journal = Journal::open(&path).unwrap();
    let key = begin(&journal, &record("s"));
    let many: Vec<_> = (1..5000).map(frame).collect();
    journal.append(key, &many).unwrap();
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    let mover = Connection::open(&path).unwrap();
    let moved = mover.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    moved.unwrap();
    journal.append(key, &many).unwrap();

    // What a kill leaves: with the log it is whole, though shorter than it says.
    let killed = |cut: fn(u64) -> u64| {
        let copy = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        let path = copy.path().join("journal.db");
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(cut(file.metadata().unwrap().len())).unwrap();
        copy
    };
    assert_eq!(
        frames(&open(&killed(|length| length)), key).len(),
        2 * many.len()
    );
    for cut in [
        killed(|length| length / 2),
        killed(|length| length - 32_768),
    ] {
        // The first start has not hidden it from the second.
        for _ in 0..2 {
            let error = Journal::open(&cut.path().join("journal.db")).unwrap_err();
            assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_truncated_file_is_an_error_that_says_what_to_do(cut in 1_usize..60_000) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let journal = Journal::open(&path).unwrap();
        let key = begin(&journal, &record("s"));
        journal.append(key, &(1..2000).map(frame).collect::<Vec<_>>()).unwrap();
        drop(journal);
        // Everything into the one file.
        let connection = Connection::open(&path).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(connection);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let len = file.metadata().unwrap().len() as usize;
        file.set_len(len.saturating_sub(cut).max(1) as u64).unwrap();
        match Journal::open(&path) {
            Err(StoreError::Damaged { message, .. }) => prop_assert!(!message.is_empty()),
            other => prop_assert!(false, "{:?}", other.map(drop)),
        }
    }
}

#[test]
fn after_a_stop_in_order_everything_is_in_the_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = journal.create(&record("s")).unwrap();
    journal.append(key, &[frame(1)]).unwrap();
    journal.settle().unwrap();
    let log = folder.path().join("journal.db-wal").metadata().unwrap();
    assert_eq!(log.len(), 0);
}

#[test]
fn a_key_is_known_from_when_its_turn_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    let other = begin(&journal, &record("t"));
    assert_eq!(journal.answer(key, "k").unwrap(), Known::No);
    journal.append(key, &[sent("k")]).unwrap();
    journal.append(key, &[sent("k"), sent("l")]).unwrap();
    assert_eq!(journal.answer(key, "k").unwrap(), Known::Sent);
    assert_eq!(journal.open_prompts(key).unwrap(), ["k", "l"]);
    journal.append(key, &[ended("k", "done")]).unwrap();
    drop(journal);
    let journal = open(&folder);
    let done = Known::Answered("done".into());
    assert_eq!(journal.answer(key, "k").unwrap(), done);
    assert_eq!(journal.open_prompts(key).unwrap(), ["l"]);
    assert_eq!(journal.answer(other, "k").unwrap(), Known::No);
}

#[test]
fn the_answer_to_a_prompt_that_was_never_sent_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    let answered = |key: &str, answer: &str| Entry::Answered {
        key: key.into(),
        answer: answer.into(),
    };
    journal.append(key, &[sent("sent")]).unwrap();
    for prompt in ["waited", "sent"] {
        journal.append(key, &[answered(prompt, "no")]).unwrap();
        let known = Known::Answered("no".into());
        assert_eq!(journal.answer(key, prompt).unwrap(), known);
    }
    let stored = journal.session("s").unwrap().unwrap();
    assert!(stored.turn_open, "that of another prompt goes on");
}

#[test]
fn only_the_last_keys_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    let turns =
        (0..answers::KEYS + 5).flat_map(|n| [sent(&n.to_string()), ended(&n.to_string(), "")]);
    journal.append(key, &turns.collect::<Vec<_>>()).unwrap();
    assert_eq!(journal.answer(key, "4").unwrap(), Known::No);
    assert_ne!(journal.answer(key, "5").unwrap(), Known::No);
}

#[test]
fn a_shared_session_is_listed_for_those_it_is_shared_with() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let key = begin(&journal, &record("s"));
    begin(&journal, &record("t"));
    journal.share(key, "ann", Some("view")).unwrap();
    journal.share(key, "ann", Some("drive")).unwrap();
    journal.share(key, "bob", Some("view")).unwrap();
    let shared = journal.sessions(Some("ann"), 9).unwrap();
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0].shares["ann"], "drive");
    assert_eq!(shared[0].shares["bob"], "view");
    assert_eq!(journal.sessions(Some("local"), 9).unwrap().len(), 2);
    journal.share(key, "ann", None).unwrap();
    assert_eq!(journal.sessions(Some("ann"), 9).unwrap(), []);
}

#[test]
fn what_is_adopted_is_there_as_a_whole_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let outside = SessionRecord {
        outside: true,
        ..record("s")
    };
    let updates = [r#"{"n":1}"#.to_owned(), r#"{"n":2}"#.to_owned()];
    assert!(journal.adopt(&outside, Some("title"), &updates).unwrap());
    let again = [r#"{"n":3}"#.to_owned()];
    assert!(!journal.adopt(&outside, None, &again).unwrap());
    let stored = journal.session("s").unwrap().unwrap();
    assert_eq!(stored.record, outside);
    assert_eq!(stored.title.as_deref(), Some("title"));
    assert_eq!(frames(&journal, stored.key), updates);
    let head = journal.head(stored.key).unwrap().unwrap();
    assert_eq!((head.epoch, head.seq), (journal.epoch(), 2));
    // What nobody knows of yet is taken, too.
    journal.create(&record("hidden")).unwrap();
    let taken = journal.taken(["s", "hidden", "free"]).unwrap();
    assert_eq!(taken.len(), 2);
    assert!(!taken.contains("free"));
}

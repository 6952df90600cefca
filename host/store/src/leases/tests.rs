use std::{
    sync::{Arc, mpsc::channel},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hostler_lease::{
    Ask, Choice, DeviceKey, HandOver, Label, LeaseId, LeaseScope, Mode, Principal, Selector,
    Standing, Stored, Terms, Want,
};
use proptest::{collection::vec, option, prelude::*};

use super::*;

fn open() -> (tempfile::TempDir, Records) {
    let dir = tempfile::tempdir().unwrap();
    let records = Records::open(&dir.path().join("hostler.db")).unwrap();
    (dir, records)
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn lease(number: u8) -> Stored {
    let key = DeviceKey::from_store(&format!("ios:{number}")).unwrap();
    let scope = LeaseScope {
        tenant: None,
        run: None,
        client: None,
        backend: None,
        policy: Some(label("local")),
        session: label("default"),
        selector: Selector::device(label(key.as_str())),
        mode: Mode::Explicit,
    };
    Stored {
        ask: Arc::new(Ask {
            id: LeaseId::from_random([number; 16]),
            principal: Principal::new("ann").unwrap(),
            scope,
            terms: Terms::new(Duration::from_secs(60), None, 0, HandOver::Keep).unwrap(),
        }),
        standing: Standing::Held {
            key,
            token: FencingToken::from_number(u64::from(number)),
            used: false,
        },
    }
}

/// The same, which its holder has used.
fn used(number: u8) -> Stored {
    let mut lease = lease(number);
    lease.standing.note_use();
    lease
}

/// Writes and waits.
fn write(leases: &Leases, records: Vec<Record>) -> Result<(), StoreError> {
    let (done, written) = channel();
    leases.write(records, move |result| done.send(result).unwrap());
    written.recv().unwrap()
}

fn some_label() -> impl Strategy<Value = Label> {
    "[a-zA-Z0-9 '\"\\\\:é-]{1,20}".prop_map(|text| label(&text))
}

fn some_key() -> impl Strategy<Value = DeviceKey> {
    "[a-z]{1,8}:[a-z0-9.:-]{1,20}".prop_map(|text| DeviceKey::from_store(&text).unwrap())
}

fn some_lease() -> impl Strategy<Value = Stored> {
    let mode = prop_oneof![
        Just(Mode::Explicit),
        (some_label(), some_label()).prop_map(|(token, surface)| Mode::Implicit { token, surface }),
        Just(Mode::Reader),
    ];
    let choice = prop_oneof![
        some_label().prop_map(Choice::Device),
        some_label().prop_map(Choice::Pool),
    ];
    let hand_over = prop_oneof![
        Just(HandOver::Keep),
        Just(HandOver::ClearApps),
        Just(HandOver::Erase),
        some_label().prop_map(HandOver::Snapshot),
    ];
    let terms = (
        5_000_u64..86_400_000,
        option::of(1_u64..86_400_000),
        0_u16..=16,
        hand_over,
    )
        .prop_map(|(ttl, wait, readers, hand_over)| {
            let millis = Duration::from_millis;
            Terms::new(millis(ttl), wait.map(millis), readers, hand_over).unwrap()
        });
    let want = prop_oneof![
        some_key().prop_map(Want::Device),
        some_label().prop_map(Want::Pool),
    ];
    let token = any::<u64>().prop_map(FencingToken::from_number);
    let standing =
        prop_oneof![
            (any::<u64>(), vec(want, 1..8))
                .prop_map(|(turn, wants)| Standing::Waiting { turn, wants }),
            (some_key(), token.clone(), any::<bool>())
                .prop_map(|(key, token, used)| Standing::Held { key, token, used }),
            (some_key(), token, any::<bool>()).prop_map(|(key, token, used)| Standing::Reading {
                key,
                token,
                used
            }),
        ];
    let labels = vec(option::of(some_label()), 5);
    (
        any::<[u8; 16]>(),
        "[a-z/:]{1,20}",
        labels,
        some_label(),
        vec(choice, 1..8),
        mode,
        terms,
        standing,
    )
        .prop_map(
            |(id, principal, labels, session, choices, mode, terms, standing)| {
                let scope = LeaseScope {
                    tenant: labels[0].clone(),
                    run: labels[1].clone(),
                    client: labels[2].clone(),
                    backend: labels[3].clone(),
                    policy: labels[4].clone(),
                    session,
                    selector: Selector::any_of(choices).unwrap(),
                    mode,
                };
                Stored {
                    ask: Arc::new(Ask {
                        id: LeaseId::from_random(id),
                        principal: Principal::new(&principal).unwrap(),
                        scope,
                        terms,
                    }),
                    standing,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_records_add_up_to_is_loaded(
        leases in vec(some_lease(), 0..8),
        removed in vec(any::<bool>(), 8),
        uses in vec(any::<bool>(), 8),
        token in any::<u64>(),
    ) {
        let (_dir, records) = open();
        let mut expected = records.load_leases().unwrap().saved;
        let mut batch = vec![Record::Tokens(FencingToken::from_number(token))];
        for ((stored, removed), uses) in leases.into_iter().zip(removed).zip(uses) {
            let id = stored.ask.id;
            batch.push(Record::Put(stored));
            if uses {
                batch.push(Record::Used(id));
            }
            if removed {
                batch.push(Record::Remove(id));
            }
        }
        records.write(|change| apply(change, &batch)).unwrap();
        for record in batch {
            expected.apply(record);
        }
        let loaded = records.load_leases().unwrap();
        prop_assert_eq!(loaded.unreadable, Vec::<String>::new());
        prop_assert_eq!(loaded.saved, expected);
    }
}

#[test]
fn tokens_begin_at_the_second_in_which_the_file_was_made_and_starts_are_counted() {
    let (dir, records) = open();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let first = records.load_leases().unwrap();
    let second = first.saved.tokens().number() >> 32;
    assert!(now.as_secs() - second <= 2);
    assert_eq!(first.starts, 1);
    drop(records);
    let again = Records::open(&dir.path().join("hostler.db")).unwrap();
    let again = again.load_leases().unwrap();
    assert_eq!((again.starts, again.saved), (2, first.saved));
}

#[test]
fn what_was_answered_is_there_after_the_process_is_gone() {
    let (dir, records) = open();
    let leases = Leases::start(records).unwrap();
    write(&leases, vec![Record::Put(lease(1)), Record::Put(lease(2))]).unwrap();
    write(&leases, vec![Record::Remove(lease(1).ask.id)]).unwrap();
    // Another connection, with nothing of this one's memory.
    let other = Records::open(&dir.path().join("hostler.db")).unwrap();
    let saved = other.load_leases().unwrap().saved;
    assert_eq!(saved.leases().collect::<Vec<_>>(), [&lease(2)]);
}

#[test]
fn all_who_wait_share_one_wait_for_the_disk() {
    let (jobs, waiting) = channel();
    let (done, told) = channel();
    for number in 0..100 {
        let done = done.clone();
        let tell = move |result: Result<(), StoreError>| done.send((number, result.is_ok()));
        let job = writer::Job {
            records: vec![Record::Put(lease(number))],
            done: Box::new(move |result| tell(result).unwrap()),
        };
        jobs.send(job).unwrap_or_else(|_| panic!("nobody takes it"));
    }
    drop(jobs);
    let mut written = Vec::new();
    writer::run(&waiting, |records| {
        written.push(records.len());
        Ok(())
    });
    assert_eq!(written, [100]);
    drop(done);
    // All are told, in their order.
    let expected: Vec<_> = (0..100).map(|number| (number, true)).collect();
    assert_eq!(told.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn what_could_not_be_written_is_written_with_the_next_in_its_order() {
    let (_dir, records) = open();
    let leases = Leases::start(records.clone()).unwrap();
    let pages = |limit: &str| {
        let set = format!("PRAGMA max_page_count = {limit}");
        records
            .read(|connection| connection.query_row(&set, [], |row| row.get::<_, i64>(0)))
            .unwrap();
    };
    write(&leases, vec![Record::Put(lease(1))]).unwrap();
    pages("1");
    // Larger than what is left in the pages that there are.
    let many: Vec<Record> = (2..=200).map(|number| Record::Put(lease(number))).collect();
    let error = write(&leases, many).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    // It is not the journal, and no session is in the way.
    let said = error.to_string();
    assert!(said.contains("Make room on the disk"), "{said}");
    assert!(
        !said.contains("[journal]") && !said.contains("session"),
        "{said}"
    );
    let error = write(&leases, Vec::new()).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    pages("1000000");
    write(&leases, vec![Record::Remove(lease(200).ask.id)]).unwrap();
    let saved = records.load_leases().unwrap().saved;
    assert_eq!(saved.leases().len(), 199);
}

#[test]
fn what_is_due_while_the_disk_is_full_does_not_grow_with_time() {
    let mut due = Vec::new();
    for round in 0..100 {
        due.push(Record::Put(lease(1)));
        due.push(Record::Tokens(FencingToken::from_number(round)));
        due.push(Record::Remove(lease(1).ask.id));
        writer::compact(&mut due);
    }
    let last = Record::Tokens(FencingToken::from_number(99));
    assert_eq!(due, [last, Record::Remove(lease(1).ask.id)]);
}

#[test]
fn a_use_is_not_lost_among_what_is_due() {
    let (one, two) = (lease(1).ask.id, lease(2).ask.id);
    let mut due = vec![
        Record::Put(lease(1)),
        Record::Used(one),
        Record::Used(two),
        Record::Put(lease(3)),
    ];
    writer::compact(&mut due);
    let expected = [
        Record::Put(used(1)),
        Record::Used(two),
        Record::Put(lease(3)),
    ];
    assert_eq!(due, expected);
    due.push(Record::Remove(one));
    due.push(Record::Remove(two));
    writer::compact(&mut due);
    let expected = [
        Record::Put(lease(3)),
        Record::Remove(one),
        Record::Remove(two),
    ];
    assert_eq!(due, expected);
}

#[test]
fn leases_of_an_older_file_were_used() {
    let (dir, records) = open();
    drop(records);
    let path = dir.path().join("hostler.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch("ALTER TABLE lease DROP COLUMN used; ALTER TABLE lease DROP COLUMN surface;")
        .unwrap();
    old.execute_batch(
        "INSERT INTO lease (id, principal, policy, session, selector, mode, ttl_ms, readers,
             hand_over, standing, device, token)
         VALUES ('01010101010101010101010101010101', 'ann', 'local', 'default',
             '[{\"device\":\"ios:1\"}]', 'explicit', 60000, 0, 'keep', 'held', 'ios:1', 1)",
    )
    .unwrap();
    old.pragma_update(None, "user_version", 3).unwrap();
    drop(old);
    let records = Records::open(&path).unwrap();
    let saved = records.load_leases().unwrap().saved;
    assert_eq!(saved.leases().collect::<Vec<_>>(), [&used(1)]);
}

#[test]
fn implicit_leases_of_an_older_file_are_found_again_by_their_surface() {
    let (dir, records) = open();
    drop(records);
    let path = dir.path().join("hostler.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch("ALTER TABLE lease DROP COLUMN surface")
        .unwrap();
    let sessions = ["mcp", "mcp#2", "mcp-chat", "mcp-chat#2", "default", "mcpx"];
    for (session, number) in sessions.iter().zip(1..) {
        old.execute(
            "INSERT INTO lease (id, principal, session, selector, mode, bearer, ttl_ms, readers,
                 hand_over, standing, device, token)
             VALUES (?, 'ann', ?, '[{\"device\":\"ios:1\"}]', 'implicit', 'laptop', 60000, 0,
                 'keep', 'held', ?, ?)",
            rusqlite::params![
                format!("{number:032}"),
                session,
                format!("ios:{number}"),
                number
            ],
        )
        .unwrap();
    }
    old.pragma_update(None, "user_version", 4).unwrap();
    drop(old);
    let records = Records::open(&path).unwrap();
    let loaded = records.load_leases().unwrap();
    assert_eq!(loaded.unreadable, [""; 0]);
    let found = loaded.saved.leases().map(|lease| {
        let scope = &lease.ask.scope;
        match &scope.mode {
            Mode::Implicit { surface, .. } => (scope.session.to_string(), surface.to_string()),
            other => panic!("{other:?}"),
        }
    });
    let found: std::collections::BTreeMap<_, _> = found.collect();
    for session in sessions {
        let expected = match session {
            "default" | "mcpx" => "agent-device",
            _ => "mcp",
        };
        assert_eq!(found[session], expected, "{session}");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_the_others_are_loaded() {
    let (_dir, records) = open();
    let batch = [Record::Put(lease(1)), Record::Put(lease(2))];
    records.write(|change| apply(change, &batch)).unwrap();
    records
        .write(|change| change.execute("UPDATE lease SET mode = 'x' WHERE device = 'ios:1'", []))
        .unwrap();
    let loaded = records.load_leases().unwrap();
    assert_eq!(loaded.saved.leases().collect::<Vec<_>>(), [&lease(2)]);
    assert_eq!(loaded.unreadable, ["a lease of \"ann\": mode \"x\""]);
}

#[test]
fn the_thread_writes_all_before_it_ends() {
    let (_dir, records) = open();
    let leases = Leases::start(records.clone()).unwrap();
    let (done, written) = channel();
    leases.write(vec![Record::Put(lease(1))], move |result| {
        done.send(result.is_ok()).unwrap();
    });
    drop(leases);
    assert!(written.recv().unwrap());
    assert_eq!(records.load_leases().unwrap().saved.leases().len(), 1);
}

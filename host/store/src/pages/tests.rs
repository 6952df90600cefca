use super::*;
use crate::{Entry, SessionRecord};

fn session(journal: &Journal, id: &str) -> SessionKey {
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
    journal.append(key, &[Entry::Announced]).unwrap();
    key
}

fn say(journal: &Journal, session: SessionKey, seq: u64, update: &str) {
    let update = update.to_owned();
    let entry = Entry::Frame { seq, update };
    journal.append(session, &[entry]).unwrap();
}

fn all(mut pages: Pages) -> Vec<Vec<String>> {
    std::iter::from_fn(|| Some(pages.next_page().unwrap()).filter(|page| !page.is_empty()))
        .map(|page| page.into_iter().map(|placed| placed.update).collect())
        .collect()
}

fn at(epoch: u64, seq: u64) -> Option<Position> {
    Some(Position { epoch, seq })
}

#[test]
fn pages_are_in_order_bounded_and_end_where_the_session_was() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db")).unwrap();
    let (own, other) = (session(&journal, "own"), session(&journal, "other"));
    assert!(all(journal.pages(own, None).unwrap()).is_empty());
    let third = |n| format!("{n}{}", "x".repeat(PAGE / 3));
    for n in 0..7 {
        say(&journal, own, n + 1, &third(n));
        say(&journal, other, n + 1, "not mine");
    }
    let pages = journal.pages(own, None).unwrap();
    say(&journal, own, 8, "later");
    let pages = all(pages);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(pages.concat(), (0..7).map(third).collect::<Vec<_>>());
    assert_eq!(all(journal.pages(own, None).unwrap()).concat()[7], "later");
}

#[test]
fn an_update_larger_than_a_page_is_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db")).unwrap();
    let own = session(&journal, "own");
    let large = "x".repeat(2 * PAGE);
    say(&journal, own, 1, &large);
    say(&journal, own, 2, "small");
    assert_eq!(
        all(journal.pages(own, None).unwrap()),
        [[large], ["small".into()]]
    );
}

#[test]
fn the_pages_of_a_session_that_is_removed_end_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal.db")).unwrap();
    let own = session(&journal, "own");
    say(&journal, own, 1, "gone");
    let pages = journal.pages(own, None).unwrap();
    journal.remove(own).unwrap();
    // Another one does not stand in its place.
    let next = session(&journal, "next");
    say(&journal, next, 1, "of somebody else");
    assert_ne!(own, next);
    let mut pages = pages;
    let error = pages.next_page().unwrap_err();
    assert!(error.to_string().contains("deleted"), "{error}");
}

#[test]
fn from_every_position_of_every_epoch_the_rest_follows_and_from_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut key = None;
    // In the second epoch nothing happens.
    for (epoch, frames) in [(1, 3), (2, 0), (3, 2)] {
        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.epoch(), epoch);
        let own = *key.get_or_insert_with(|| session(&journal, "own"));
        for seq in 1..=frames {
            say(&journal, own, seq, &format!("{epoch}.{seq}"));
        }
    }
    let (journal, own) = (Journal::open(&path).unwrap(), key.unwrap());
    let story = ["1.1", "1.2", "1.3", "3.1", "3.2"];
    assert_eq!(journal.head(own).unwrap(), at(3, 2));
    let from = |after| {
        let pages = journal.pages(own, after).unwrap();
        (pages.is_reset(), all(pages).concat())
    };
    for (epoch, seq, rest) in [
        (0, 0, 5),
        (1, 0, 5),
        (1, 1, 4),
        (1, 3, 2),
        (2, 0, 2),
        (3, 0, 2),
        (3, 1, 1),
        (3, 2, 0),
        (4, 0, 0),
    ] {
        let joined = from(at(epoch, seq));
        assert!(!joined.0, "{epoch}:{seq}");
        assert_eq!(joined.1, story[story.len() - rest..], "{epoch}:{seq}");
    }
    for other in [
        at(1, 4),
        at(2, 1),
        at(3, 3),
        at(4, 1),
        at(5, 0),
        at(u64::MAX, u64::MAX),
        None,
    ] {
        let anew = from(other);
        assert!(anew.0, "{other:?}");
        assert_eq!(anew.1, story, "{other:?}");
    }
}

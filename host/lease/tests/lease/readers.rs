//! Readers beside a holder, where its terms suffer them.

use hostler_lease::{Allocated, Choice, EndCause};

use crate::world::{AskExt, TTL, World, ask, key, label, lease_id, principal, secs};

const PIXEL: &str = "android:pixel";

fn with_reader() -> World {
    let mut world = World::with(&[PIXEL]);
    world
        .allocate(ask(1, "ann", PIXEL).allows_readers(1))
        .unwrap();
    world.allocate(ask(2, "bob", PIXEL).reader()).unwrap();
    world
}

#[test]
fn a_reader_has_the_token_of_the_holder_and_takes_nothing_from_it() {
    let mut world = World::with(&[PIXEL]);
    world
        .allocate(ask(1, "ann", PIXEL).allows_readers(1))
        .unwrap();
    let Ok(Allocated::Reading { token, .. }) = world.allocate(ask(2, "bob", PIXEL).reader()) else {
        panic!()
    };
    assert_eq!(world.tokens(PIXEL), [token]);
    assert!(world.registry.is_current(&key(PIXEL), token));
    let mut admitted = |number, who: &str| {
        let (who, id) = (principal(who), lease_id(number));
        let limit = secs(1);
        let run = world.run(|registry, now, out| registry.begin_command(&who, id, limit, now, out));
        run.unwrap().reader
    };
    assert!(!admitted(1, "ann"));
    assert!(
        admitted(2, "bob"),
        "whoever runs it can refuse what is no reading"
    );
}

#[test]
fn a_reader_leaves_without_a_teardown_and_makes_room() {
    let mut world = with_reader();
    assert_eq!(
        world.refused(ask(3, "carol", PIXEL).reader()),
        "READERS_FULL"
    );
    world.release(2, "bob").unwrap();
    assert_eq!(world.teardowns(), 0);
    world.allocate(ask(3, "carol", PIXEL).reader()).unwrap();
    world.renew(1, "ann").unwrap();
    world.pass(TTL - secs(1));
    world.renew(1, "ann").unwrap();
    world.pass(secs(1));
    assert_eq!(
        world.end_of(3),
        Some(EndCause::Expired),
        "a reader has its own time"
    );
    assert_eq!(world.end_of(1), None);
}

#[test]
fn readers_end_with_their_holder() {
    let mut world = with_reader();
    world.release(1, "ann").unwrap();
    assert_eq!(world.end_of(2), Some(EndCause::HolderLeft));
    assert_eq!(world.saved.leases().len(), 0);
}

#[test]
fn there_is_nothing_to_read_where_nobody_holds_or_allows_it() {
    let mut world = World::with(&[PIXEL]);
    assert_eq!(world.refused(ask(1, "bob", PIXEL).reader()), "NOBODY_HOLDS");
    let any = vec![Choice::Pool(label("all"))];
    assert_eq!(
        world.refused(ask(1, "bob", "-").any_of(any).reader()),
        "READER_NEEDS_ONE_DEVICE"
    );
    world.hands_over = false;
    world.allocate(ask(2, "ann", PIXEL)).unwrap();
    assert_eq!(world.refused(ask(3, "bob", PIXEL).reader()), "NOBODY_HOLDS");
    world
        .run(|registry, now, out| registry.handed_over(lease_id(2), now, out))
        .unwrap();
    assert_eq!(world.refused(ask(3, "bob", PIXEL).reader()), "READERS_FULL");
}

#[test]
fn readers_are_back_after_a_restart_beside_their_holder() {
    let mut world = with_reader();
    world.restart();
    world.renew(2, "bob").unwrap();
    world.discover(&[PIXEL]);
    assert_eq!(
        world.refused(ask(3, "carol", PIXEL).reader()),
        "READERS_FULL"
    );
    world.release(1, "ann").unwrap();
    assert_eq!(world.end_of(2), Some(EndCause::HolderLeft));
}

//! What is durable is back, and what nobody heard of is not.

use std::sync::Arc;

use hostler_lease::{
    Allocated, Choice, Effects, EndCause, Event, REJOIN_GRACE, Record, Registry, Sight, Standing,
    Status, Stored, Want,
};

use crate::world::{AskExt, TTL, World, ask, key, label, lease_id, principal, secs};

const PIXEL: &str = "android:pixel";

#[test]
fn a_lease_is_back_with_its_full_time_and_its_device_is_not_given_to_others() {
    let mut world = World::with(&[PIXEL]);
    world
        .allocate(ask(1, "ann", PIXEL).implicit("laptop", "default"))
        .unwrap();
    world.pass(TTL - secs(1));
    world.restart();
    world.pass(TTL - secs(1));
    assert_eq!(world.refused(ask(2, "bob", PIXEL)), "DEVICE_LEASE_BUSY");
    world.discover(&[PIXEL]);
    assert_eq!(world.refused(ask(2, "bob", PIXEL)), "DEVICE_LEASE_BUSY");
    let ann = principal("ann");
    let found = world
        .registry
        .implicit(&ann, &label("laptop"), &label("chat"), &label("default"));
    assert_eq!(found, Some(lease_id(1)));
    let token = world.tokens(PIXEL)[0];
    assert!(world.registry.is_current(&key(PIXEL), token));
    world.pass(secs(1));
    assert_eq!(world.end_of(1), Some(EndCause::Expired));
}

#[test]
fn a_lease_on_a_device_that_never_comes_back_ends_by_itself() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.restart();
    world.discover(&[]);
    assert_eq!(world.end_of(1), None, "no provider said that it is gone");
    world.pass(TTL);
    assert_eq!(world.end_of(1), Some(EndCause::Expired));
    assert_eq!(world.registry.devices().count(), 0);
}

#[test]
fn the_order_of_the_queue_is_back() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    // The ids do not tell the order.
    for number in [9, 4, 7, 2] {
        world
            .allocate(ask(number, "bob", PIXEL).waits(600))
            .unwrap();
    }
    world.release(7, "bob").unwrap();
    world.restart();
    world.discover(&[PIXEL]);
    world.allocate(ask(1000, "bob", PIXEL).waits(600)).unwrap();
    world.restart();
    world.discover(&[PIXEL]);
    // They do not come back in their order, and are served in it.
    for number in [2, 1000, 9, 4] {
        world.rejoin(number, "bob").unwrap();
    }
    world.release(1, "ann").unwrap();
    for number in [9, 4, 2, 1000] {
        world.release(number, "bob").unwrap();
    }
    assert_eq!(world.granted(), [1, 9, 4, 2, 1000]);
}

#[test]
fn a_waiter_whose_client_does_not_come_back_loses_its_place() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.begin(1, "ann", 3600).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.allocate(ask(3, "carol", PIXEL).waits(600)).unwrap();
    world.restart();
    let carol = principal("carol");
    let status = world.rejoin(3, "carol");
    let until = world.now.plus(secs(600));
    assert_eq!(status, Ok(Status::Waiting { position: 2, until }));
    world.pass(REJOIN_GRACE);
    assert_eq!(world.end_of(2), Some(EndCause::WaitedTooLong));
    let status = world.registry.status(&carol, lease_id(3));
    assert_eq!(status, Ok(Status::Waiting { position: 1, until }));
}

#[test]
fn a_waiter_that_is_not_back_is_passed_over_and_keeps_its_place() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    for (number, who) in [(2, "bob"), (3, "carol"), (4, "dan")] {
        world.allocate(ask(number, who, PIXEL).waits(600)).unwrap();
    }
    world.restart();
    world.discover(&[PIXEL]);
    world.rejoin(4, "dan").unwrap();
    // Nobody hears of a device that bob or carol got, and none stands idle.
    world.release(1, "ann").unwrap();
    assert_eq!(world.granted(), [1, 4]);
    // Bob has its turn before whoever was behind it, and before newcomers.
    world.allocate(ask(5, "eve", PIXEL).waits(600)).unwrap();
    let status = world.rejoin(3, "carol");
    assert!(matches!(status, Ok(Status::Waiting { position: 2, .. })));
    let status = world.rejoin(2, "bob");
    assert!(matches!(status, Ok(Status::Waiting { position: 1, .. })));
    world.release(4, "dan").unwrap();
    world.release(2, "bob").unwrap();
    world.release(3, "carol").unwrap();
    assert_eq!(world.granted(), [1, 4, 2, 3, 5]);
}

#[test]
fn a_device_that_is_free_is_its_who_comes_back_for_it() {
    let mut world = World::with(&[PIXEL, "ios:iphone"]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.allocate(ask(2, "ann", "ios:iphone")).unwrap();
    let any = vec![Choice::Pool(label("all"))];
    world
        .allocate(ask(3, "bob", "-").any_of(any).waits(600))
        .unwrap();
    world.restart();
    world.discover(&[PIXEL, "ios:iphone"]);
    world.release(1, "ann").unwrap();
    assert_eq!(world.granted(), [1, 2], "bob would not hear of it");
    let status = world.rejoin(3, "bob");
    assert!(
        matches!(status, Ok(Status::HandingOver { .. })),
        "{status:?}"
    );
    assert_eq!(world.granted(), [1, 2, 3]);
    // Whoever comes back twice has it still.
    let status = world.rejoin(3, "bob");
    assert!(matches!(status, Ok(Status::Held { .. })), "{status:?}");
}

#[test]
fn who_comes_back_waits_as_long_as_it_says_and_no_longer_than_its_terms() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL).lives(3600)).unwrap();
    world.renew(1, "ann").unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.restart();
    let bob = principal("bob");
    for (asked, granted) in [(Some(100), 100), (Some(9000), 600), (None, 600)] {
        let status = world.run(|registry, now, out| {
            registry.rejoin(&bob, lease_id(2), asked.map(secs), now, out)
        });
        let until = world.now.plus(secs(granted));
        assert_eq!(status, Ok(Status::Waiting { position: 1, until }));
    }
}

#[test]
fn a_lease_that_nobody_used_is_kept_until_its_holder_could_be_back() {
    let mut world = World::with(&[PIXEL, "ios:iphone"]);
    world.allocate(ask(1, "ann", PIXEL).lives(3600)).unwrap();
    world
        .allocate(ask(2, "ann", "ios:iphone").lives(3600))
        .unwrap();
    world.renew(2, "ann").unwrap();
    world.restart();
    world.discover(&[PIXEL, "ios:iphone"]);
    world.pass(REJOIN_GRACE - secs(1));
    assert_eq!(world.refused(ask(3, "bob", PIXEL)), "DEVICE_LEASE_BUSY");
    world.pass(secs(1));
    assert_eq!(world.end_of(1), Some(EndCause::Expired));
    world.allocate(ask(4, "bob", PIXEL)).unwrap();
    assert_eq!(world.end_of(2), None, "its holder had used it");
}

#[test]
fn a_lease_that_is_used_after_the_restart_has_its_full_time() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL).lives(3600)).unwrap();
    world.restart();
    world.discover(&[PIXEL]);
    assert_eq!(world.renew(1, "ann"), Ok(world.now.plus(secs(3600))));
    // And has it again after the next one.
    world.restart();
    world.pass(secs(3599));
    assert_eq!(world.end_of(1), None);
}

#[test]
fn a_lease_that_nobody_used_is_freed_if_its_answer_is_lost_once_more() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.restart();
    world.discover(&[PIXEL]);
    world.rejoin(2, "bob").unwrap();
    assert!(world.run(|registry, now, out| registry.abandon(lease_id(1), now, out)));
    assert_eq!(world.granted(), [1, 2]);
}

#[test]
fn a_crash_in_a_hand_over_frees_the_device_and_a_waiter_has_its_place_again() {
    let mut world = World::with(&[PIXEL]);
    world.hands_over = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.restart();
    assert_eq!(
        world.registry.all_leases().count(),
        0,
        "nobody had heard of it"
    );
    world.discover(&[PIXEL]);
    world.hands_over = true;
    world.allocate(ask(2, "ann", PIXEL)).unwrap();
    world.allocate(ask(3, "bob", PIXEL).waits(600)).unwrap();
    world.allocate(ask(4, "carol", PIXEL).waits(600)).unwrap();
    world.hands_over = false;
    world.release(2, "ann").unwrap();
    world.restart();
    world.hands_over = true;
    world.discover(&[PIXEL]);
    world.rejoin(4, "carol").unwrap();
    world.rejoin(3, "bob").unwrap();
    assert_eq!(world.granted(), [2, 4], "bob was not back");
    world.release(4, "carol").unwrap();
    assert_eq!(world.granted(), [2, 4, 3]);
    assert!(world.tokens(PIXEL).is_sorted_by(|a, b| a < b));
}

#[test]
fn a_lease_that_ended_does_not_come_back() {
    let mut world = World::with(&[PIXEL]);
    world.tears_down = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.pass(TTL);
    world.restart();
    world.discover(&[PIXEL]);
    world.allocate(ask(2, "bob", PIXEL)).unwrap();
    assert_eq!(
        world.granted(),
        [1, 2],
        "what was being torn down died with the host"
    );
}

#[test]
fn nobody_is_told_of_a_grant_before_the_record_that_keeps_it() {
    let mut world = World::with(&[PIXEL]);
    world.hands_over = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    let mut out = Effects::default();
    world
        .registry
        .handed_over(lease_id(1), world.now, &mut out)
        .unwrap();
    assert!(matches!(&out.records[..], [Record::Put(stored)]
        if stored.ask.id == lease_id(1) && matches!(stored.standing, Standing::Held { .. })));
    assert!(matches!(&out.events[..], [event @ Event::Granted { .. }] if event.needs_records()));

    // The store fails: the lease goes, and nothing of it stays at rest.
    let mut undone = Effects::default();
    assert!(world.registry.abandon(lease_id(1), world.now, &mut undone));
    assert!(undone.events.iter().all(|event| !event.needs_records()));
    for record in out.records.into_iter().chain(undone.records) {
        world.saved.apply(record);
    }
    assert_eq!(world.saved.leases().len(), 0);
}

#[test]
fn the_first_use_is_written_and_no_renewal() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    let mut out = Effects::default();
    world
        .registry
        .renew(&principal("ann"), lease_id(1), world.now, &mut out)
        .unwrap();
    assert_eq!(out.records, [Record::Used(lease_id(1))]);
    let mut out = Effects::default();
    let ann = principal("ann");
    world
        .registry
        .renew(&ann, lease_id(1), world.now, &mut out)
        .unwrap();
    let (id, limit) = (lease_id(1), secs(5));
    world
        .registry
        .begin_command(&ann, id, limit, world.now, &mut out)
        .unwrap();
    world.registry.end_command(id, world.now, &mut out);
    assert_eq!(out.records, []);
}

fn stored(number: u64, standing: Standing) -> Record {
    let ask = Arc::new(ask(number, "ann", PIXEL).waits(600));
    Record::Put(Stored { ask, standing })
}

#[test]
fn a_damaged_store_never_makes_two_holders_of_one_device() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.release(1, "ann").unwrap();
    world.allocate(ask(2, "ann", PIXEL)).unwrap();
    let [old, new] = world.tokens(PIXEL)[..] else {
        panic!()
    };
    let device = || key(PIXEL);
    let turn = |turn| Standing::Waiting {
        turn,
        wants: vec![Want::Device(key(PIXEL))],
    };
    world.saved.apply(stored(
        3,
        Standing::Held {
            key: device(),
            token: old,
            used: true,
        },
    ));
    world.saved.apply(stored(
        4,
        Standing::Reading {
            key: device(),
            token: old,
            used: true,
        },
    ));
    world.saved.apply(stored(
        5,
        Standing::Reading {
            key: key("ios:gone"),
            token: new,
            used: true,
        },
    ));
    world.saved.apply(stored(6, turn(8)));
    world.saved.apply(stored(7, turn(8)));
    world.saved.apply(stored(
        8,
        Standing::Waiting {
            turn: 9,
            wants: vec![],
        },
    ));
    let mut out = Effects::default();
    let mut registry = Registry::restore(world.saved.clone(), world.now, &mut out);
    let dropped: Vec<_> = [4, 5, 3, 7, 8]
        .map(|number| Record::Remove(lease_id(number)))
        .into();
    assert_eq!(out.records.len(), dropped.len());
    assert!(
        dropped.iter().all(|record| out.records.contains(record)),
        "{:?}",
        out.records
    );
    let ann = principal("ann");
    assert!(
        registry
            .renew(&ann, lease_id(2), world.now, &mut out)
            .is_ok()
    );
    assert!(registry.is_current(&device(), new));

    let next = ask(20, "ann", "ios:new");
    let sight = vec![crate::world::sighting("ios:new", &[], &[])];
    registry.discover(&label("p"), sight, world.now, &mut out);
    let allocated = registry
        .allocate(next, Sight::Own, world.now, &mut out)
        .unwrap();
    assert!(matches!(allocated, Allocated::HandingOver { token, .. } if token > new));
}

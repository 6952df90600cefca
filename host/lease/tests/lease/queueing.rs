//! Who waits is served in order, or hears that the wait is over.

use hostler_lease::{Allocated, Choice, EndCause, Event, MAX_QUEUE};

use crate::world::{AskExt, World, ask, label, number, principal, secs};

const PIXEL: &str = "android:pixel";
const IPHONE: &str = "ios:iphone";

fn pool(name: &str) -> Vec<Choice> {
    vec![Choice::Pool(label(name))]
}

fn moves(world: &World) -> Vec<(u64, usize)> {
    let of = |event: &Event| match event {
        Event::Moved { id, position } => Some((number(*id), *position)),
        _ => None,
    };
    world.seen.iter().filter_map(of).collect()
}

#[test]
fn waiters_are_served_first_come_first_served() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    for number in 2..6 {
        let position = usize::try_from(number).unwrap() - 1;
        let allocated = world
            .allocate(ask(number, "bob", PIXEL).waits(600))
            .unwrap();
        assert_eq!(allocated, Allocated::Waiting { position });
    }
    world.release(1, "ann").unwrap();
    for number in 2..6 {
        world.release(number, "bob").unwrap();
    }
    assert_eq!(world.granted(), [1, 2, 3, 4, 5]);
}

#[test]
fn those_behind_hear_how_far_they_have_come() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    for number in 2..6 {
        world
            .allocate(ask(number, "bob", PIXEL).waits(600))
            .unwrap();
    }
    world.release(3, "bob").unwrap();
    assert_eq!(moves(&world), [(4, 2), (5, 3)]);
    world.release(1, "ann").unwrap();
    assert_eq!(moves(&world)[2..], [(4, 1), (5, 2)]);
}

#[test]
fn a_wait_ends_at_its_deadline_with_its_reason() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.begin(1, "ann", 3600).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(100)).unwrap();
    world.allocate(ask(3, "bob", PIXEL).waits(300)).unwrap();
    world.pass(secs(99));
    assert_eq!(world.end_of(2), None);
    world.pass(secs(1));
    assert_eq!(world.end_of(2), Some(EndCause::WaitedTooLong));
    assert_eq!(moves(&world), [(3, 1)]);
    let late = world.renew(2, "bob").unwrap_err().to_string();
    assert!(
        late.contains("no device was free before the end of the wait"),
        "{late}"
    );
}

#[test]
fn whoever_does_not_want_to_wait_is_refused_at_once() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    assert_eq!(world.refused(ask(2, "bob", PIXEL)), "DEVICE_LEASE_BUSY");
    assert_eq!(world.registry.all_leases().count(), 1);
}

#[test]
fn who_wants_any_device_gets_the_first_that_is_free() {
    let mut world = World::with(&[PIXEL, IPHONE]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world
        .allocate(ask(2, "ann", "-").any_of(pool("ALL")))
        .unwrap();
    assert_eq!(world.tokens(IPHONE).len(), 1, "the other one was free");
    world
        .allocate(ask(3, "bob", "-").any_of(pool("all")).waits(600))
        .unwrap();
    world.allocate(ask(4, "bob", PIXEL).waits(600)).unwrap();
    world
        .allocate(ask(5, "bob", "-").any_of(pool("all")).waits(600))
        .unwrap();
    world.release(1, "ann").unwrap();
    world.release(3, "bob").unwrap();
    world.release(2, "ann").unwrap();
    assert_eq!(world.granted(), [1, 2, 3, 4, 5]);
    assert_eq!(
        (world.tokens(PIXEL).len(), world.tokens(IPHONE).len()),
        (3, 2)
    );
}

#[test]
fn choices_are_taken_in_the_order_of_preference() {
    let mut world = World::with(&[PIXEL, IPHONE]);
    let choices = vec![Choice::Device(label(IPHONE)), Choice::Pool(label("all"))];
    world.allocate(ask(1, "ann", "-").any_of(choices)).unwrap();
    assert_eq!(world.tokens(IPHONE).len(), 1);
}

#[test]
fn who_waits_in_several_queues_leaves_all_of_them_when_served() {
    let mut world = World::with(&[PIXEL, IPHONE]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.allocate(ask(2, "ann", IPHONE)).unwrap();
    let either = || vec![Choice::Device(label(PIXEL)), Choice::Device(label(IPHONE))];
    world.allocate(ask(3, "bob", PIXEL).waits(600)).unwrap();
    let both = world
        .allocate(ask(4, "bob", "-").any_of(either()).waits(600))
        .unwrap();
    assert_eq!(
        both,
        Allocated::Waiting { position: 1 },
        "first for the iphone"
    );
    world.allocate(ask(5, "bob", PIXEL).waits(600)).unwrap();
    world.release(2, "ann").unwrap();
    world.release(1, "ann").unwrap();
    world.release(3, "bob").unwrap();
    assert_eq!(world.granted(), [1, 2, 4, 3, 5]);
    assert_eq!(moves(&world), [(5, 2), (5, 1)]);
}

#[test]
fn a_new_device_goes_to_who_has_waited_for_its_pool() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world
        .allocate(ask(2, "bob", "-").any_of(pool("all")).waits(600))
        .unwrap();
    world.discover(&[PIXEL, IPHONE]);
    assert_eq!(world.granted(), [1, 2]);
    assert_eq!(world.tokens(IPHONE).len(), 1);
}

#[test]
fn the_device_that_rested_longest_is_taken_from_a_pool() {
    let mut world = World::with(&["ios:a", "ios:b"]);
    for number in 1..5 {
        world
            .allocate(ask(number, "ann", "-").any_of(pool("all")))
            .unwrap();
        world.release(number, "ann").unwrap();
    }
    assert_eq!(
        (world.tokens("ios:a").len(), world.tokens("ios:b").len()),
        (2, 2)
    );
}

#[test]
fn a_queue_is_bounded() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    let last = MAX_QUEUE as u64 + 1;
    for number in 2..=last {
        world
            .allocate(ask(number, "bob", PIXEL).waits(600))
            .unwrap();
    }
    assert_eq!(
        world.refused(ask(last + 1, "carol", PIXEL).waits(600)),
        "QUEUE_FULL"
    );
    world.release(2, "bob").unwrap();
    world
        .allocate(ask(last + 2, "carol", PIXEL).waits(600))
        .unwrap();
}

#[test]
fn nobody_overtakes_who_waits_while_the_device_is_torn_down() {
    let mut world = World::with(&[PIXEL]);
    world.tears_down = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.release(1, "ann").unwrap();
    world.allocate(ask(3, "carol", PIXEL).waits(600)).unwrap();
    let token = world.tokens(PIXEL)[0];
    let device = crate::world::key(PIXEL);
    world.run(|registry, now, out| registry.torn_down(&device, token, now, out));
    assert_eq!(world.granted(), [1, 2]);
    assert_eq!(world.registry.leases_of(&principal("carol")).count(), 1);
}

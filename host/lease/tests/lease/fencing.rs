//! Every grant of a device has a greater token than all before.

use hostler_lease::{Effects, Registry, Saved, Sight};

use crate::world::{CREATED, World, ask, key, label, lease_id, principal, sighting};

const PIXEL: &str = "android:pixel";

#[test]
fn each_grant_has_a_strictly_greater_token_also_after_restarts() {
    let mut world = World::with(&[PIXEL]);
    // More than are noted ahead at a time.
    for number in 1..3000 {
        world.allocate(ask(number, "ann", PIXEL)).unwrap();
        world.release(number, "ann").unwrap();
        if number % 700 == 0 {
            world.restart();
            world.discover(&[PIXEL]);
        }
    }
    let tokens = world.tokens(PIXEL);
    assert_eq!(tokens.len(), 2999);
    assert!(tokens.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_database_made_later_begins_above_every_token_of_the_one_before() {
    let mut world = World::with(&[PIXEL]);
    for number in 1..100 {
        world.allocate(ask(number, "ann", PIXEL)).unwrap();
        world.release(number, "ann").unwrap();
    }
    world.saved = Saved::new(CREATED + 1);
    world.restart();
    world.discover(&[PIXEL]);
    world.allocate(ask(100, "ann", PIXEL)).unwrap();
    assert!(world.tokens(PIXEL).is_sorted_by(|a, b| a < b));
}

#[test]
fn a_token_is_noted_as_used_no_later_than_it_is_given_out() {
    let mut registry = Registry::restore(
        Saved::new(CREATED),
        Default::default(),
        &mut Effects::default(),
    );
    let mut saved = Saved::new(CREATED);
    let mut out = Effects::default();
    registry.discover(
        &label("p"),
        vec![sighting(PIXEL, &[], &[])],
        Default::default(),
        &mut out,
    );
    let allocated = registry.allocate(
        ask(1, "ann", PIXEL),
        Sight::Own,
        Default::default(),
        &mut out,
    );
    let Ok(hostler_lease::Allocated::HandingOver { token, .. }) = allocated else {
        panic!("{allocated:?}");
    };
    for record in out.records {
        saved.apply(record);
    }
    assert!(saved.tokens() >= token);
}

#[test]
fn only_the_token_of_the_lease_that_has_the_device_is_current() {
    let mut world = World::with(&[PIXEL]);
    world.hands_over = false;
    world.tears_down = false;
    let current = |world: &World| {
        let tokens = world.tokens(PIXEL);
        let is = |token: &_| world.registry.is_current(&key(PIXEL), *token);
        tokens.iter().map(is).collect::<Vec<_>>()
    };
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    assert_eq!(current(&world), [true], "from the hand-over on");
    world
        .run(|registry, now, out| registry.handed_over(lease_id(1), now, out))
        .unwrap();
    assert_eq!(current(&world), [true]);
    world.release(1, "ann").unwrap();
    assert_eq!(
        current(&world),
        [false],
        "from the end on, torn down or not"
    );
    let first = world.tokens(PIXEL)[0];
    assert!(world.run(|registry, now, out| registry.torn_down(&key(PIXEL), first, now, out)));
    world.allocate(ask(2, "bob", PIXEL)).unwrap();
    assert_eq!(current(&world), [false, true]);
    let bob = principal("bob");
    assert_eq!(world.registry.leases_of(&bob).count(), 1);
}

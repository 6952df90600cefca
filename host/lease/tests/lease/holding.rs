//! How a lease lives and ends, and that its device session ends with it.

use hostler_lease::{
    Condition, EndCause, Event, HAND_OVER_LIMIT, HandOver, MAX_COMMAND, Moment, Refused, Sight,
    Terms,
};

use crate::world::{AskExt, TTL, World, ask, key, label, lease_id, principal, secs};

const PIXEL: &str = "android:pixel";

fn condition(world: &World) -> Condition {
    let status = world
        .registry
        .device(&key(PIXEL), &principal("x"), Sight::Own, world.now);
    status.unwrap().condition
}

#[test]
fn at_expiry_the_device_session_ends_before_the_next_is_served() {
    let mut world = World::with(&[PIXEL]);
    world.tears_down = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.pass(TTL);
    let token = world.tokens(PIXEL)[0];
    let teardown = Event::TearDown {
        key: key(PIXEL),
        token,
    };
    let ended = Event::Ended {
        id: lease_id(1),
        key: Some(key(PIXEL)),
        cause: EndCause::Expired,
    };
    assert_eq!(world.seen[world.seen.len() - 2..], [teardown, ended]);
    assert_eq!(condition(&world), Condition::TearingDown);
    world.pass(secs(300));
    assert_eq!(world.granted(), [1], "not before teardown is proven");
    assert_eq!(world.refused(ask(3, "carol", PIXEL)), "DEVICE_LEASE_BUSY");
    assert!(world.run(|registry, now, out| registry.torn_down(&key(PIXEL), token, now, out)));
    assert_eq!(world.granted(), [1, 2]);
}

#[test]
fn a_late_proof_for_an_older_lease_frees_nothing() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.release(1, "ann").unwrap();
    world.tears_down = false;
    world.allocate(ask(2, "bob", PIXEL)).unwrap();
    let [old, new] = world.tokens(PIXEL)[..] else {
        panic!()
    };
    let mut proven =
        |token| world.run(|registry, now, out| registry.torn_down(&key(PIXEL), token, now, out));
    assert!(!proven(old) && !proven(new), "it is held");
    world.release(2, "bob").unwrap();
    let mut proven =
        |token| world.run(|registry, now, out| registry.torn_down(&key(PIXEL), token, now, out));
    assert!(!proven(old) && proven(new) && !proven(new));
    assert_eq!(condition(&world), Condition::Free);
}

#[test]
fn a_holder_that_slept_past_its_time_is_refused_even_if_no_timer_fired() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.now = world.now.plus(TTL);
    assert_eq!(
        world.begin(1, "ann", 1),
        Err(Refused::LeaseEnded(EndCause::Expired))
    );
    assert_eq!(world.teardowns(), 1);
    world.allocate(ask(2, "bob", PIXEL)).unwrap();
}

#[test]
fn a_lease_lives_its_full_time_from_each_renewal() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    for _ in 0..10 {
        world.pass(TTL - secs(1));
        assert_eq!(world.renew(1, "ann"), Ok(world.now.plus(TTL)));
    }
    world.pass(TTL - secs(1));
    assert_eq!(world.end_of(1), None);
    world.pass(secs(1));
    assert_eq!(world.end_of(1), Some(EndCause::Expired));
}

#[test]
fn a_running_command_keeps_the_lease_until_its_own_deadline_and_no_longer() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.begin(1, "ann", 300).unwrap();
    world.pass(secs(299));
    assert_eq!(world.end_of(1), None);
    world.end(1);
    world.pass(TTL - secs(1));
    world.begin(1, "ann", 300).unwrap();
    world.end(1);
    world.pass(TTL);
    assert_eq!(
        world.end_of(1),
        Some(EndCause::Expired),
        "idle, it has its usual time"
    );

    world.allocate(ask(2, "bob", PIXEL)).unwrap();
    world.begin(2, "bob", 300).unwrap();
    world.pass(secs(300));
    assert_eq!(world.end_of(2), Some(EndCause::Expired));
    assert_eq!(world.teardowns(), 2, "what hangs is preempted");
    world.end(2);
}

#[test]
fn of_several_commands_the_longest_counts() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.begin(1, "ann", 300).unwrap();
    world.begin(1, "ann", 10).unwrap();
    world.end(1);
    world.pass(secs(200));
    assert_eq!(world.end_of(1), None);
    assert_eq!(world.begin(1, "ann", 3601), Err(Refused::CommandTooLong));
    assert_eq!(MAX_COMMAND, secs(3600));
}

#[test]
fn the_holder_is_warned_once_before_the_end_and_again_after_a_renewal() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    let warnings = |world: &World| {
        let of = |event: &Event| match event {
            Event::Ending { until, .. } => Some(until.since_start().as_secs()),
            _ => None,
        };
        world.seen.iter().filter_map(of).collect::<Vec<_>>()
    };
    world.pass(secs(44));
    assert_eq!(warnings(&world), [] as [u64; 0]);
    world.pass(secs(1));
    world.pass(secs(5));
    assert_eq!(warnings(&world), [1060]);
    world.renew(1, "ann").unwrap();
    world.pass(secs(44));
    assert_eq!(warnings(&world), [1060]);
    world.pass(secs(1));
    assert_eq!(warnings(&world), [1060, 1110]);
}

#[test]
fn the_timer_is_never_later_than_what_is_due() {
    let mut world = World::with(&[PIXEL]);
    assert_eq!(world.registry.next_due(), None);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    assert_eq!(world.registry.next_due(), Some(Moment::new(secs(1045))));
    world.pass(secs(10));
    world.renew(1, "ann").unwrap();
    assert!(world.registry.next_due() <= Some(Moment::new(secs(1055))));
    world.pass(secs(40));
    assert_eq!(world.registry.next_due(), Some(Moment::new(secs(1055))));
}

#[test]
fn whatever_fails_between_the_ask_and_the_answer_frees_the_lease() {
    let mut world = World::with(&[PIXEL]);
    world.hands_over = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    assert!(world.run(|registry, now, out| registry.hand_over_failed(lease_id(1), now, out)));
    assert_eq!(world.end_of(1), Some(EndCause::HandOverFailed));

    world.allocate(ask(2, "ann", PIXEL)).unwrap();
    assert!(world.run(|registry, now, out| registry.abandon(lease_id(2), now, out)));
    assert_eq!(world.end_of(2), Some(EndCause::Abandoned));

    world.allocate(ask(3, "ann", PIXEL)).unwrap();
    world.pass(HAND_OVER_LIMIT);
    assert_eq!(world.end_of(3), Some(EndCause::HandOverFailed));

    world.hands_over = true;
    world.allocate(ask(4, "ann", PIXEL)).unwrap();
    assert!(world.run(|registry, now, out| registry.abandon(lease_id(4), now, out)));
    assert_eq!(
        world.end_of(4),
        Some(EndCause::Abandoned),
        "granted, and not used yet"
    );

    world.allocate(ask(5, "ann", PIXEL)).unwrap();
    assert_eq!(world.teardowns(), 4, "each was torn down");
    assert_eq!(world.saved.leases().len(), 1);
}

#[test]
fn a_lease_that_was_used_is_not_freed_by_a_failure() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.renew(1, "ann").unwrap();
    assert!(!world.run(|registry, now, out| registry.abandon(lease_id(1), now, out)));
    assert!(!world.run(|registry, now, out| registry.hand_over_failed(lease_id(1), now, out)));
    world.renew(1, "ann").unwrap();
}

#[test]
fn a_hand_over_that_ends_after_its_lease_grants_nothing() {
    let mut world = World::with(&[PIXEL]);
    world.hands_over = false;
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    assert_eq!(world.renew(1, "ann"), Err(Refused::NotYet));
    assert_eq!(world.begin(1, "ann", 1), Err(Refused::NotYet));
    world.release(1, "ann").unwrap();
    let late = world.run(|registry, now, out| registry.handed_over(lease_id(1), now, out));
    assert_eq!(late, Err(Refused::LeaseUnknown));
    assert_eq!(world.granted(), [] as [u64; 0]);
}

#[test]
fn the_device_is_handed_over_as_the_terms_of_the_next_holder_say() {
    let mut world = World::with(&[PIXEL]);
    let kinds = [
        HandOver::Keep,
        HandOver::ClearApps,
        HandOver::Erase,
        HandOver::Snapshot(label("clean")),
    ];
    for (number, kind) in (1..).zip(&kinds) {
        let mut ask = ask(number, "ann", PIXEL).waits(600);
        ask.terms = Terms::new(TTL, Some(secs(600)), 0, kind.clone()).unwrap();
        world.allocate(ask).unwrap();
    }
    for number in 1..=4 {
        world.release(number, "ann").unwrap();
    }
    let of = |event: &Event| match event {
        Event::HandOver { kind, .. } => Some(kind.clone()),
        _ => None,
    };
    assert_eq!(world.seen.iter().filter_map(of).collect::<Vec<_>>(), kinds);
}

#[test]
fn time_that_goes_back_shortens_and_lengthens_nothing() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.pass(secs(30));
    let now = world.now;
    world.now = Moment::default();
    assert_eq!(world.renew(1, "ann"), Ok(now.plus(TTL)));
    world.now = now;
    world.pass(TTL - secs(1));
    assert_eq!(world.end_of(1), None);
}

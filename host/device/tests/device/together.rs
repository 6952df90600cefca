//! Two requests of one session at a time.

use std::time::Duration;

use hostler_device::{Granted, Ticket};

use crate::script::Does;
use crate::world::{World, code, device, session, settle, who};

/// Two requests of one session that know nothing of leases: the first asks, the
/// second finds it there.
async fn two(world: &World) -> (Ticket, Ticket) {
    world.provider.now().opens = Does::Takes(Duration::from_secs(5));
    let (ann, labels) = (who("ann"), session("default"));
    let ask = || world.devices.implicit(&ann, &labels, device("tab-1"), None);
    let first = ask().await.unwrap();
    settle().await;
    let second = ask().await.unwrap();
    assert_eq!(first.id(), second.id());
    (first, second)
}

async fn granted(world: &World) -> (Granted, Granted) {
    let (first, second) = two(world).await;
    let (first, second) = tokio::join!(first.granted(), second.granted());
    (first.unwrap(), second.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_request_that_found_the_lease_there_frees_nothing_when_it_fails() {
    let world = World::new(&["tab-1"]).await;
    let (first, second) = granted(&world).await;
    assert!(first.asked_here() && !second.asked_here());
    let id = first.lease().id;
    drop(second);
    settle().await;
    world.devices.lease(&who("ann"), id).unwrap();
    let first = first.keep();
    world.tap(&who("ann"), first.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_leaves_while_another_waits_for_the_same_leaves_it_there() {
    let world = World::new(&["tab-1"]).await;
    let (first, second) = two(&world).await;
    drop(second);
    let lease = first.granted().await.unwrap().keep();
    world.tap(&who("ann"), lease.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_one_request_has_kept_the_failure_of_the_other_does_not_free() {
    let world = World::new(&["tab-1"]).await;
    let (first, second) = granted(&world).await;
    let lease = second.keep();
    drop(first);
    settle().await;
    world.tap(&who("ann"), lease.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fresh_lease_goes_when_whoever_asked_for_it_fails() {
    let world = World::new(&["tab-1"]).await;
    let (first, second) = granted(&world).await;
    drop(first);
    settle().await;
    let id = second.lease().id;
    assert_eq!(
        code(world.devices.lease(&who("ann"), id)),
        "LEASE_NOT_FOUND"
    );
}

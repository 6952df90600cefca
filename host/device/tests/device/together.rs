//! Two at a time: requests of one session, and a holder with a reader.

use std::time::Duration;

use hostler_device::{Granted, Ticket, query::Snapshot};
use hostler_provider::{Act, Call, Target, Wish};

use crate::script::Does;
use crate::world::{LIMIT, World, code, device, session, settle, who};

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

#[tokio::test(start_paused = true)]
async fn what_a_reader_looks_at_leaves_the_refs_of_the_holder_good() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let holder = world.hold(&ann, long(device("tab-1"))).await.unwrap();
    let reader = Wish {
        reader: true,
        ..long(device("tab-1"))
    };
    let reader = world.hold(&bob, reader).await.unwrap();
    let first = |snapshot: &Snapshot| snapshot.tree().nodes[0].number;
    // With nothing to spoil, it takes its own.
    let seen = world.devices.look(&bob, reader.id, LIMIT).await.unwrap();
    assert_eq!(first(&seen), 1);
    let own = world.devices.look(&ann, holder.id, LIMIT).await.unwrap();
    assert_eq!(first(&own), 3);
    let seen = world.devices.look(&bob, reader.id, LIMIT).await.unwrap();
    assert_eq!(seen, own);
    let tap = Call::Act(Target::Ref(4), Act::Tap(1));
    world
        .devices
        .run(&ann, holder.id, tap, LIMIT)
        .await
        .unwrap();
    // What the holder has not looked at for long is looked at anew.
    tokio::time::sleep(Duration::from_secs(61)).await;
    let seen = world.devices.look(&bob, reader.id, LIMIT).await.unwrap();
    assert_eq!(first(&seen), 5);
}

fn long(wish: Wish) -> Wish {
    Wish {
        ttl: Some(Duration::from_secs(600)),
        ..wish
    }
}

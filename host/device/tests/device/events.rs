//! What holders, waiters and onlookers are told.

use std::time::Duration;

use hostler_device::{Events, Told, What};
use hostler_lease::EndCause;

use crate::script::{TTL, info};
use crate::world::{World, device, settle, wait, who};

async fn next(events: &mut Events) -> What {
    match tokio::time::timeout(Duration::from_secs(3600), events.next()).await {
        Ok(Told::Event(event)) => event.what,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_told_that_its_lease_ends_soon_and_that_it_has_ended() {
    let world = World::new(&["tab-1"]).await;
    let mut events = world.devices.subscribe(&who("ann"), None);
    let mut others = world.devices.subscribe(&who("eve"), None);
    let lease = world.hold(&who("ann"), device("tab-1")).await.unwrap();
    let key = lease.key.clone();
    assert_eq!(next(&mut events).await, What::Granted { key: key.clone() });
    let in_ms = u64::try_from(TTL.as_millis()).unwrap() / 4;
    let What::Ending { in_ms: told, .. } = next(&mut events).await else {
        panic!()
    };
    assert!(told <= in_ms && told + 10 > in_ms, "{told}");
    let cause = EndCause::Expired;
    let ended = What::Ended {
        key: Some(key),
        cause,
    };
    assert_eq!(next(&mut events).await, ended);
    let heard = tokio::time::timeout(TTL, others.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_is_told_that_it_moved_up() {
    let world = World::new(&["tab-1"]).await;
    let lease = world.hold(&who("ann"), device("tab-1")).await.unwrap();
    let first = world.ask(&who("bob"), wait("tab-1", 600)).await.unwrap();
    let _second = world.ask(&who("eve"), wait("tab-1", 600)).await.unwrap();
    let mut events = world.devices.subscribe(&who("eve"), None);
    drop(first);
    assert_eq!(next(&mut events).await, What::Moved { position: 1 });
    world.devices.release(&who("ann"), lease.id).await.unwrap();
    assert!(matches!(next(&mut events).await, What::Granted { .. }));
}

#[tokio::test(start_paused = true)]
async fn from_a_position_exactly_what_was_missed_comes() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let mut events = world.devices.subscribe(&ann, None);
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let Told::Event(granted) = events.next().await else {
        panic!()
    };
    world.devices.release(&ann, lease.id).await.unwrap();
    let mut again = world.devices.subscribe(&ann, Some(granted.position));
    assert!(matches!(
        next(&mut again).await,
        What::Ended {
            cause: EndCause::Released,
            ..
        }
    ));
    // A position of no host that was.
    let mut lost = world.devices.subscribe(&ann, Some(1));
    assert!(matches!(lost.next().await, Told::Reset { .. }));
}

#[tokio::test(start_paused = true)]
async fn everybody_is_told_that_devices_came_or_went() {
    let world = World::new(&["tab-1"]).await;
    let mut events = world.devices.subscribe(&who("eve"), None);
    world.provider.now().devices.push(info("web", "tab-2"));
    tokio::time::sleep(Duration::from_secs(20)).await;
    world.devices.devices(&who("ann"), false).await;
    assert_eq!(next(&mut events).await, What::DevicesChanged);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_is_told_that_its_device_is_lost() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    world.hold(&ann, device("tab-1")).await.unwrap();
    let mut events = world.devices.subscribe(&ann, None);
    world.devices.remove_provider("one");
    let mut heard = [next(&mut events).await, next(&mut events).await];
    heard.sort_by_key(|what| matches!(what, What::Ended { .. }));
    assert_eq!(heard[0], What::DevicesChanged);
    let cause = EndCause::DeviceLost;
    assert!(matches!(&heard[1], What::Ended { cause: told, .. } if *told == cause));
}

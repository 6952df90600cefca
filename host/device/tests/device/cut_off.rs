//! Commands that are cut off, and devices that go away under them.

use std::time::Duration;

use hostler_provider::{Call, DeviceError, Wish};

use crate::script::Does;
use crate::world::{LIMIT, OPENED_AGAIN, World, code, device, settle, who};

#[tokio::test(start_paused = true)]
async fn a_command_that_overruns_ends_its_session_and_the_next_opens_again() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let wish = Wish {
        ttl: Some(Duration::from_secs(600)),
        ..device("tab-1")
    };
    let lease = world.hold(&ann, wish).await.unwrap();
    world.provider.now().calls = Does::Hangs;
    assert_eq!(code(world.tap(&ann, lease.id).await), "TIMED_OUT");
    world.provider.now().calls = Does::Answers;
    world.tap(&ann, lease.id).await.unwrap();
    assert_eq!(world.log(), OPENED_AGAIN);
    world.check();
}

#[tokio::test(start_paused = true)]
async fn after_a_call_that_was_cut_off_the_session_is_asked_whether_it_lives() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    // Then it is over, as after a cancellation that was not heard.
    let over = Does::Fails(DeviceError::Lost("over".to_owned()));
    world.provider.now().next_calls = [Does::Fails(DeviceError::Cancelled), over].into();
    assert_eq!(code(world.tap(&ann, lease.id).await), "CANCELLED");
    world.tap(&ann, lease.id).await.unwrap();
    let log = [
        "open tab-1",
        "act tab-1",
        "alive tab-1",
        "end tab-1",
        "open tab-1",
        "act tab-1",
    ];
    assert_eq!(world.log(), log);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_lost_ends_its_lease_with_its_programs() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().calls = Does::Fails(DeviceError::Lost("unplugged".to_owned()));
    assert_eq!(code(world.tap(&ann, lease.id).await), "DEVICE_LOST");
    assert_eq!(code(world.tap(&ann, lease.id).await), "DEVICE_LOST");
    settle().await;
    assert_eq!(
        world.log(),
        ["open tab-1", "act tab-1", "end tab-1", "services tab-1"]
    );
    // It is back when its provider lists it again.
    world.provider.now().calls = Does::Answers;
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.hold(&who("bob"), device("tab-1")).await.unwrap();
    world.check();
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_turned_off_boots_with_the_next_command() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world
        .devices
        .run(&ann, lease.id, Call::Shutdown, LIMIT)
        .await
        .unwrap();
    world.tap(&ann, lease.id).await.unwrap();
    let log = [
        "open tab-1",
        "shutdown tab-1",
        "end tab-1",
        "services tab-1",
        "open tab-1",
        "act tab-1",
    ];
    assert_eq!(world.log(), log);
}

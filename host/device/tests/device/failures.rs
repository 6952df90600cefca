//! Whatever fails between the ask and its answer, the device is free; and
//! whatever fails after it, the next is served.

use std::time::Duration;

use hostler_device::Step;
use hostler_provider::{Call, DeviceError, PolicyError, Wish};

use crate::script::{Does, Rules, Scripted};
use crate::store::Memory;
use crate::world::{World, code, device, session, settle, tap, wait, who};

/// Nobody has the device, and whoever asks gets it.
async fn is_free(world: &World) {
    settle().await;
    assert!(world.devices.leases(&who("root"), true).unwrap().is_empty());
    let lease = world.hold(&who("bob"), device("tab-1")).await.unwrap();
    world.tap(&who("bob"), lease.id).await.unwrap();
    world.devices.release(&who("bob"), lease.id).await.unwrap();
    settle().await;
    assert_eq!(world.store.leases(), 0);
    world.check();
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_fails_denies_and_frees() {
    let rules = Rules::default();
    *rules.terms.lock().unwrap() = Some(PolicyError::Failed("trap".to_owned()));
    let world = World::with(Memory::new(), Scripted::new("one", &["tab-1"]), rules).await;
    assert_eq!(
        code(world.hold(&who("ann"), device("tab-1")).await),
        "POLICY_FAILED"
    );
    assert!(world.log().is_empty());
    world
        .devices
        .set_policy(std::sync::Arc::new(Rules::default()));
    is_free(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_hand_over_that_fails_panics_or_hangs_frees_the_device() {
    let world = World::new(&["tab-1"]).await;
    for (does, expected) in [
        (
            Does::Fails(DeviceError::Other("no space".to_owned())),
            "COMMAND_FAILED",
        ),
        (Does::Panics, "PROVIDER_FAILED"),
        (Does::Hangs, "TIMED_OUT"),
        (
            Does::Fails(DeviceError::Lost("gone".to_owned())),
            "DEVICE_LOST",
        ),
    ] {
        world.provider.now().opens = does;
        assert_eq!(
            code(world.hold(&who("ann"), device("tab-1")).await),
            expected
        );
        world.provider.now().opens = Does::Answers;
        // A lost device is back with the next list.
        tokio::time::sleep(Duration::from_secs(20)).await;
        is_free(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_not_durable_is_none_and_frees_the_device() {
    let world = World::new(&["tab-1"]).await;
    world.store.set_full(true);
    let refused = world.hold(&who("ann"), device("tab-1")).await;
    assert_eq!(code(refused), "STORE_FAILED");
    // It was opened for nobody, and is closed.
    settle().await;
    assert_eq!(world.provider.now().live.values().flatten().count(), 0);
    world.store.set_full(false);
    is_free(&world).await;
}

#[tokio::test(start_paused = true)]
async fn with_a_full_disk_a_holder_works_on_and_its_release_frees_nobody_else_in() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.store.set_full(true);
    world.tap(&ann, lease.id).await.unwrap();
    world.devices.renew(&ann, lease.id).unwrap();
    assert_eq!(
        code(world.devices.release(&ann, lease.id).await),
        "STORE_FAILED"
    );
    assert_eq!(code(world.tap(&ann, lease.id).await), "LEASE_NOT_FOUND");
    assert_eq!(
        code(world.hold(&bob, device("tab-1")).await),
        "STORE_FAILED"
    );
    world.store.set_full(false);
    is_free(&world).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_at_any_step_before_the_answer_frees_the_device() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    // While the device is opened.
    world.provider.now().opens = Does::Takes(Duration::from_secs(30));
    let mut ticket = world.ask(&ann, device("tab-1")).await.unwrap();
    assert!(matches!(ticket.next().await, Ok(Step::Progress(text)) if text == "booting"));
    drop(ticket);
    world.provider.now().opens = Does::Answers;
    is_free(&world).await;
    // When it is granted, and nobody has looked.
    let ticket = world.ask(&ann, device("tab-1")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(ticket);
    is_free(&world).await;
    // When the answer could not be sent.
    let granted = world
        .ask(&ann, device("tab-1"))
        .await
        .unwrap()
        .granted()
        .await
        .unwrap();
    drop(granted);
    is_free(&world).await;
    // While it waits: the place is left, the holder stays.
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    drop(world.ask(&who("eve"), wait("tab-1", 60)).await.unwrap());
    world.tap(&ann, lease.id).await.unwrap();
    world.devices.release(&ann, lease.id).await.unwrap();
    is_free(&world).await;
    assert!(world.heard.all().iter().all(|line| !line.contains("eve")));
}

#[tokio::test(start_paused = true)]
async fn only_a_fresh_lease_is_freed() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let granted = world
        .ask(&ann, device("tab-1"))
        .await
        .unwrap()
        .granted()
        .await
        .unwrap();
    let id = granted.lease().id;
    // Its holder had the id from the queue, and has used it.
    world.tap(&ann, id).await.unwrap();
    drop(granted);
    world.tap(&ann, id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_deadline() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let bob = who("bob");
    let waiting = world.hold(&bob, wait("tab-1", 30));
    let holding = async {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            world.devices.renew(&ann, lease.id).unwrap();
        }
    };
    let (refused, ()) = tokio::join!(waiting, holding);
    assert_eq!(code(refused), "WAIT_TIMED_OUT");
}

#[tokio::test(start_paused = true)]
async fn a_close_that_fails_or_panics_frees_the_device() {
    let world = World::new(&["tab-1"]).await;
    for does in [
        Does::Fails(DeviceError::Other("no".to_owned())),
        Does::Panics,
    ] {
        let lease = world.hold(&who("ann"), device("tab-1")).await.unwrap();
        world.provider.now().ends = does;
        world.devices.release(&who("ann"), lease.id).await.unwrap();
        settle().await;
        world.provider.now().ends = Does::Answers;
        is_free(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_the_device_before_the_last_session_is_proven_dead() {
    let world = World::new(&["tab-1"]).await;
    let lease = world.hold(&who("ann"), device("tab-1")).await.unwrap();
    world.provider.now().ends = Does::Takes(Duration::from_secs(20));
    let began = tokio::time::Instant::now();
    world.devices.release(&who("ann"), lease.id).await.unwrap();
    let refused = world.hold(&who("bob"), device("tab-1")).await;
    assert_eq!(code(refused), "DEVICE_LEASE_BUSY");
    world.hold(&who("bob"), wait("tab-1", 60)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(20));
    world.check();
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_right_after_a_release_gets_the_device_when_it_is_torn_down() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    world.provider.now().ends = Does::Takes(Duration::from_secs(2));
    for wish in [device("tab-1"), Wish::default(), device("tab-1")] {
        let lease = world.hold(&ann, wish).await.unwrap();
        world.devices.release(&ann, lease.id).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_in_a_command_loses_only_its_session() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let ann = who("ann");
    let one = world.hold(&ann, device("tab-1")).await.unwrap();
    let two = world.hold(&ann, device("tab-2")).await.unwrap();
    world.provider.now().calls = Does::Panics;
    assert_eq!(code(world.tap(&ann, one.id).await), "PROVIDER_FAILED");
    world.provider.now().calls = Does::Answers;
    world.tap(&ann, one.id).await.unwrap();
    world.tap(&ann, two.id).await.unwrap();
    assert_eq!(
        world.log().iter().filter(|it| *it == "open tab-1").count(),
        2
    );
    assert_eq!(
        world.log().iter().filter(|it| *it == "open tab-2").count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_host_that_stops_refuses_and_ends_its_sessions_and_keeps_its_leases() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let waiting = world.ask(&who("bob"), wait("tab-1", 60)).await.unwrap();
    world.provider.now().calls = Does::Hangs;
    let running = world
        .devices
        .run(&ann, lease.id, Call::Apps, Duration::from_secs(30));
    let stop = async {
        settle().await;
        world.devices.stop().await;
    };
    let (refused, ()) = tokio::join!(running, stop);
    assert_eq!(code(refused), "HOST_STOPPING");
    drop(waiting);
    let refused = world
        .devices
        .run(&ann, lease.id, tap(), Duration::from_secs(1))
        .await;
    assert_eq!(code(refused), "HOST_STOPPING");
    assert_eq!(world.provider.now().live.values().flatten().count(), 0);
    assert_eq!(world.store.leases(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_cut_off_by_the_end_of_the_lease_is_waited_for() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let began = tokio::time::Instant::now();
    let ending = Duration::from_secs(300);
    world.provider.now().next_calls = [Does::Hangs].into();
    world.provider.now().ends = Does::Takes(ending);
    // It overruns, so its session is being ended when the lease is over.
    let (refused, next) = tokio::join!(
        world.tap(&ann, lease.id),
        world.hold(&bob, wait("tab-1", 3600))
    );
    assert!(refused.is_err());
    next.unwrap();
    assert!(began.elapsed() > ending, "{:?}", began.elapsed());
    world.check();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_devices_programs_that_is_cut_off_is_waited_for() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let began = tokio::time::Instant::now();
    let ending = Duration::from_secs(300);
    world.provider.now().ends_services = Does::Takes(ending);
    let off = world
        .devices
        .run(&ann, lease.id, Call::Shutdown, crate::world::LIMIT);
    let (refused, next) = tokio::join!(off, world.hold(&bob, wait("tab-1", 3600)));
    assert!(refused.is_err());
    next.unwrap();
    assert!(began.elapsed() >= ending, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nobody_uses_a_lease_before_it_is_durable() {
    let world = World::new(&["tab-1"]).await;
    let (ann, labels) = (who("ann"), session("default"));
    world.provider.now().opens = Does::Takes(Duration::from_secs(5));
    let ask = || world.devices.implicit(&ann, &labels, device("tab-1"), None);
    let first = ask().await.unwrap();
    settle().await;
    world.store.set_slow();
    tokio::time::sleep(Duration::from_secs(6)).await;
    // It is open, and its record is on the way.
    let id = first.id();
    let not_yet = "LEASE_NOT_GRANTED";
    assert_eq!(code(world.tap(&ann, id).await), not_yet);
    assert_eq!(code(world.devices.renew(&ann, id)), not_yet);
    assert_eq!(code(world.devices.lease(&ann, id)), not_yet);
    let second = ask().await.unwrap();
    world.store.set_full(true);
    world.store.set_fast();
    for ticket in [first, second] {
        assert_eq!(code(ticket.granted().await), "STORE_FAILED");
    }
    world.store.set_full(false);
    world.provider.now().opens = Does::Answers;
    is_free(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_opens_without_waiting_for_the_records_of_others() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    // The first grant makes room for tokens.
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.store.set_slow();
    let released = world.devices.release(&ann, lease.id);
    let meanwhile = async {
        let ticket = world.ask(&bob, device("tab-2")).await.unwrap();
        settle().await;
        assert_eq!(opened(&world), ["open tab-1", "open tab-2"]);
        world.store.set_fast();
        ticket.granted().await.unwrap();
    };
    let (released, ()) = tokio::join!(released, meanwhile);
    released.unwrap();
    world.check();
}

#[tokio::test(start_paused = true)]
async fn a_device_opens_for_the_next_when_the_end_of_the_last_is_durable() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.store.set_slow();
    let next = world.ask(&bob, wait("tab-1", 60)).await.unwrap();
    let released = world.devices.release(&ann, lease.id);
    let later = async {
        settle().await;
        assert_eq!(world.provider.now().live.values().flatten().count(), 0);
        assert_eq!(opened(&world), ["open tab-1"], "a crash brings it back");
        world.store.set_fast();
    };
    let (released, ()) = tokio::join!(released, later);
    released.unwrap();
    next.granted().await.unwrap();
    assert_eq!(opened(&world), ["open tab-1", "open tab-1"]);
    world.check();
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_meanwhile_lets_nobody_open_before_the_end_of_the_last_is_durable() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob, eve) = (who("ann"), who("bob"), who("eve"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.store.set_slow();
    let released = world.devices.release(&ann, lease.id);
    let later = async {
        settle().await;
        let given_up = world.ask(&bob, device("tab-1")).await.unwrap();
        settle().await;
        drop(given_up);
        settle().await;
        let next = world.ask(&eve, device("tab-1")).await.unwrap();
        settle().await;
        assert_eq!(opened(&world), ["open tab-1"], "a crash brings it back");
        world.store.set_fast();
        next.granted().await.unwrap();
    };
    let (released, ()) = tokio::join!(released, later);
    released.unwrap();
    assert_eq!(opened(&world), ["open tab-1", "open tab-1"]);
    world.check();
}

fn opened(world: &World) -> Vec<String> {
    let mut log = world.log();
    log.retain(|line| line.starts_with("open "));
    log
}

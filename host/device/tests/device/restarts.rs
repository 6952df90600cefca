//! The host is killed, and starts again on what it kept.

use std::{sync::Arc, time::Duration};

use hostler_device::{Config, Devices, LeaseStanding, Step, Unobserved};
use hostler_lease::LeaseId;
use hostler_provider::{Act, BoxFuture, Call, Target};
use hostler_store::{Leases, LoadedLeases, Records};

use crate::script::{Rules, Scripted, TTL};
use crate::store::Memory;
use crate::world::{LIMIT, World, code, device, host, session, wait, who};

#[test]
fn after_a_kill_leases_tokens_and_the_order_of_the_queue_are_back() {
    let store = Memory::new();
    let devices = ["tab-1", "tab-2"];
    let (ann, bob, eve) = (who("ann"), who("bob"), who("eve"));
    let (held, waits) = host(async {
        let world = World::with(
            store.clone(),
            Scripted::new("one", &devices),
            Rules::default(),
        )
        .await;
        let held = world.hold(&ann, device("tab-1")).await.unwrap();
        let bobs = world.ask(&bob, wait("tab-1", 600)).await.unwrap();
        let eves = world.ask(&eve, wait("tab-1", 600)).await.unwrap();
        // Nothing is done in order: neither ticket hears of its end.
        let waits = [bobs.id(), eves.id()];
        std::mem::forget((bobs, eves));
        (held, waits)
    });
    let provider = Scripted::new("one", &devices);
    host(async {
        let world = World::with(store.clone(), provider.clone(), Rules::default()).await;
        assert_eq!(
            code(world.hold(&eve, device("tab-1")).await),
            "DEVICE_LEASE_BUSY"
        );
        let mut bobs = world.devices.rejoin(&bob, waits[0], None).unwrap();
        let mut eves = world.devices.rejoin(&eve, waits[1], None).unwrap();
        assert!(matches!(
            bobs.next().await,
            Ok(Step::Waiting { position: 1 })
        ));
        assert!(matches!(
            eves.next().await,
            Ok(Step::Waiting { position: 2 })
        ));
        assert_eq!(
            code(world.devices.rejoin(&eve, waits[0], None).map(|_| ())),
            "LEASE_NOT_FOUND"
        );

        // A full time to live, and the device opens with the next command.
        assert_eq!(world.devices.lease(&ann, held.id).unwrap().expires_in, TTL);
        assert!(provider.log().is_empty());
        world.tap(&ann, held.id).await.unwrap();
        assert_eq!(provider.log(), ["open tab-1", "act tab-1"]);
        assert_eq!(provider.now().tokens["tab-1"], held.token.number());

        world.devices.release(&ann, held.id).await.unwrap();
        let granted = bobs.granted().await.unwrap().keep();
        assert!(granted.token > held.token);
        assert!(matches!(
            eves.next().await,
            Ok(Step::Waiting { position: 1 })
        ));
        let other = world.hold(&ann, device("tab-2")).await.unwrap();
        assert!(other.token > granted.token);
        world.check();
    });
}

#[test]
fn refs_from_before_a_restart_name_nothing() {
    let store = Memory::new();
    let ann = who("ann");
    let life = |look_first: bool, held: Option<LeaseId>| {
        let (store, ann) = (store.clone(), ann.clone());
        host(async move {
            let world =
                World::with(store, Scripted::new("one", &["tab-1"]), Rules::default()).await;
            let id = match held {
                Some(id) => id,
                None => world.hold(&ann, device("tab-1")).await.unwrap().id,
            };
            let stale = Call::Act(Target::Ref(2), Act::Tap(1));
            if look_first {
                let refused = world.devices.run(&ann, id, stale.clone(), LIMIT).await;
                assert_eq!(code(refused), "STALE_REF");
            }
            let snapshot = world.devices.look(&ann, id, LIMIT).await.unwrap();
            if look_first {
                let refused = world.devices.run(&ann, id, stale, LIMIT).await;
                assert_eq!(code(refused), "STALE_REF");
            }
            (id, snapshot.tree().nodes[1].number)
        })
    };
    let (id, first) = life(false, None);
    assert_eq!(first, 2);
    let (_, second) = life(true, Some(id));
    let (_, third) = life(true, Some(id));
    assert!(first < second && second < third);
}

#[test]
fn a_waiter_that_does_not_come_back_is_passed_over() {
    let store = Memory::new();
    let (ann, bob, eve) = (who("ann"), who("bob"), who("eve"));
    let (held, eves) = host(async {
        let world = World::with(
            store.clone(),
            Scripted::new("one", &["tab-1"]),
            Rules::default(),
        )
        .await;
        let held = world.hold(&ann, device("tab-1")).await.unwrap();
        let bobs = world.ask(&bob, wait("tab-1", 3600)).await.unwrap().detach();
        let eves = world.ask(&eve, wait("tab-1", 3600)).await.unwrap().detach();
        assert!(matches!(
            world.devices.standing(&bob, bobs),
            Ok(LeaseStanding::Waiting { position: 1, .. })
        ));
        (held, eves)
    });
    host(async {
        let world = World::with(
            store.clone(),
            Scripted::new("one", &["tab-1"]),
            Rules::default(),
        )
        .await;
        let eves = world.devices.rejoin(&eve, eves, None).unwrap();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(30)).await;
            world.devices.renew(&ann, held.id).unwrap();
        }
        world.devices.release(&ann, held.id).await.unwrap();
        eves.granted().await.unwrap().keep();
    });
}

#[test]
fn a_kill_in_the_hand_over_leaves_the_device_free_and_the_waiter_in_its_place() {
    use crate::script::Does;
    let store = Memory::new();
    let (ann, bob) = (who("ann"), who("bob"));
    let waits = host(async {
        let world = World::with(
            store.clone(),
            Scripted::new("one", &["tab-1"]),
            Rules::default(),
        )
        .await;
        let held = world.hold(&ann, device("tab-1")).await.unwrap();
        let ticket = world.ask(&bob, wait("tab-1", 600)).await.unwrap();
        let id = ticket.id();
        world.provider.now().opens = Does::Hangs;
        world.devices.release(&ann, held.id).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(matches!(
            world.devices.standing(&bob, id),
            Ok(LeaseStanding::HandingOver { .. })
        ));
        std::mem::forget(ticket);
        id
    });
    host(async {
        let world = World::with(
            store.clone(),
            Scripted::new("one", &["tab-1"]),
            Rules::default(),
        )
        .await;
        let ticket = world.devices.rejoin(&bob, waits, None).unwrap();
        ticket.granted().await.unwrap().keep();
        world.check();
    });
}

async fn take(devices: &Devices, name: &str) -> hostler_device::Lease {
    let ticket = devices
        .allocate(&who("ann"), &session("s"), device(name), None)
        .await;
    ticket.unwrap().granted().await.unwrap().keep()
}

/// With the real store, and real time.
#[test]
fn after_a_kill_the_database_has_what_was_granted_and_not_what_was_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostler.db");
    let life = |work: fn(Devices, LoadedLeases) -> BoxFuture<'static, LeaseId>| {
        let records = Records::open(&path).unwrap();
        let loaded = records.load_leases().unwrap();
        assert!(loaded.unreadable.is_empty());
        let store = Arc::new(Leases::start(records).unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .unwrap();
        let id = runtime.block_on(async {
            let (config, saved) = (Config::new("rules"), loaded.saved.clone());
            let observer = Arc::new(Unobserved);
            let devices = Devices::start(config, saved, loaded.starts, store, observer);
            devices.set_policy(Arc::new(Rules::default()));
            devices.set_provider(Scripted::new("one", &["tab-1", "tab-2"]));
            devices.devices(&who("root"), false).await;
            work(devices, loaded).await
        });
        runtime.shutdown_background();
        id
    };
    let kept = life(|devices, loaded| {
        Box::pin(async move {
            assert_eq!((loaded.starts, loaded.saved.leases().len()), (1, 0));
            let ann = who("ann");
            let (kept, given) = (take(&devices, "tab-1").await, take(&devices, "tab-2").await);
            devices.release(&ann, given.id).await.unwrap();
            assert!(given.token > kept.token);
            kept.id
        })
    });
    let again = life(|devices, loaded| {
        Box::pin(async move {
            assert_eq!((loaded.starts, loaded.saved.leases().len()), (2, 1));
            let leases = devices.leases(&who("ann"), false).unwrap();
            let LeaseStanding::Held { token, .. } = leases[0].standing else {
                panic!()
            };
            let next = take(&devices, "tab-2").await;
            assert!(next.token.number() > token.number() + 1);
            loaded.saved.leases().next().unwrap().ask.id
        })
    });
    assert_eq!(kept, again);
}

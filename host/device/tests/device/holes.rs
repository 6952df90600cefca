//! What goes wrong elsewhere when many agents share devices.

use std::time::Duration;

use hostler_device::{Step, Who};
use hostler_lease::{LeaseId, Refused};
use hostler_provider::Choice;

use crate::script::{Scripted, TTL, info};
use crate::world::{LIMIT, World, code, device, session, tap, wait, who};

#[tokio::test(start_paused = true)]
async fn a_caller_without_a_lease_reaches_no_device_that_another_has() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    world.hold(&ann, device("tab-1")).await.unwrap();
    let before = world.log();

    let refused = world
        .devices
        .implicit(&bob, &session("default"), device("tab-1"), None)
        .await;
    assert_eq!(code(refused), "DEVICE_LEASE_BUSY");
    let guess = LeaseId::from_random([7; 16]);
    assert_eq!(code(world.tap(&bob, guess).await), "LEASE_NOT_FOUND");
    // Nor does the same principal without the id.
    let refused = world
        .devices
        .implicit(&ann, &session("default"), device("tab-1"), None)
        .await;
    assert_eq!(code(refused), "DEVICE_LEASE_BUSY");
    assert_eq!(world.log(), before);
}

#[tokio::test(start_paused = true)]
async fn two_clients_that_say_they_are_the_same_are_two() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();

    // The same principal, session and labels, but not the id.
    assert_eq!(
        code(world.hold(&ann, device("tab-1")).await),
        "DEVICE_LEASE_BUSY"
    );
    // The id, but another principal.
    assert_eq!(code(world.tap(&bob, lease.id).await), "LEASE_NOT_FOUND");
    assert_eq!(
        code(world.devices.release(&bob, lease.id).await),
        "LEASE_NOT_FOUND"
    );
    assert_eq!(code(world.devices.renew(&bob, lease.id)), "LEASE_NOT_FOUND");
    world.tap(&ann, lease.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_expiry_the_device_is_torn_down_and_the_next_opens_it() {
    let world = World::new(&["tab-1"]).await;
    let lease = world.hold(&who("ann"), device("tab-1")).await.unwrap();
    tokio::time::sleep(TTL + Duration::from_secs(1)).await;
    let next = world.hold(&who("bob"), device("tab-1")).await.unwrap();
    assert!(next.token > lease.token);
    world.tap(&who("bob"), next.id).await.unwrap();
    assert_eq!(
        world.log(),
        ["open tab-1", "end tab-1", "open tab-1", "act tab-1"]
    );
    assert_eq!(
        code(world.tap(&who("ann"), lease.id).await),
        "LEASE_EXPIRED"
    );
    world.check();
}

#[tokio::test(start_paused = true)]
async fn one_device_by_any_backend_provider_alias_or_spelling_is_one_lease() {
    let world = World::new(&["TAB-1"]).await;
    let other = Scripted::new("two", &[]);
    other.now().devices = vec![info("web", "tab-1")];
    world.devices.set_provider(other.clone());
    let listing = world.devices.devices(&who("root"), false).await;
    assert_eq!(listing.devices.len(), 1);
    assert_eq!(listing.devices[0].providers, ["one", "two"]);

    world.hold(&who("ann"), device("web:tab-1")).await.unwrap();
    let names = [
        "web:tab-1",
        "WEB:Tab-1",
        "tab-1",
        "TAB-1",
        "alias-tab-1",
        "ALIAS-TAB-1",
        "the tab-1",
    ];
    for name in names {
        for backend in [None, Some("android-instance"), Some("ios-instance")] {
            let mut labels = session("other");
            labels.backend = backend.map(|it| hostler_lease::Label::new(it).unwrap());
            let bob = who("bob");
            let refused = world
                .devices
                .allocate(&bob, &labels, device(name), None)
                .await;
            assert_eq!(code(refused), "DEVICE_LEASE_BUSY", "{name}");
        }
    }
    assert!(other.log().is_empty());
}

#[tokio::test(start_paused = true)]
async fn busy_says_who_and_the_queue_moves_and_an_operator_frees() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob, eve, root) = (who("ann"), who("bob"), who("eve"), who("root"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let mut bobs = world.ask(&bob, wait("tab-1", 600)).await.unwrap();
    let mut eves = world.ask(&eve, wait("tab-1", 600)).await.unwrap();
    assert!(matches!(
        bobs.next().await,
        Ok(Step::Waiting { position: 1 })
    ));
    assert!(matches!(
        eves.next().await,
        Ok(Step::Waiting { position: 2 })
    ));

    // The operator sees who, others see that somebody has it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let world = &world;
    let busy = |who: Who| async move { world.hold(&who, device("tab-1")).await.unwrap_err() };
    let hostler_device::Refusal::Lease(Refused::Busy(seen)) = busy(root.clone()).await else {
        panic!()
    };
    let status = seen.device.unwrap();
    assert_eq!(status.holder.unwrap().principal, ann.principal);
    assert_eq!(status.idle_for, Some(Duration::from_secs(5)));
    assert_eq!(seen.waiting, 2);
    let said = busy(who("kim")).await.to_string();
    assert!(
        said.contains("held by somebody else") && !said.contains("ann"),
        "{said}"
    );

    // Only an operator may end it.
    assert_eq!(
        code(world.devices.force_release(&bob, "tab-1").await),
        "NOT_YOUR_SESSION"
    );
    world.devices.force_release(&root, "TAB-1").await.unwrap();
    let bobs = bobs.granted().await.unwrap().keep();
    assert!(bobs.token > lease.token);
    assert_eq!(code(world.tap(&ann, lease.id).await), "LEASE_REVOKED");
    assert!(matches!(
        eves.next().await,
        Ok(Step::Waiting { position: 1 })
    ));
    world.devices.release(&bob, bobs.id).await.unwrap();
    let eves = eves.granted().await.unwrap().keep();
    assert!(eves.token > bobs.token);
    world.check();
    let key = "web:tab-1";
    assert_eq!(
        world.heard.all(),
        [
            format!("leased {key} to ann"),
            format!("forced {key} by root"),
            format!("ended {key} of ann: Forced"),
            format!("leased {key} to bob"),
            format!("ended {key} of bob: Released"),
            format!("leased {key} to eve"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn two_agents_share_one_device_and_the_second_waits_and_is_served() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let first = world.hold(&ann, device("tab-1")).await.unwrap();
    let work = async {
        for _ in 0..5 {
            world.tap(&ann, first.id).await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        world.devices.release(&ann, first.id).await.unwrap();
    };
    let second = async {
        let lease = world.hold(&bob, wait("tab-1", 600)).await.unwrap();
        world
            .devices
            .run(&bob, lease.id, tap(), LIMIT)
            .await
            .unwrap();
    };
    tokio::join!(work, second);
    let mut log = vec!["open tab-1"];
    log.extend(["act tab-1"; 5]);
    log.extend(["end tab-1", "open tab-1", "act tab-1"]);
    assert_eq!(world.log(), log);
}

#[tokio::test(start_paused = true)]
async fn a_pool_gives_whichever_device_is_free() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let pool = |name: &str| hostler_provider::Wish {
        choices: vec![Choice::Pool(name.to_owned())],
        ..Default::default()
    };
    let lease = world.hold(&who("ann"), pool("Mine")).await.unwrap();
    assert_eq!(lease.key.as_str(), "web:tab-1");
    for (name, device) in [("web-130", "web:tab-2")] {
        let lease = world.hold(&who("bob"), pool(name)).await.unwrap();
        assert_eq!(lease.key.as_str(), device);
    }
    for name in ["web", "browser", "mine"] {
        assert_eq!(
            code(world.hold(&who("eve"), pool(name)).await),
            "DEVICE_LEASE_BUSY"
        );
    }
    assert_eq!(
        code(world.hold(&who("eve"), pool("tv")).await),
        "POOL_UNKNOWN"
    );
}

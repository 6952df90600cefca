//! Who waited comes back after the host or the connection was away, and what
//! nobody heard of does not stay.

use std::{sync::Arc, time::Duration};

use hostler_device::{LeaseStanding, Step};
use hostler_lease::REJOIN_GRACE;
use hostler_provider::{Choice, DeviceError, Wish};

use crate::script::{Does, Rules, Scripted};
use crate::store::Memory;
use crate::world::{World, code, device, host, session, settle, wait, who};

/// A life of a host with one device, whose store is `store`.
async fn life(store: &Arc<Memory>) -> World {
    let provider = Scripted::new("one", &["tab-1"]);
    World::with(store.clone(), provider, Rules::default()).await
}

#[test]
fn who_is_not_back_is_not_served_and_keeps_its_turn() {
    let store = Memory::new();
    let (ann, bob, eve) = (who("ann"), who("bob"), who("eve"));
    let (held, bobs, eves) = host(async {
        let world = life(&store).await;
        let held = world.hold(&ann, device("tab-1")).await.unwrap();
        let bobs = world.ask(&bob, wait("tab-1", 600)).await.unwrap().detach();
        let eves = world.ask(&eve, wait("tab-1", 600)).await.unwrap().detach();
        settle().await;
        (held, bobs, eves)
    });
    host(async {
        let world = life(&store).await;
        world.devices.release(&ann, held.id).await.unwrap();
        settle().await;
        assert_eq!(world.log(), [""; 0], "nobody would hear of it");
        let eves = world.devices.rejoin(&eve, eves, None).unwrap();
        let eves = eves.granted().await.unwrap().keep();
        let mut bobs = world.devices.rejoin(&bob, bobs, None).unwrap();
        let anns = world.ask(&ann, wait("tab-1", 600)).await.unwrap();
        let first = bobs.next().await;
        assert!(matches!(first, Ok(Step::Waiting { position: 1 })));
        world.devices.release(&eve, eves.id).await.unwrap();
        let bobs = bobs.granted().await.unwrap().keep();
        world.devices.release(&bob, bobs.id).await.unwrap();
        anns.granted().await.unwrap().keep();
        world.check();
    });
}

#[test]
fn a_grant_that_nobody_heard_of_is_free_soon_after_the_kill() {
    let store = Memory::new();
    let (ann, eve) = (who("ann"), who("eve"));
    let long = || Wish {
        ttl: Some(Duration::from_secs(3600)),
        ..device("tab-1")
    };
    // What is granted is on the disk, and the host dies before anybody hears.
    let unheard = || {
        host(async {
            let world = life(&store).await;
            // Tokens for some grants are noted with the first.
            let first = world.hold(&ann, device("tab-1")).await.unwrap();
            world.devices.release(&ann, first.id).await.unwrap();
            settle().await;
            store.set_silent();
            let ticket = world.ask(&ann, long()).await.unwrap();
            settle().await;
            let id = ticket.id();
            let standing = world.devices.standing(&ann, id);
            assert!(matches!(standing, Ok(LeaseStanding::HandingOver { .. })));
            std::mem::forget(ticket);
            id
        })
    };
    unheard();
    assert_eq!(store.leases(), 1);
    host(async {
        let world = life(&store).await;
        let busy = world.hold(&eve, device("tab-1")).await;
        assert_eq!(code(busy), "DEVICE_LEASE_BUSY");
        tokio::time::sleep(REJOIN_GRACE).await;
        let lease = world.hold(&eve, device("tab-1")).await.unwrap();
        world.devices.release(&eve, lease.id).await.unwrap();
        world.check();
    });
    // Whoever asked may come back with the id that it had from the start.
    let id = unheard();
    let id = host(async {
        let world = life(&store).await;
        tokio::time::sleep(REJOIN_GRACE / 2).await;
        let ticket = world.devices.rejoin(&ann, id, None).unwrap();
        let lease = ticket.granted().await.unwrap().keep();
        tokio::time::sleep(REJOIN_GRACE * 2).await;
        world.tap(&ann, lease.id).await.unwrap();
        world.check();
        lease.id
    });
    // Now it is known to have been heard of.
    host(async {
        let world = life(&store).await;
        tokio::time::sleep(REJOIN_GRACE * 2).await;
        world.tap(&ann, id).await.unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn the_first_use_of_a_lease_is_written_once_and_without_haste() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    assert_eq!(world.store.marks(), 0, "nobody waits for it");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.store.marks(), 1);
    world.devices.renew(&ann, lease.id).unwrap();
    world.tap(&ann, lease.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.store.marks(), 1);
    world.devices.release(&ann, lease.id).await.unwrap();
    // One that is given back at once needs none.
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.devices.release(&ann, lease.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.store.marks(), 1);
    // A host that stops writes what it has put off.
    world.hold(&ann, device("tab-1")).await.unwrap();
    world.devices.stop().await;
    assert_eq!(world.store.marks(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_found_lost_late_does_not_take_the_place_of_the_next() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let held = world.hold(&ann, device("tab-1")).await.unwrap();
    let lost = world.ask(&bob, wait("tab-1", 600)).await.unwrap();
    let id = lost.id();
    let again = world.devices.rejoin(&bob, id, None).unwrap();
    drop(lost);
    assert!(world.devices.standing(&bob, id).is_ok());
    world.devices.release(&ann, held.id).await.unwrap();
    let lease = again.granted().await.unwrap().keep();
    world.devices.release(&bob, lease.id).await.unwrap();
    // And whoever came back gives up as the first would have.
    let held = world.hold(&ann, device("tab-1")).await.unwrap();
    let lost = world.ask(&bob, wait("tab-1", 600)).await.unwrap();
    let again = world.devices.rejoin(&bob, lost.id(), None).unwrap();
    drop(again);
    assert!(world.devices.standing(&bob, lost.id()).is_err());
    world.devices.release(&ann, held.id).await.unwrap();
}

#[test]
fn who_loses_its_connection_to_a_host_that_stops_keeps_its_place() {
    let store = Memory::new();
    let (ann, bob) = (who("ann"), who("bob"));
    let (held, id) = host(async {
        let world = life(&store).await;
        let held = world.hold(&ann, device("tab-1")).await.unwrap();
        let ticket = world.ask(&bob, wait("tab-1", 600)).await.unwrap();
        let id = ticket.id();
        world.devices.close();
        drop(ticket);
        world.devices.stop().await;
        (held, id)
    });
    host(async {
        let world = life(&store).await;
        let ticket = world.devices.rejoin(&bob, id, None).unwrap();
        world.devices.release(&ann, held.id).await.unwrap();
        ticket.granted().await.unwrap().keep();
    });
}

#[test]
fn who_is_back_gets_another_device_if_the_first_of_several_is_gone() {
    let store = Memory::new();
    let (ann, bob, eve) = (who("ann"), who("bob"), who("eve"));
    let life = async || {
        let provider = Scripted::new("one", &["tab-1", "tab-2", "tab-3"]);
        World::with(store.clone(), provider, Rules::default()).await
    };
    let any = |choices: &[Choice]| Wish {
        choices: choices.to_vec(),
        ttl: Some(Duration::from_secs(77)),
        wait: Some(Duration::from_secs(600)),
        ..Wish::default()
    };
    let device_of = |name: &str| Choice::Device(name.to_owned());
    let (held, bobs, eves) = host(async {
        let world = life().await;
        let mut held = Vec::new();
        for name in ["tab-1", "tab-2", "tab-3"] {
            held.push(world.hold(&ann, device(name)).await.unwrap());
        }
        let pool = any(&[Choice::Pool("web".to_owned())]);
        let bobs = world.ask(&bob, pool).await.unwrap().detach();
        let two = any(&[device_of("tab-1"), device_of("alias-tab-2")]);
        let session = session("chat");
        let eves = world.devices.implicit(&eve, &session, two, None);
        let eves = eves.await.unwrap().detach();
        settle().await;
        (held, bobs, eves)
    });
    host(async {
        let world = life().await;
        let lost = Does::Fails(DeviceError::Lost("unplugged".to_owned()));
        let bobs = world.devices.rejoin(&bob, bobs, None).unwrap();
        let eves = world.devices.rejoin(&eve, eves, None).unwrap();
        world.provider.now().next_opens = [lost.clone()].into();
        world.devices.release(&ann, held[0].id).await.unwrap();
        let others = async {
            settle().await;
            world.devices.release(&ann, held[2].id).await.unwrap();
        };
        let (bobs, ()) = tokio::join!(bobs.granted(), others);
        let bobs = bobs.unwrap().keep();
        assert_eq!(bobs.key.as_str(), "web:tab-3");
        assert_eq!(bobs.ttl, Duration::from_secs(77));
        // The same of a session that knows nothing of leases, when the first is
        // back for a moment.
        world.provider.now().next_opens = [lost].into();
        tokio::time::sleep(Duration::from_secs(20)).await;
        let others = async {
            world.devices.devices(&ann, true).await;
            settle().await;
            world.devices.release(&ann, held[1].id).await.unwrap();
        };
        let (eves, ()) = tokio::join!(eves.granted(), others);
        let eves = eves.unwrap().keep();
        assert_eq!(world.devices.implicit_held(&eve, "chat"), Some(eves.id));
        world.tap(&eve, eves.id).await.unwrap();
        world.check();
    });
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_found_lost_late_asks_for_no_other_device() {
    let provider = Scripted::new("one", &["tab-1", "tab-2"]);
    let world = World::with(Memory::new(), provider, Rules::default()).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let mut held = Vec::new();
    for name in ["tab-1", "tab-2"] {
        held.push(world.hold(&ann, device(name)).await.unwrap());
    }
    let any = Wish {
        choices: vec![Choice::Pool("web".to_owned())],
        wait: Some(Duration::from_secs(600)),
        ..Wish::default()
    };
    let before = world.ask(&bob, any).await.unwrap();
    let now = world.devices.rejoin(&bob, before.id(), None).unwrap();
    let lost = Does::Fails(DeviceError::Lost("unplugged".to_owned()));
    world.provider.now().next_opens = [lost].into();
    world.devices.release(&ann, held[0].id).await.unwrap();
    let release = async {
        settle().await;
        world.devices.release(&ann, held[1].id).await.unwrap();
    };
    let (before, now, ()) = tokio::join!(before.granted(), now.granted(), release);
    assert_eq!(now.unwrap().keep().key.as_str(), "web:tab-2");
    assert!(before.is_err());
    let leases = world.devices.leases(&bob, false).unwrap();
    assert_eq!(leases.len(), 1);
}

#[test]
fn a_session_that_knows_nothing_of_leases_finds_its_place_again() {
    let store = Memory::new();
    let (ann, bob) = (who("ann"), who("bob"));
    let (one, two) = (session("one"), session("two"));
    let ask = |name: &str| wait(name, 600);
    host(async {
        let world = life(&store).await;
        world.hold(&ann, device("tab-1")).await.unwrap();
        let first = world.devices.implicit(&bob, &one, ask("tab-1"), None);
        let first = first.await.unwrap();
        let second = world.devices.implicit(&bob, &two, ask("tab-1"), None);
        let second = second.await.unwrap();
        settle().await;
        std::mem::forget((first, second));
    });
    host(async {
        let world = life(&store).await;
        assert!(
            world
                .devices
                .implicit_waits(&bob, "two", &ask("ALIAS-tab-1"))
        );
        assert!(!world.devices.implicit_waits(&bob, "two", &ask("tab-9")));
        let ticket = world.devices.implicit(&bob, &two, ask("alias-tab-1"), None);
        let mut ticket = ticket.await.unwrap();
        let step = ticket.next().await;
        assert!(
            matches!(step, Ok(Step::Waiting { position: 2 })),
            "{step:?}"
        );
        // It is its own again: whoever leaves, leaves the queue.
        drop(ticket);
        assert_eq!(world.devices.implicit_held(&bob, "two"), None);
        // Whoever does not want to wait any more gives up its place.
        let now = world.devices.implicit(&bob, &one, device("tab-1"), None);
        assert_eq!(code(now.await), "DEVICE_LEASE_BUSY");
        assert_eq!(world.devices.implicit_held(&bob, "one"), None);
        assert_eq!(world.devices.leases(&bob, false).unwrap(), []);
    });
}

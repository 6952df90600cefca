//! Callers that may have some of the devices only.

use hostler_device::Pins;
use hostler_provider::{Choice, Wish};

use crate::world::{World, code, device, session, who};

fn pins(names: &[&str]) -> Pins {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    Pins::new(&names).unwrap()
}

fn pool(name: &str) -> Wish {
    Wish {
        choices: vec![Choice::Pool(name.to_owned())],
        ..Wish::default()
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_confined_gets_no_other_device_by_any_name_or_way() {
    let world = World::new(&["tab-1", "tab-2", "tab-3"]).await;
    let ann = who("ann");
    let devices = &world.devices;
    devices.confine(ann.principal.clone(), pins(&["web:tab-2"]));

    let refused = world.hold(&ann, device("tab-1")).await.unwrap_err();
    assert_eq!(refused.code(), "DEVICE_NOT_PINNED");
    let told = refused.to_string();
    assert!(
        told.contains("web:tab-2") && told.contains("tab-1"),
        "{told}"
    );
    let labels = session("a");
    let implicit = devices.implicit(&ann, &labels, device("web:tab-3"), None);
    assert_eq!(code(implicit.await), "DEVICE_NOT_PINNED");
    let pool_of_another = world.hold(&ann, pool("mine")).await;
    assert_eq!(code(pool_of_another), "DEVICE_NOT_PINNED");

    // Whatever the policy chooses, and whichever of a pool is free.
    for wish in [Wish::default(), pool("web"), device("tab-2")] {
        let lease = world.hold(&ann, wish).await.unwrap();
        assert_eq!(lease.key.as_str(), "web:tab-2");
        devices.release(&ann, lease.id).await.unwrap();
    }
    // Nobody else is.
    world.hold(&who("bob"), device("tab-1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pool_confines_to_what_is_in_it() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let ann = who("ann");
    world
        .devices
        .confine(ann.principal.clone(), pins(&["@mine"]));
    assert_eq!(
        code(world.hold(&ann, device("tab-2")).await),
        "DEVICE_NOT_PINNED"
    );
    let lease = world.hold(&ann, Wish::default()).await.unwrap();
    assert_eq!(lease.key.as_str(), "web:tab-1");
}

#[tokio::test(start_paused = true)]
async fn who_is_confined_twice_is_free_when_both_are_over() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let ann = who("ann");
    let devices = &world.devices;
    for _ in 0..2 {
        devices.confine(ann.principal.clone(), pins(&["tab-2"]));
    }
    devices.set_free(&ann.principal);
    assert_eq!(
        code(world.hold(&ann, device("tab-1")).await),
        "DEVICE_NOT_PINNED"
    );
    devices.set_free(&ann.principal);
    devices.set_free(&ann.principal);
    world.hold(&ann, device("tab-1")).await.unwrap();
}

#[test]
fn what_cannot_name_devices_is_refused() {
    let refused = |names: &[String]| Pins::new(names).unwrap_err().code();
    assert_eq!(refused(&[]), "INVALID_ARGS");
    assert_eq!(refused(&["a\nb".to_owned()]), "INVALID_ARGS");
    assert_eq!(refused(&vec!["a".to_owned(); 99]), "INVALID_ARGS");
}

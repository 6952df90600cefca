//! What there is, and who is asked.

use std::{sync::Arc, time::Duration};

use hostler_provider::{Choice, DeviceError, ProviderError, Wish};
use tokio::time::Instant;

use crate::script::{Does, Scripted, info};
use crate::world::{World, code, device, settle, who};

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_fails_or_panics_hurts_no_other() {
    let world = World::new(&["tab-1"]).await;
    for (id, does) in [
        ("hangs", Does::Hangs),
        (
            "fails",
            Does::Fails(DeviceError::Other("adb is not installed".to_owned())),
        ),
        ("panics", Does::Panics),
    ] {
        let provider = Scripted::new(id, &[id]);
        provider.now().lists = does;
        world.devices.set_provider(provider);
    }
    world.devices.provider_loading("loads");
    world.devices.provider_failed("broken", "not a component");

    let began = Instant::now();
    let listing = world.devices.devices(&who("ann"), true).await;
    assert_eq!(listing.devices.len(), 1);
    assert!(began.elapsed() <= hostler_device::LIST_LIMIT);
    let failures: Vec<_> = listing.failures.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(failures, ["broken", "fails", "hangs", "loads", "panics"]);
    let said: Vec<_> = listing
        .failures
        .iter()
        .map(|it| it.error.to_string())
        .collect();
    assert_eq!(said[1], "adb is not installed");
    assert!(said[2].contains("within"));
    assert_eq!(listing.failures[3].error, ProviderError::Loading);

    // Who has failed once is not waited for again.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let began = Instant::now();
    let listing = world.devices.devices(&who("ann"), true).await;
    assert_eq!((listing.devices.len(), listing.failures.len()), (1, 5));
    assert_eq!(began.elapsed(), Duration::ZERO);
    world.hold(&who("ann"), device("tab-1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_failed_and_answers_again_is_heard() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    world.provider.now().lists = Does::Fails(DeviceError::Other("no".to_owned()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let listing = world.devices.devices(&ann, false).await;
    // What it had listed stays.
    assert_eq!((listing.devices.len(), listing.failures.len()), (1, 1));
    world.provider.now().lists = Does::Answers;
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.devices.devices(&ann, false).await;
    settle().await;
    assert!(world.devices.devices(&ann, false).await.failures.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_list_counts_for_a_while_and_many_who_ask_are_one() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let listed = || world.provider.now().listed;
    assert_eq!(listed(), 1);
    world.devices.devices(&ann, false).await;
    assert_eq!(listed(), 1);
    tokio::time::sleep(hostler_device::LIST_TTL).await;
    world.provider.now().lists = Does::Takes(Duration::from_secs(1));
    let all = (0..20).map(|_| world.devices.devices(&ann, true));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|it| it.devices.len() == 1));
    assert_eq!(listed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_was_plugged_in_just_now_is_found() {
    let world = World::new(&["tab-1"]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.provider.now().devices.push(info("web", "tab-2"));
    let lease = world.hold(&who("ann"), device("tab-2")).await.unwrap();
    assert_eq!(lease.key.as_str(), "web:tab-2");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_listed_any_more_ends_its_lease() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let other = world.hold(&ann, device("tab-2")).await.unwrap();
    world.provider.now().devices.remove(0);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let listing = world.devices.devices(&ann, false).await;
    assert_eq!(listing.devices.len(), 1);
    assert_eq!(code(world.tap(&ann, lease.id).await), "DEVICE_LOST");
    world.tap(&ann, other.id).await.unwrap();
    settle().await;
    let log = world.log();
    assert!(log.contains(&"end tab-1".to_owned()) && log.contains(&"services tab-1".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_device_in_use_that_is_unplugged_is_noticed_without_anybody_asking() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().devices.clear();
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(code(world.devices.renew(&ann, lease.id)), "DEVICE_LOST");
    settle().await;
    assert_eq!(world.log(), ["open tab-1", "end tab-1", "services tab-1"]);
}

#[tokio::test(start_paused = true)]
async fn of_several_devices_one_that_is_gone_is_passed_over() {
    let world = World::new(&["tab-1", "tab-2", "tab-3"]).await;
    let lost = || Does::Fails(DeviceError::Lost("no answer".to_owned()));
    world.provider.now().next_opens = [lost(), lost()].into();
    let lease = world.hold(&who("ann"), Wish::default()).await.unwrap();
    assert_eq!(lease.key.as_str(), "web:tab-3");
    // Those that were named, too, one of them by another name.
    tokio::time::sleep(Duration::from_secs(30)).await;
    world.provider.now().next_opens = [lost()].into();
    let named = ["alias-tab-1", "tab-2"].map(|name| Choice::Device(name.to_owned()));
    let wish = Wish {
        choices: named.into(),
        ..Wish::default()
    };
    let lease = world.hold(&who("bob"), wish).await.unwrap();
    assert_eq!(lease.key.as_str(), "web:tab-2");
    world.devices.release(&who("bob"), lease.id).await.unwrap();
    // One that was named alone is not replaced by another.
    world.provider.now().next_opens = [lost()].into();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(
        code(world.hold(&who("ann"), device("tab-1")).await),
        "DEVICE_LOST"
    );
    // And all may be gone.
    tokio::time::sleep(Duration::from_secs(30)).await;
    world.provider.now().opens = lost();
    let refused = world.hold(&who("bob"), Wish::default()).await.unwrap_err();
    assert!(
        ["DEVICE_LOST", "DEVICE_LEASE_BUSY"].contains(&refused.code()),
        "{refused}"
    );
    world.check();
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_removed_takes_its_devices_and_one_that_is_replaced_does_not() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let newer = Scripted::new("one", &["tab-1"]);
    world.devices.set_provider(newer.clone());
    settle().await;
    // The session that is open stays with the older one.
    world.tap(&ann, lease.id).await.unwrap();
    assert_eq!(world.log(), ["open tab-1", "act tab-1"]);
    world.devices.release(&ann, lease.id).await.unwrap();
    settle().await;
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    assert_eq!(newer.log(), ["open tab-1"]);

    world.devices.remove_provider("one");
    assert_eq!(code(world.tap(&ann, lease.id).await), "DEVICE_LOST");
    assert_eq!(
        code(world.hold(&ann, device("tab-1")).await),
        "DEVICE_UNKNOWN"
    );
}

#[tokio::test(start_paused = true)]
async fn nonsense_of_a_provider_is_left_out_and_named() {
    let world = World::new(&["tab-1"]).await;
    let provider = Scripted::new("odd", &["ok"]);
    {
        let mut script = provider.now();
        script.devices.push(info("Not A Platform", "x"));
        script.devices.push(info("web", "with space"));
        script.devices.push(info("web", "OK"));
        let mut many = info("web", "many");
        many.aliases = (0..100).map(|it| format!("name-{it}")).collect();
        many.aliases.push("\u{1b}[31m".to_owned());
        script.devices.push(many);
    }
    world.devices.set_provider(provider);
    let listing = world.devices.devices(&who("ann"), false).await;
    let keys: Vec<_> = listing.devices.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["web:many", "web:ok", "web:tab-1"]);
    let views = world.devices.providers();
    assert_eq!((views[0].id.as_str(), views[0].devices), ("odd", 2));
    assert_eq!(views[0].wrong.len(), 5, "{:?}", views[0].wrong);
    assert!(views[1].wrong.is_empty());
    let _ = Arc::clone(&world.provider);
}

//! What goes wrong elsewhere when clients share devices, each with two clients.

use std::time::Duration;

use hostler_lease::MIN_TTL;
use hostler_test_support::trial;
use libtest_mimic::Trial;
use tokio::time::{sleep, timeout};

use crate::{
    cli::{Cli, NEWEST, needs},
    journeys::reference,
    support::{PHONE, World},
};

const OPEN: [&str; 4] = ["open", "com.x", "--platform", "android"];

const KEY: &str = "android:emulator-5554";

pub(crate) fn trials() -> Vec<Trial> {
    let needs = needs(NEWEST);
    vec![
        trial(
            "a_client_without_lease_calls_does_not_reach_a_leased_device",
            &needs,
            bypass,
        ),
        trial(
            "two_clients_with_the_same_id_do_not_share_a_lease",
            &needs,
            same_id,
        ),
        trial(
            "after_expiry_another_opens_the_device_and_the_first_is_refused",
            &needs,
            expiry,
        ),
        trial(
            "one_device_is_leased_once_by_whatever_name",
            &needs,
            other_names,
        ),
        trial(
            "a_lease_lives_on_over_a_restart_of_the_host",
            &needs,
            restart,
        ),
        trial(
            "busy_says_who_and_until_when_and_an_operator_frees_the_device",
            &needs,
            shown,
        ),
    ]
}

async fn bypass() {
    let world = World::new().await;
    let base = world.serve().await;
    let ann = Cli::new(NEWEST, &base, &world.token("ann")).connect().await;
    ann.ok(&OPEN).await;
    let bob = Cli::new(NEWEST, &base, &world.token("bob"));
    let before = world.screens.page(PHONE).log;
    let package = bob.folder().join("app.apk");
    std::fs::write(&package, b"a package").unwrap();
    bob.refused(&OPEN, &["DEVICE_IN_USE"]).await;
    let path = package.to_str().unwrap();
    bob.refused(
        &["install", "com.x", path, "--device", "Pixel_7"],
        &["DEVICE_IN_USE"],
    )
    .await;
    bob.refused(&["snapshot", "--device", "Pixel_7"], &["DEVICE_IN_USE"])
        .await;
    // The same person in another process is somebody else, too.
    let other = Cli::new(NEWEST, &base, &world.token("ann"));
    other.refused(&OPEN, &["DEVICE_IN_USE"]).await;
    assert_eq!(
        world.screens.page(PHONE).log,
        before,
        "nothing reached the device"
    );
    ann.ok(&["click", "label=\"Sign in\""]).await;
    ann.ok(&["disconnect"]).await;
}

/// Two containers with the same state directory, address and session call
/// themselves the same.
async fn same_id() {
    let world = World::new().await;
    let base = world.serve().await;
    let token = world.token("ann");
    let first = Cli::new(NEWEST, &base, &token).connect().await;
    first.ok(&OPEN).await;
    // It knows all but the lease, and has no way to it.
    let second = first.twin(&token);
    second
        .refused(&["snapshot", "-i"], &["No active proxy device lease"])
        .await;
    second.refused(&OPEN, &["DEVICE_IN_USE"]).await;
    second.run(&["disconnect"]).await;
    let third = first.connected_twin(&world.token("bob"));
    // It knows even the lease, with a token of its own.
    third.refused(&["snapshot", "-i"], &["DEVICE_IN_USE"]).await;
    third.run(&["disconnect"]).await;
    assert_eq!(world.holder(KEY).await.as_deref(), Some("ann"));
    first.ok(&["snapshot", "-i"]).await;
    first.ok(&["disconnect"]).await;
}

async fn expiry() {
    let world = World::with_ttl(MIN_TTL).await;
    let base = world.serve().await;
    let ann = Cli::new(NEWEST, &base, &world.token("ann")).connect().await;
    ann.ok(&OPEN).await;
    let shown = ann.ok(&["snapshot", "-i"]).await;
    let freed = async {
        while world.holder(KEY).await.is_some() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(3 * MIN_TTL, freed).await.expect("the lease ends");
    let bob = Cli::new(NEWEST, &base, &world.token("bob")).connect().await;
    bob.ok(&OPEN).await;
    bob.ok(&["snapshot", "-i"]).await;
    let before = world.screens.page(PHONE).log;
    ann.refused(
        &["click", &reference(&shown, "Sign in")],
        &["DEVICE_IN_USE"],
    )
    .await;
    assert_eq!(
        world.screens.page(PHONE).log,
        before,
        "nothing reached the device"
    );
    bob.ok(&["click", "label=\"Sign in\""]).await;
    bob.ok(&["close"]).await;
    // Free again, the first one's client leases it anew by itself.
    ann.ok(&OPEN).await;
    ann.ok(&["close"]).await;
}

async fn other_names() {
    let world = World::new().await;
    let base = world.serve().await;
    let ann = Cli::new(NEWEST, &base, &world.token("ann")).connect().await;
    ann.ok(&OPEN).await;
    let names = [
        "EMULATOR-5554",
        "pixel_7",
        "alias-emulator-5554",
        "android:emulator-5554",
    ];
    for name in names {
        let bob = Cli::new(NEWEST, &base, &world.token("bob"));
        bob.refused(&["open", "com.x", "--device", name], &["DEVICE_IN_USE"])
            .await;
    }
    let bob = Cli::new(NEWEST, &base, &world.token("bob")).connect().await;
    let other_backend = ["--lease-backend", "ios-instance", "--device", "Pixel_7"];
    let other_backend = [&["open", "com.x"], &other_backend[..]].concat();
    bob.refused(&other_backend, &["DEVICE_IN_USE"]).await;
    ann.ok(&["disconnect"]).await;
}

/// The host is gone without a word, and another starts on what it kept.
async fn restart() {
    let world = World::new().await;
    let (base, stop) = world.serve_until().await;
    let token = world.token("ann");
    let ann = Cli::new(NEWEST, &base, &token).connect().await;
    ann.ok(&OPEN).await;
    stop.abort();
    assert!(stop.await.unwrap_err().is_cancelled());
    let address = base.trim_start_matches("http://").to_owned();
    let mut again = World::on(world.store.clone(), world.screens.clone()).await;
    again.tokens = world.tokens.clone();
    assert_eq!(again.holder(KEY).await.as_deref(), Some("ann"));
    again.serve_at(&address).await;
    let bob = Cli::new(NEWEST, &base, &again.token("bob"));
    bob.refused(&OPEN, &["DEVICE_IN_USE"]).await;
    let shown = ann.ok(&["snapshot", "-i"]).await;
    ann.ok(&["click", &reference(&shown, "Sign in")]).await;
    assert_eq!(world.screens.page(PHONE).taps, 1);
    ann.ok(&["disconnect"]).await;
    assert_eq!(again.holder(KEY).await, None);
}

async fn shown() {
    let world = World::new().await;
    let base = world.serve().await;
    let ann = Cli::new(NEWEST, &base, &world.token("ann")).connect().await;
    ann.ok(&OPEN).await;
    let bob = Cli::new(NEWEST, &base, &world.token("bob"));
    let busy = bob.json(&OPEN).await;
    let details = &busy["error"]["details"];
    assert_eq!(details["reason"], "DEVICE_LEASE_BUSY", "{busy}");
    assert!(details["expiresAt"].as_u64().is_some(), "{busy}");
    assert!(details.get("holder").is_none(), "not for strangers: {busy}");
    // To itself, in another process, it may be said.
    let other = Cli::new(NEWEST, &base, &world.token("ann"));
    let busy = other.json(&OPEN).await;
    assert_eq!(
        busy["error"]["details"]["holder"]["principal"], "ann",
        "{busy}"
    );
    world
        .devices
        .force_release(&world.who("root"), KEY)
        .await
        .unwrap();
    bob.ok(&OPEN).await;
    ann.refused(&["snapshot", "-i"], &["DEVICE_IN_USE"]).await;
    bob.ok(&["close"]).await;
}

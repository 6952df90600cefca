//! What people do, from the first command to the last.

use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    cli::{Cli, NEWEST, VERSIONS, needs},
    support::{BROWSER, PHONE, PNG, World},
};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for version in VERSIONS {
        let name = |what: &str| format!("{version}: {what}");
        trials.push(trial(
            &name("connects_opens_acts_and_disconnects"),
            &needs(version),
            move || connected(version),
        ));
        trials.push(trial(
            &name("without_a_lease_call_the_session_has_an_implicit_lease"),
            &needs(version),
            move || implicit(version),
        ));
        trials.push(trial(
            &name("a_device_of_another_platform_is_opened_by_a_backend"),
            &needs(version),
            move || other_platform(version),
        ));
        trials.push(trial(
            &name("progress_is_told_while_a_device_boots"),
            &needs(version),
            move || progress(version),
        ));
    }
    trials.push(trial(
        "the_clients_own_mcp_server_drives_a_device",
        &needs(NEWEST),
        mcp,
    ));
    trials.push(trial(
        "every_command_does_what_it_says_or_says_that_it_cannot",
        &needs(NEWEST),
        every_command,
    ));
    trials
}

async fn connected(version: &'static str) {
    let world = World::new().await;
    let base = world.serve().await;
    let token = world.token("ann");
    let cli = Cli::new(version, &base, &token).connect().await;
    let devices = cli.ok(&["devices", "--platform", "android"]).await;
    assert!(devices.contains("Pixel_7"), "{devices}");
    cli.ok(&[
        "open",
        "Settings",
        "--platform",
        "android",
        "--device",
        "Pixel_7",
    ])
    .await;
    assert_eq!(
        world.holder("android:emulator-5554").await.as_deref(),
        Some("ann")
    );
    let shown = cli.ok(&["snapshot", "-i"]).await;
    let (field, button) = (reference(&shown, "Email"), reference(&shown, "Sign in"));
    cli.ok(&["fill", &field, "a@b.c"]).await;
    cli.ok(&["click", &button]).await;
    let page = world.screens.page(PHONE);
    assert_eq!((page.email.as_str(), page.taps), ("a@b.c", 1));
    let picture = cli.folder().join("s.png");
    cli.ok(&["screenshot", picture.to_str().unwrap()]).await;
    assert_eq!(std::fs::read(picture).unwrap(), PNG);
    let sessions = cli.ok(&["session", "list"]).await;
    assert!(sessions.contains("Pixel_7"), "{sessions}");
    cli.ok(&["close"]).await;
    cli.ok(&["disconnect"]).await;
    assert_eq!(world.holder("android:emulator-5554").await, None);
}

async fn implicit(version: &'static str) {
    let world = World::new().await;
    let base = world.serve().await;
    let cli = Cli::new(version, &base, &world.token("ann"));
    cli.ok(&["open", "http://shop.test/", "--platform", "web"])
        .await;
    assert_eq!(world.holder("chromium:tab-1").await.as_deref(), Some("ann"));
    cli.ok(&["snapshot", "-i"]).await;
    cli.ok(&["click", "label=\"Sign in\""]).await;
    assert_eq!(world.screens.page(BROWSER).taps, 1);
    assert_eq!(world.screens.page(PHONE).log.len(), 0);
    cli.ok(&["close"]).await;
    assert_eq!(world.holder("chromium:tab-1").await, None);
    cli.refused(&["close"], &["SESSION_NOT_FOUND", "open"])
        .await;
}

async fn other_platform(version: &'static str) {
    let world = World::new().await;
    let base = world.serve().await;
    let cli = Cli::new(version, &base, &world.token("ann"))
        .connect()
        .await;
    let url = "http://shop.test/";
    cli.ok(&[
        "open",
        url,
        "--lease-backend",
        "android-instance",
        "--device",
        "Tab",
    ])
    .await;
    assert_eq!(world.holder("chromium:tab-1").await.as_deref(), Some("ann"));
    let shown = cli.ok(&["snapshot", "-i"]).await;
    cli.ok(&["click", &reference(&shown, "Sign in")]).await;
    assert_eq!(world.screens.page(BROWSER).taps, 1);
    cli.ok(&["close"]).await;
    cli.ok(&["disconnect"]).await;
}

/// The ref of the line with that text.
pub(crate) fn reference(shown: &str, text: &str) -> String {
    let line = shown.lines().find(|line| line.contains(text));
    let line = line.unwrap_or_else(|| panic!("no {text:?} in {shown}"));
    let mut words = line.split_whitespace();
    words
        .find(|word| word.starts_with("@e"))
        .unwrap()
        .to_owned()
}

async fn every_command() {
    let world = World::new().await;
    let base = world.serve().await;
    let cli = Cli::new(NEWEST, &base, &world.token("ann"));
    let package = cli.folder().join("app.apk");
    std::fs::write(&package, b"a package").unwrap();
    let opened = cli
        .ok(&[
            "open",
            "com.x",
            "--platform",
            "android",
            "--foreground",
            "--relaunch",
        ])
        .await;
    let (field, button) = (reference(&opened, "Email"), reference(&opened, "Sign in"));
    assert!(!opened.contains("1234"), "{opened}");
    let settled = cli
        .ok(&["click", &button, "--settle", "--settle-quiet", "50"])
        .await;
    assert!(settled.contains("Signed in 1"), "{settled}");
    cli.ok(&["press", "label=\"Signed in 1\"", "--verify", "--count", "2"])
        .await;
    assert_eq!(world.screens.page(PHONE).taps, 3);
    cli.ok(&["press", "200", "230"]).await;
    assert_eq!(world.screens.page(PHONE).taps, 4);
    cli.ok(&[
        "fill",
        "id=email",
        "ann",
        "--settle",
        "--settle-quiet",
        "50",
    ])
    .await;
    cli.ok(&["focus", "200", "130"]).await;
    cli.ok(&["type", "@b.c", "--delay-ms", "1"]).await;
    assert_eq!(world.screens.page(PHONE).email, "ann@b.c");
    let text = cli.ok(&["get", "text", &field]).await;
    assert!(text.contains("ann@b.c"), "{text}");
    assert!(
        cli.ok(&["get", "attrs", "id=email"])
            .await
            .contains("textbox")
    );
    cli.ok(&["is", "visible", "label=\"Email\""]).await;
    cli.ok(&["is", "text", "id=email", "ann@b.c"]).await;
    cli.ok(&["is", "absent", "label=Nothing"]).await;
    cli.refused(&["is", "visible", "label=\"End\""], &["does not hold"])
        .await;
    cli.ok(&["find", "email", "fill", "bob"]).await;
    cli.ok(&["find", "role", "link", "exists"]).await;
    assert!(
        cli.ok(&["find", "id", "email", "get", "text"])
            .await
            .contains("bob")
    );
    cli.refused(&["find", "role", "textbox", "click"], &["AMBIGUOUS_MATCH"])
        .await;
    cli.ok(&["wait", "20"]).await;
    cli.ok(&["wait", "text", "Signed in 4", "2000"]).await;
    cli.ok(&["wait", "absent", "label=Gone", "500"]).await;
    cli.ok(&["wait", "stable", "30", "2000"]).await;
    cli.refused(
        &["wait", "text", "never", "100"],
        &["did not come within 100 ms"],
    )
    .await;
    cli.ok(&["scroll", "down", "0.5"]).await;
    assert_eq!(world.screens.page(PHONE).scrolled, 400.0);
    cli.ok(&["scroll", "down", "--until", "label=End"]).await;
    cli.ok(&["scroll", "top", "--settle", "--settle-quiet", "30"])
        .await;
    assert_eq!(world.screens.page(PHONE).scrolled, 0.0);
    cli.ok(&["swipe", "10", "20", "30", "40", "--count", "2"])
        .await;
    cli.ok(&["gesture", "pinch", "2", "200", "400"]).await;
    cli.ok(&["gesture", "drag", "label=Email", "label=Details"])
        .await;
    cli.ok(&["snapshot", "--diff"]).await;
    cli.ok(&["diff", "snapshot"]).await;
    cli.ok(&["hover", "label=Email"]).await;
    cli.ok(&["click", "role=link"]).await;
    cli.refused(&["click", &button], &["snapshot -i"]).await;
    cli.ok(&["back"]).await;
    cli.ok(&["home"]).await;
    cli.ok(&["app-switcher"]).await;
    cli.ok(&["keyboard", "enter"]).await;
    cli.ok(&["orientation", "landscape-left"]).await;
    cli.ok(&["clipboard", "write", "copied"]).await;
    assert!(cli.ok(&["clipboard", "read"]).await.contains("copied"));
    cli.ok(&["longpress", "label=\"Signed in 4\"", "600"]).await;
    cli.refused(&["type", "x"], &["alert"]).await;
    assert!(cli.ok(&["alert", "get", "--json"]).await.contains("Sure?"));
    cli.ok(&["alert", "accept"]).await;
    let path = package.to_str().unwrap();
    cli.ok(&["install", "com.x", path]).await;
    assert_eq!(
        world.screens.page(PHONE).installed,
        [("app.apk".to_owned(), 9)]
    );
    cli.ok(&["reinstall", "com.x", path]).await;
    assert!(cli.ok(&["apps"]).await.contains("X (com.x)"));
    assert!(cli.ok(&["appstate", "--json"]).await.contains("com.x"));
    assert!(cli.ok(&["capabilities"]).await.contains("snapshot"));
    cli.ok(&["record", "start", "v.mp4"]).await;
    cli.ok(&["record", "stop"]).await;
    assert_eq!(std::fs::read(cli.folder().join("v.mp4")).unwrap(), b"film");
    cli.ok(&["boot"]).await;
    cli.ok(&["logs", "path"]).await;
    let log = std::fs::read_to_string(cli.folder().join("agent-device-log.txt")).unwrap();
    assert!(log.contains("hello from the device"), "{log}");
    let steps = r#"[{"command":"click","input":{"target":{"kind":"selector","selector":"label=Email"}}},{"command":"snapshot","input":{}}]"#;
    cli.ok(&["batch", "--steps", steps]).await;
    for native in [
        &["settings", "wifi", "off"][..],
        &["push", "com.x", "{}"],
        &["trigger-app-event", "opened"],
    ] {
        cli.refused(native, &["UNSUPPORTED_OPERATION"]).await;
    }
    cli.refused(&["tv-remote", "up"], &["UNSUPPORTED_OPERATION"])
        .await;
    cli.ok(&["close"]).await;
}

/// Booting takes a moment: the client hears of it and waits.
async fn progress(version: &'static str) {
    let world = World::new().await;
    *world.screens.boots.lock().unwrap() = std::time::Duration::from_millis(300);
    let base = world.serve().await;
    let cli = Cli::new(version, &base, &world.token("ann"));
    let opened = cli.ok(&["open", "com.x", "--platform", "android"]).await;
    assert!(opened.contains("booting the device"), "{opened}");
    cli.ok(&["close"]).await;
}

async fn mcp() {
    let world = World::new().await;
    let base = world.serve().await;
    let cli = Cli::new(NEWEST, &base, &world.token("ann"));
    let button = json!({ "target": { "kind": "selector", "selector": "label=\"Sign in\"" } });
    let results = cli
        .tools(&[
            ("open", json!({ "app": "com.x", "platform": "android" })),
            ("snapshot", json!({ "interactiveOnly": true })),
            ("click", button),
            ("close", json!({})),
        ])
        .await;
    for result in &results {
        assert_ne!(result["isError"], true, "{results:?}");
    }
    assert!(results[1].to_string().contains("Sign in"), "{results:?}");
    assert_eq!(world.screens.page(PHONE).taps, 1);
    assert_eq!(world.holder("android:emulator-5554").await, None);
}

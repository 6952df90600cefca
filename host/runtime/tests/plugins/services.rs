//! Programs that belong to a device.

use std::path::PathBuf;

use hostler_provider::{DeviceSession, Provider as _};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    children::{alive, gone, written},
    providers::{SHELL, native, open},
    support::{Host, PROVIDER},
};

pub(crate) fn trials() -> Vec<Trial> {
    let need = PROVIDER;
    vec![
        trial(
            "a_service_survives_the_session_that_started_it_and_ends_with_the_device",
            need,
            survives,
        ),
        trial(
            "a_service_that_runs_answers_again_and_another_command_replaces_it",
            need,
            again,
        ),
        trial("a_service_that_is_dead_is_started_again", need, dead),
        trial(
            "a_service_that_is_never_ready_is_gone_when_that_is_told",
            need,
            never_ready,
        ),
        trial(
            "a_service_that_ends_too_early_tells_its_last_lines",
            need,
            too_early,
        ),
        trial(
            "a_service_survives_a_reload_and_ends_with_its_plugin",
            need,
            reload,
        ),
        trial(
            "a_service_whose_start_was_dropped_is_gone",
            need,
            dropped_start,
        ),
        trial("services_of_one_device_are_bounded", need, bounded),
    ]
}

/// A script that says its process id and stays.
fn stays(host: &Host, name: &str) -> (Value, PathBuf) {
    let file = host.folder.path().join(name);
    let script = format!(
        "echo $$ > {}; echo noise; echo listening on port 4711 as $$; sleep 1000",
        file.display()
    );
    (service(name, &script, 60_000), file)
}

fn service(name: &str, script: &str, timeout_ms: u64) -> Value {
    json!({
        "name": name, "program": "sh", "args": ["-c", script],
        "ready": "listening", "timeout_ms": timeout_ms,
    })
}

async fn start(session: &mut Box<dyn DeviceSession>, service: &Value) -> String {
    let line = native(session, "service", service.clone()).await.unwrap();
    line.as_str().unwrap().to_owned()
}

async fn survives() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let (driver, file) = stays(&host, "driver");
    let mut session = open(&provider, "one").await;
    let line = start(&mut session, &driver).await;
    assert!(line.starts_with("listening on port 4711"), "{line}");
    let pid = written(&file).await;
    let _ = native(&mut session, "panic", ().into()).await.unwrap_err();
    session.end().await;
    assert!(alive(&pid), "a trap has ended it");

    let mut next = open(&provider, "one").await;
    assert_eq!(
        start(&mut next, &driver).await,
        line,
        "it was started again"
    );
    next.end().await;
    let (other, other_file) = stays(&host, "other");
    start(&mut open(&provider, "two").await, &other).await;
    let other = written(&other_file).await;

    provider.end_services("one").await;
    assert!(!alive(&pid), "it outlived its device");
    assert!(alive(&other), "it belongs to another device");
    provider.end_services("two").await;
    assert!(!alive(&other));
    provider.end_services("never heard of").await;
}

async fn again() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let (driver, file) = stays(&host, "driver");
    let line = start(&mut session, &driver).await;
    assert_eq!(start(&mut session, &driver).await, line);
    let old = written(&file).await;
    let other = service("driver", "echo listening too; sleep 1000", 60_000);
    assert_eq!(start(&mut session, &other).await, "listening too");
    assert!(!alive(&old), "two run in one place");
    native(&mut session, "stop", "driver".into()).await.unwrap();
    native(&mut session, "stop", "nobody".into()).await.unwrap();
    provider.end_services("one").await;
}

async fn dead() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let (driver, file) = stays(&host, "driver");
    let first = start(&mut session, &driver).await;
    let pid = written(&file).await;
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid])
        .status();
    assert!(killed.unwrap().success());
    gone(&pid).await;
    // Its supervisor needs a moment to tell.
    loop {
        let line = start(&mut session, &driver).await;
        if line != first {
            break;
        }
        tokio::task::yield_now().await;
    }
    provider.end_services("one").await;
}

async fn never_ready() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let file = host.folder.path().join("pid");
    let script = format!("echo $$ > {}; echo warming up; sleep 1000", file.display());
    let slow = service("slow", &script, 1000);
    let error = native(&mut session, "service", slow).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("not ready within 1000 ms"), "{text}");
    assert!(text.contains("warming up"), "{text}");
    assert!(!alive(&written(&file).await));
}

async fn too_early() {
    let provider = Host::new().provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let script = "for n in $(seq 100); do echo line $n >&2; done; echo no port >&2; exit 3";
    let error = native(&mut session, "service", service("s", script, 60_000)).await;
    let text = error.unwrap_err().to_string();
    for part in ["service s", "exit code 3", "line 100", "no port"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("line 50\n"), "all lines are kept: {text}");
}

async fn reload() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let (driver, file) = stays(&host, "driver");
    let mut session = open(&provider, "one").await;
    let line = start(&mut session, &driver).await;
    let pid = written(&file).await;
    session.end().await;
    let reloaded = host.provider(SHELL).await;
    drop(provider);
    assert!(alive(&pid), "it ended with the old plugin");
    let mut session = open(&reloaded, "one").await;
    assert_eq!(start(&mut session, &driver).await, line);
    session.end().await;
    drop(reloaded);
    gone(&pid).await;
}

async fn dropped_start() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let file = host.folder.path().join("pid");
    let script = format!("trap '' INT; echo $$ > {}; sleep 1000", file.display());
    let silent = service("driver", &script, 60_000);
    let pid = tokio::select! {
        ready = native(&mut session, "service", silent) => panic!("it is ready: {ready:?}"),
        pid = written(&file) => pid,
    };
    session.end().await;
    assert!(!alive(&pid), "nobody waits for it, and it is there");
    let mut session = open(&provider, "one").await;
    let (driver, _) = stays(&host, "driver");
    start(&mut session, &driver).await;
    provider.end_services("one").await;
}

async fn bounded() {
    let host = Host::new();
    let settings = format!("{SHELL}limits.children = 2");
    let provider = host.provider(&settings).await;
    let mut session = open(&provider, "one").await;
    for name in ["a", "b"] {
        start(&mut session, &stays(&host, name).0).await;
    }
    let (third, _) = stays(&host, "c");
    let error = native(&mut session, "service", third.clone()).await;
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("[plugins.provider.limits] children"),
        "{text}"
    );
    native(&mut session, "stop", "a".into()).await.unwrap();
    start(&mut session, &third).await;
    provider.end_services("one").await;
}

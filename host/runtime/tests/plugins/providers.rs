//! Device providers: what a call may cost, and what is left of a session.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hostler_provider::{
    Answer, Call, DeviceError, DeviceSession, HandOver, OpenDevice, Progress, Provider as _,
    ProviderError,
};
use hostler_runtime::{Plugin, ProviderPlugin, World};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::{
    children::{alive, gone, written},
    support::{Host, PROVIDER},
};

/// Longer than any call that returns.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Shorter than any that does not.
const SHORT: Duration = Duration::from_millis(300);

/// May run any shell script.
pub(crate) const SHELL: &str = r#"grants.process = [{ program = "sh", args = [["-c", "*"]] }]
"#;

pub(crate) fn trials() -> Vec<Trial> {
    let need = PROVIDER;
    vec![
        trial("a_provider_is_known_by_its_exports", need, kind),
        trial(
            "devices_are_listed_on_one_instance_that_is_kept",
            need,
            kept,
        ),
        trial(
            "a_trap_while_listing_is_an_error_and_the_next_list_has_a_fresh_instance",
            need,
            trap_in_list,
        ),
        trial("a_list_that_hangs_ends_at_its_limit", need, slow_list),
        trial(
            "a_list_that_was_dropped_harms_no_later_one",
            need,
            dropped_list,
        ),
        trial("what_open_does_is_told_at_once", need, progress),
        trial(
            "an_open_that_fails_or_hangs_leaves_nothing",
            need,
            bad_opens,
        ),
        trial(
            "a_call_that_hangs_is_cancelled_and_its_children_are_gone",
            need,
            hangs,
        ),
        trial(
            "a_call_that_goes_on_after_it_was_cancelled_ends_its_session",
            need,
            goes_on,
        ),
        trial(
            "a_call_that_is_dropped_ends_its_session_with_its_children",
            need,
            dropped,
        ),
        trial("waiting_is_no_cpu_time", need, waiting),
        trial("a_trap_ends_its_session_and_no_other", need, trap),
        trial("a_provider_cannot_leave_children_behind", need, no_spawn),
        trial(
            "a_device_that_was_shut_down_is_no_longer_open",
            need,
            shutdown,
        ),
        trial(
            "a_host_holds_a_thousand_open_devices_and_says_so_to_the_next",
            need,
            thousand,
        ),
    ]
}

fn device(hardware_id: &str) -> OpenDevice {
    OpenDevice {
        hardware_id: hardware_id.into(),
        token: 7,
        hand_over: HandOver::Keep,
        first_ref: 100,
        limit: LONG,
    }
}

pub(crate) async fn open(provider: &ProviderPlugin, hardware_id: &str) -> Box<dyn DeviceSession> {
    let opened = provider
        .open(device(hardware_id), Progress::unheard())
        .await;
    opened.unwrap().session
}

pub(crate) async fn native(
    session: &mut Box<dyn DeviceSession>,
    method: &str,
    params: serde_json::Value,
) -> Result<serde_json::Value, DeviceError> {
    native_within(session, method, params, LONG).await
}

async fn native_within(
    session: &mut Box<dyn DeviceSession>,
    method: &str,
    params: serde_json::Value,
    limit: Duration,
) -> Result<serde_json::Value, DeviceError> {
    let call = Call::Native {
        method: method.into(),
        params: params.to_string(),
    };
    match session.call(call, limit).await? {
        Answer::Text(json) => Ok(serde_json::from_str(&json).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// Calls of this session so far, this one too.
pub(crate) async fn count(session: &mut Box<dyn DeviceSession>) -> u64 {
    let count = native(session, "count", ().into()).await.unwrap();
    count.as_u64().unwrap()
}

async fn thousand() {
    let host = Host::new();
    let provider = host.provider("").await;
    let mut held = Vec::new();
    for number in 0..1000 {
        held.push(open(&provider, &format!("device-{number}")).await);
    }
    let more = provider.open(device("one-more"), Progress::unheard()).await;
    let said = more.unwrap_err().to_string();
    assert!(said.contains("1000 devices are open"), "{said}");
    provider.list().await.unwrap();
    let last = held.pop().unwrap();
    last.end().await;
    open(&provider, "one-more").await;
}

async fn kind() {
    let plugin = Host::new().guest("provider", "").await;
    assert!(matches!(plugin, Plugin::Provider(_)));
    assert_eq!(plugin.world(), World::DeviceProvider);
    assert_eq!(plugin.id(), "provider");
    assert_eq!(plugin.describe().await.unwrap().title, "Scripted");
    for import in plugin.imports() {
        assert!(import.starts_with("hostler:"), "{import}");
    }
}

async fn kept() {
    let provider = Host::new()
        .provider(r#"config.devices = ["one", "two", "not one"]"#)
        .await;
    for call in 1..=3 {
        let devices = provider.list().await.unwrap();
        let ids: Vec<_> = devices.iter().map(|it| it.hardware_id.as_str()).collect();
        assert_eq!(ids, ["one", "two"], "an id with a space is left out");
        assert!(devices[0].name.contains(&format!("{call} times")));
        assert!(devices[0].capabilities.snapshot && !devices[0].capabilities.install);
        assert_eq!(devices[1].aliases, ["alias-of-two"]);
    }
}

async fn trap_in_list() {
    let settings = "config.devices = [\"one\"]\nconfig.on_list = \"panic\"\nconfig.at_call = 2";
    let provider = Host::new().provider(settings).await;
    for _ in 0..2 {
        assert_eq!(provider.list().await.unwrap().len(), 1);
        let error = provider.list().await.unwrap_err();
        assert!(matches!(&error, ProviderError::Broken(_)), "{error:?}");
        assert!(error.to_string().contains("panicked on purpose"), "{error}");
    }
    let refusing = Host::new().provider(r#"config.on_list = "fail""#).await;
    let error = refusing.list().await.unwrap_err();
    assert_eq!(error, ProviderError::Refused("failed on purpose".into()));
}

async fn slow_list() {
    for mischief in ["sleep", "loop"] {
        let settings = format!("config.on_list = \"{mischief}\"\nlimits.list_ms = 100");
        let provider = Host::new().provider(&settings).await;
        let error = provider.list().await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, ProviderError::Broken(_)), "{text}");
        assert!(text.contains("[plugins.provider.limits] list_ms"), "{text}");
    }
}

async fn dropped_list() {
    let settings = "config.devices = [\"one\"]\nconfig.on_list = \"sleep\"\nconfig.at_call = 2";
    let provider = Host::new().provider(settings).await;
    for _ in 0..2 {
        assert_eq!(provider.list().await.unwrap().len(), 1);
        let hanging = tokio::time::timeout(SHORT, provider.list()).await;
        assert!(hanging.is_err(), "{hanging:?}");
    }
    assert_eq!(provider.list().await.unwrap().len(), 1);
}

async fn progress() {
    let provider = Host::new().provider(r#"config.on_open = "sleep""#).await;
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let progress = Progress::new(move |text: &str| said.send(text.to_owned()).unwrap());
    let opening = provider.open(device("one"), progress);
    tokio::select! {
        opened = opening => panic!("it opened: {opened:?}"),
        text = heard.recv() => assert_eq!(text.unwrap(), "booting"),
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let progress = Progress::new({
        let heard = Arc::clone(&heard);
        move |text: &str| heard.lock().unwrap().push(text.to_owned())
    });
    let provider = Host::new().provider("").await;
    provider.open(device("one"), progress).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), ["booting", "ready"]);
}

async fn bad_opens() {
    let failing = Host::new().provider(r#"config.on_open = "fail""#).await;
    let error = failing.open(device("one"), Progress::unheard()).await;
    assert_eq!(
        error.unwrap_err(),
        DeviceError::Lost("failed on purpose".into())
    );
    let trapping = Host::new().provider(r#"config.on_open = "panic""#).await;
    let error = trapping.open(device("one"), Progress::unheard()).await;
    assert!(matches!(error.unwrap_err(), DeviceError::Broken(text) if text.contains("provider")));
    let hanging = Host::new().provider(r#"config.on_open = "sleep""#).await;
    let limited = OpenDevice {
        limit: SHORT,
        ..device("one")
    };
    let error = hanging.open(limited, Progress::unheard()).await;
    assert!(matches!(error.unwrap_err(), DeviceError::TimedOut(text) if text.contains("300 ms")));
}

/// A program that ignores signals, and where its process id will be.
pub(crate) fn stubborn(host: &Host) -> (serde_json::Value, std::path::PathBuf) {
    let file = host.folder.path().join("pid");
    let script = format!(
        "trap '' INT TERM; sleep 1000 & echo $! > {0}.child; echo $$ > {0}; wait; wait",
        file.display()
    );
    let program = serde_json::json!({
        "program": "sh", "args": ["-c", script], "timeout_ms": 600_000,
    });
    (program, file)
}

async fn hangs() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let (program, file) = stubborn(&host);
    let before = count(&mut session).await;
    let error = native_within(&mut session, "run", program, Duration::from_secs(2)).await;
    let error = error.unwrap_err();
    assert!(matches!(&error, DeviceError::TimedOut(_)), "{error:?}");
    assert!(
        error.to_string().contains("native within 2000 ms"),
        "{error}"
    );
    assert_eq!(count(&mut session).await, before + 2, "it is still open");
    let pid = written(&file).await;
    session.end().await;
    assert!(!alive(&pid), "its child outlived it");
    assert!(!alive(&written(&file.with_extension("child")).await));
}

async fn goes_on() {
    let provider = Host::new().provider("").await;
    let mut session = open(&provider, "one").await;
    let error = native_within(&mut session, "sleep-on", ().into(), SHORT).await;
    let error = error.unwrap_err();
    assert!(matches!(&error, DeviceError::TimedOut(_)), "{error:?}");
    assert!(error.to_string().contains("the session is over"), "{error}");
    let error = native(&mut session, "count", ().into()).await.unwrap_err();
    assert!(matches!(&error, DeviceError::Lost(_)), "{error:?}");
    assert!(
        error.to_string().contains("open the device again"),
        "{error}"
    );
    session.end().await;
}

async fn dropped() {
    let host = Host::new();
    let provider = host.provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let (program, file) = stubborn(&host);
    let pid = tokio::select! {
        ended = native(&mut session, "run", program) => panic!("it ended: {ended:?}"),
        pid = async {
            let pid = written(&file).await;
            assert!(alive(&pid));
            pid
        } => pid,
    };
    let error = native(&mut session, "count", ().into()).await.unwrap_err();
    assert!(matches!(&error, DeviceError::Lost(_)), "{error:?}");
    session.end().await;
    assert!(!alive(&pid), "its child outlived it");
    assert_eq!(count(&mut open(&provider, "one").await).await, 1);
}

async fn waiting() {
    let provider = Host::new().provider("limits.cpu_ms = 500").await;
    let mut session = open(&provider, "one").await;
    let naps = serde_json::json!([60, 20]);
    native(&mut session, "naps", naps).await.unwrap();
    let short_naps = serde_json::json!([200, 3]);
    native(&mut session, "naps", short_naps).await.unwrap();
    let error = native(&mut session, "loop", ().into()).await.unwrap_err();
    assert!(matches!(&error, DeviceError::Broken(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("[plugins.provider.limits] cpu_ms"), "{text}");
}

async fn trap() {
    let provider = Host::new().provider("").await;
    let mut other = open(&provider, "two").await;
    let mut session = open(&provider, "one").await;
    let error = native(&mut session, "panic", ().into()).await.unwrap_err();
    assert!(matches!(&error, DeviceError::Broken(_)), "{error:?}");
    assert!(error.to_string().contains("panicked on purpose"), "{error}");
    let error = native(&mut session, "count", ().into()).await.unwrap_err();
    assert!(matches!(&error, DeviceError::Lost(_)), "{error:?}");
    session.end().await;
    assert_eq!(count(&mut other).await, 1);
    other.end().await;
}

async fn no_spawn() {
    let provider = Host::new().provider(SHELL).await;
    let mut session = open(&provider, "one").await;
    let said = native(&mut session, "spawn", ().into()).await.unwrap();
    assert!(said.as_str().unwrap().contains("process.run"), "{said}");
    let denied = serde_json::json!({ "program": "rm", "args": ["-r"], "timeout_ms": 1000 });
    let error = native(&mut session, "run", denied).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("[[plugins.provider.grants.process]]"),
        "{text}"
    );
    // What a program that was run leaves in the background ends with it.
    let script = "sleep 1000 > /dev/null 2>&1 & echo $!";
    let program =
        serde_json::json!({ "program": "sh", "args": ["-c", script], "timeout_ms": 60_000 });
    let output = native(&mut session, "run", program).await.unwrap();
    gone(output["stdout"].as_str().unwrap().trim()).await;
    let slow =
        serde_json::json!({ "program": "sh", "args": ["-c", "sleep 1000"], "timeout_ms": 100 });
    let error = native(&mut session, "run", slow).await.unwrap_err();
    assert!(error.to_string().contains("within 100 ms"), "{error}");
}

async fn shutdown() {
    let provider = Host::new().provider("").await;
    let mut session = open(&provider, "one").await;
    assert_eq!(session.call(Call::Shutdown, LONG).await, Ok(Answer::Done));
    let error = session.call(Call::Alive, LONG).await.unwrap_err();
    assert!(error.to_string().contains("turned off"), "{error}");
    session.end().await;
}

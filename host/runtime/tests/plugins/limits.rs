//! Guests that misbehave: each is contained, named in the error, and disturbs
//! nobody else.

use std::time::Duration;

use hostler_runtime::{Ended, FileAccess, Readiness};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::support::{Host, MISBEHAVING, Session};

pub(crate) fn trials() -> Vec<Trial> {
    let need = MISBEHAVING;
    vec![
        trial(
            "an_endless_loop_is_stopped_by_its_cpu_budget",
            need,
            endless_loop,
        ),
        trial(
            "an_endless_loop_delays_no_other_session",
            need,
            others_undisturbed,
        ),
        trial(
            "an_allocation_bomb_is_stopped_by_its_memory_limit",
            need,
            allocation_bomb,
        ),
        trial("a_panic_is_told_in_its_own_words", need, panic),
        trial("a_stack_overflow_is_a_trap", need, stack_overflow),
        trial(
            "a_flood_of_updates_is_stopped_by_its_effects_limit",
            need,
            flood,
        ),
        trial(
            "a_flood_of_bytes_is_stopped_by_its_output_limit",
            need,
            big_update,
        ),
        trial(
            "invalid_json_is_refused_and_nothing_is_sent",
            need,
            invalid_json,
        ),
        trial("an_answer_counts_once", need, double_answer),
        trial("an_ask_id_is_open_once", need, double_ask),
        trial(
            "a_checkpoint_over_its_limit_is_refused",
            need,
            checkpoint_too_big,
        ),
        trial("timers_are_bounded", need, many_timers),
        trial(
            "a_spawn_that_is_not_granted_names_the_missing_line",
            need,
            spawn_denied,
        ),
        trial(
            "a_session_cannot_run_programs_and_wait",
            need,
            run_outside_probe,
        ),
        trial("files_and_environment_are_not_there", need, no_wasi),
        trial(
            "what_a_trapped_call_did_before_does_not_happen",
            need,
            all_or_nothing,
        ),
        trial("a_trap_in_open_or_probe_is_an_error", need, other_exports),
        trial(
            "a_refused_request_is_answered_with_its_reason",
            need,
            refusal,
        ),
    ]
}

async fn opened(host: &Host, settings: &str) -> Session {
    let plugin = host.misbehaving(settings).await;
    let mut session = host.session(&plugin, None);
    session.opened().await.unwrap().unwrap();
    session
}

/// The limit's sentence.
async fn limit(settings: &str, prompt: &str) -> String {
    let host = Host::new();
    let mut session = opened(&host, settings).await;
    match session.turn(prompt).await {
        Err(Ended::Limit {
            plugin,
            call,
            limit,
        }) => {
            assert_eq!((plugin.as_str(), call), ("misbehaving", "prompt"));
            limit
        }
        other => panic!("{other:?}"),
    }
}

async fn trapped(prompt: &str) -> String {
    let host = Host::new();
    let mut session = opened(&host, "").await;
    match session.turn(prompt).await {
        Err(Ended::Trapped {
            plugin,
            call,
            message,
        }) => {
            assert_eq!((plugin.as_str(), call), ("misbehaving", "prompt"));
            message
        }
        other => panic!("{other:?}"),
    }
}

/// The text of a turn that ends well.
async fn said(settings: &str, prompt: &str) -> String {
    let host = Host::new();
    let mut session = opened(&host, settings).await;
    session.turn(prompt).await.unwrap().unwrap();
    session.turn("echo  – still here").await.unwrap().unwrap();
    assert!(session.text.ends_with("still here"));
    session.text
}

async fn endless_loop() {
    let sentence = limit("limits.cpu_ms = 100", "loop").await;
    assert!(sentence.contains("100 ms of CPU time"), "{sentence}");
    assert!(
        sentence.contains("[plugins.misbehaving.limits] cpu_ms"),
        "{sentence}"
    );
}

async fn others_undisturbed() {
    let host = Host::new();
    // Far more CPU time than the other session's turns take together.
    let mut busy = opened(&host, "limits.cpu_ms = 60000\nlimits.call_ms = 60000").await;
    let mut other = opened(&host, "").await;
    let request = busy.prompt("loop").await;
    for n in 0..20 {
        other.turn(&format!("echo {n} ")).await.unwrap().unwrap();
    }
    assert!(other.text.contains("19"));
    let still = tokio::time::timeout(Duration::ZERO, busy.answer(request)).await;
    assert!(
        still.is_err(),
        "the loop has ended before the turns: {still:?}"
    );
}

async fn allocation_bomb() {
    let sentence = limit("limits.memory_mib = 16", "alloc").await;
    assert!(sentence.contains("16 MiB of memory"), "{sentence}");
}

async fn panic() {
    let message = trapped("panic").await;
    assert!(message.contains("panicked on purpose"), "{message}");
}

async fn stack_overflow() {
    let message = trapped("stack").await;
    // A guest's own stack lies at the bottom of its memory.
    let expected = ["stack", "out of bounds"];
    assert!(
        expected.iter().any(|word| message.contains(word)),
        "{message}"
    );
}

async fn flood() {
    let sentence = limit("limits.effects = 1000", "flood-updates").await;
    assert!(sentence.contains("1000 effects"), "{sentence}");
}

async fn big_update() {
    let sentence = limit("limits.output_mib = 1", "big-update 2000000").await;
    assert!(sentence.contains("1 MiB of output"), "{sentence}");
}

async fn invalid_json() {
    assert!(said("", "bad-json").await.contains("not JSON"));
    assert!(
        said("", "not-object")
            .await
            .contains("JSON object is needed")
    );
    let text = said("", "bad-answer").await;
    assert!(text.contains("not JSON"), "{text}");
}

async fn double_answer() {
    let text = said("", "double-answer").await;
    assert!(text.contains("is not open"), "{text}");
}

async fn double_ask() {
    let text = said("", "ask-twice-same-id").await;
    assert!(text.contains("not greater than those before"), "{text}");
}

async fn checkpoint_too_big() {
    assert!(
        said("", "checkpoint-too-big")
            .await
            .contains("at most 65536")
    );
}

async fn many_timers() {
    assert!(said("", "many-timers").await.contains("64 timers"));
}

async fn spawn_denied() {
    let text = said("", "spawn-denied").await;
    assert!(
        text.contains("[[plugins.misbehaving.grants.process]]"),
        "{text}"
    );
    assert!(text.contains("/bin/sh"), "{text}");
}

async fn run_outside_probe() {
    let grant = r#"grants.process = [{ program = "true", args = [["**"]] }]"#;
    assert!(
        said(grant, "run-outside-probe")
            .await
            .contains("a session uses process.spawn")
    );
}

async fn no_wasi() {
    let text = said("", "fs").await;
    assert!(!text.contains("read:"), "{text}");
    let message = trapped("env").await;
    assert!(
        message.contains("not supported on this platform"),
        "{message}"
    );
}

async fn all_or_nothing() {
    let host = Host::new();
    let mut session = opened(&host, "").await;
    session.turn("remember first").await.unwrap().unwrap();
    let before = session.text.clone();
    let ended = session.turn("remember-then-panic second").await;
    assert!(matches!(ended, Err(Ended::Trapped { .. })));
    assert_eq!(session.text, before);
    assert_eq!(session.checkpoint.as_deref(), Some(&b"first"[..]));
}

async fn other_exports() {
    let host = Host::new();
    let plugin = host.misbehaving(r#"config.on_open = "panic""#).await;
    let ended = host.session(&plugin, None).opened().await;
    assert!(
        matches!(ended, Err(Ended::Trapped { call: "open", .. })),
        "{ended:?}"
    );

    let plugin = host.misbehaving(r#"config.on_open = "fail""#).await;
    let mut session = host.session(&plugin, None);
    let failure = session.opened().await.unwrap().unwrap_err();
    assert!(failure.message.contains("failed on purpose"));

    let plugin = host
        .misbehaving("config.on_probe = \"loop\"\nlimits.cpu_ms = 50")
        .await;
    let ended = plugin.probe().await;
    assert!(
        matches!(ended, Err(Ended::Limit { call: "probe", .. })),
        "{ended:?}"
    );

    let plugin = host.misbehaving(r#"grants.files = "read""#).await;
    assert_eq!(plugin.probe().await.unwrap().readiness, Readiness::Ready);
    assert_eq!(plugin.describe().await.unwrap().title, "Misbehaving");
    assert_eq!(plugin.grants().files, Some(FileAccess::Read));
}

async fn refusal() {
    let host = Host::new();
    let mut session = opened(&host, "").await;
    let failure = session.turn("fail").await.unwrap().unwrap_err();
    assert!(failure.message.contains("failed on purpose"), "{failure:?}");
    session.turn("echo on").await.unwrap().unwrap();
}

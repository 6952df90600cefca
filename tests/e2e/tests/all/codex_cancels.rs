//! The real Codex CLI, cancelled: at every moment, and whatever runs then.

use std::time::Duration;

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::codex::{NEEDS, Setup, careful, setup, setup_of, setup_with};
use crate::codex_code::MODEL;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "codex_is_cancelled_in_the_middle_of_text",
            NEEDS,
            cancel_text,
        ),
        trial(
            "codex_is_cancelled_while_a_command_runs",
            NEEDS,
            cancel_command,
        ),
        trial(
            "codex_is_cancelled_while_a_permission_is_open",
            NEEDS,
            cancel_permission,
        ),
        trial(
            "codex_leaves_no_command_whenever_it_is_cancelled",
            NEEDS,
            every_moment,
        ),
        trial(
            "codex_keeps_what_an_earlier_turn_left_running",
            NEEDS,
            earlier,
        ),
        trial(
            "codex_leaves_no_command_of_a_sub_agent_when_it_is_cancelled",
            NEEDS,
            of_sub_agent,
        ),
    ]
}

async fn cancel_text() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let end = client
            .cancelled_at(&session, "[[slow 500 20]]", "agent_message_chunk")
            .await;
        assert_eq!(end, StopReason::Cancelled);
        client.goes_on(&session).await;
    })
    .await;
}

async fn cancel_command() {
    let Setup { host, .. } = &setup_with("never", "danger-full-access").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let end = client
            .cancelled_at(&session, "[[bash echo begun; sleep 60]]", "tool_call")
            .await;
        assert_eq!(end, StopReason::Cancelled);
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(client.tool_call(&call)["status"], "failed");
        client.goes_on(&session).await;
    })
    .await;
}

async fn cancel_permission() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = careful(&client, host).await;
        let end = client
            .cancelled_at(&session, "[[bash touch made.txt]]", "permission")
            .await;
        assert_eq!(end, StopReason::Cancelled);
        assert!(!host.work().join("made.txt").exists());
        client.goes_on(&session).await;
    })
    .await;
}

/// Waits until so many commands run that follow this file.
async fn commands(host: &Host, file: &str, count: usize) {
    let there = || {
        let mut all = host.processes();
        let is = |line: &String| {
            let line = line.split_once(' ').map(|(_, line)| line.trim_end());
            line == Some(&format!("tail -f {file}"))
        };
        all.retain(is);
        all
    };
    let wait = async {
        while there().len() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    assert!(waited.is_ok(), "{count} of {file} expected: {:?}", there());
}

async fn every_moment() {
    let Setup { host, .. } = &setup_with("never", "danger-full-access").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        for round in 0..20 {
            let file = format!("round{round}");
            let script = format!("[[bash touch {file}; tail -f {file}; sleep 600]]");
            let prompt = client.prompt(&session, &script);
            // Codex treats a command as one in the background after 150 ms, or when
            // the turn ends: before, while and after it does.
            let later = Duration::from_millis(15 * (round % 10) * (1 + round % 3));
            let cancel = async {
                if round % 2 == 0 {
                    let begun = |m: &serde_json::Value| {
                        m["sessionUpdate"] == "tool_call" && m.to_string().contains(&file)
                    };
                    client.wait_for("the command", begun).await;
                }
                tokio::time::sleep(later).await;
                client.cancel(&session);
            };
            let (end, ()) = tokio::join!(prompt, cancel);
            assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled, "{round}");
            commands(host, &file, 0).await;
        }
        let calls = client.tool_calls();
        let mut once = calls.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), calls.len(), "a call is shown once");
        client.all_calls_failed();
        client.goes_on(&session).await;
        let text = client.text("agent_message_chunk");
        assert!(!text.contains("did not stop"), "{text}");
    })
    .await;
}

async fn earlier() {
    let Setup { host, .. } = &setup_with("never", "danger-full-access").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let script = r#"[[call exec_command {"cmd":"touch kept; tail -f kept","yield_time_ms":500}]][[text left]]"#;
        client.prompt(&session, script).await.unwrap();
        commands(host, "kept", 1).await;
        let prompt = client.prompt(&session, "[[bash touch other; tail -f other]]");
        let cancel = async {
            commands(host, "other", 1).await;
            client.cancel(&session);
        };
        let (end, ()) = tokio::join!(prompt, cancel);
        assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
        commands(host, "other", 0).await;
        commands(host, "kept", 1).await;
    })
    .await;
}

/// While it runs, at once and later, and when it has said that it is done and left a
/// command running.
async fn of_sub_agent() {
    let Setup { host, .. } = &setup_of(MODEL, "", "never", "danger-full-access").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        for round in 0..8_u64 {
            let file = format!("agent{round}");
            let leaves = round % 2 == 1;
            let (yields, then) = match leaves {
                true => (300, "{{text I left it running.}}"),
                false => (30_000, ""),
            };
            let task = format!(
                "{{{{call exec_command {{\\\"cmd\\\":\\\"touch {file}; tail -f {file}\\\",\
                 \\\"yield_time_ms\\\":{yields}}} }}}}{then}"
            );
            let prompt = format!(
                "[[call collaboration/spawn_agent {{\"task_name\":\"helper{round}\",\
                 \"message\":\"{task}\",\"fork_turns\":\"none\"}}]]\
                 [[call collaboration/wait_agent {{\"timeout_ms\":30000}}]][[bash sleep 60{round}]]"
            );
            let prompt = client.prompt(&session, &prompt);
            let cancel = async {
                commands(host, &file, 1).await;
                if leaves {
                    let done = |m: &serde_json::Value| m["title"] == format!("sleep 60{round}");
                    client.wait_for("the end of the sub-agent", done).await;
                } else {
                    tokio::time::sleep(Duration::from_millis(60 * round)).await;
                }
                client.cancel(&session);
            };
            let (end, ()) = tokio::join!(prompt, cancel);
            assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled, "{file}");
            commands(host, &file, 0).await;
        }
        for call in client.tool_calls() {
            let call = client.tool_call(&call);
            let is_command = call["kind"] == "execute";
            assert!(!is_command || call["status"] == "failed", "{call:#}");
        }
        client.goes_on(&session).await;
    })
    .await;
}

//! What Claude Code does beside the turn: work in the background, sub-agents, and
//! turns that nobody asked for.
//!
//! Work in the background is named by directives, written as escapes so that they
//! are not the prompt's own: when it has ended, Claude Code tells the model its
//! name, and the model does what it says.

use std::time::Duration;

use agent_client_protocol::v1::schema::{PermissionOptionKind, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    claude::{NEEDS, Setup, setup},
    claude_shows::says,
};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_turn_of_claude_that_nobody_asked_for_is_cancelled",
            NEEDS,
            unprompted,
        ),
        trial(
            "a_question_of_claude_that_nobody_asked_for_is_cancelled",
            NEEDS,
            unprompted_question,
        ),
        trial(
            "a_sub_agent_of_claude_in_the_background_is_cancelled",
            NEEDS,
            sub_agent_cancelled,
        ),
        trial(
            "a_sub_agent_of_claude_calls_a_tool_and_asks_under_its_own_name",
            NEEDS,
            sub_agent_asks,
        ),
        trial(
            "claude_leaves_no_command_in_the_background_when_it_is_cancelled",
            NEEDS,
            background,
        ),
        trial(
            "a_command_that_claude_left_in_the_background_goes_on_and_ends_with_its_session",
            NEEDS,
            left,
        ),
    ]
}

/// A prompt with a command in the background; when it has ended, the model does
/// what `directive` says.
fn then_by_itself(directive: &str) -> String {
    format!(
        r#"[[call Bash {{"command":"sleep 1; echo hi","description":"\u005b\u005b{directive}\u005d\u005d",
            "run_in_background":true}}]] [[text Started.]]"#
    )
}

/// Waits until so many commands run that follow this file.
async fn commands(host: &Host, file: &str, count: usize) {
    let line = format!("tail -f {file}");
    let there = || {
        let all = host.processes().into_iter();
        let all = all.filter(|it| {
            it.split_once(' ')
                .is_some_and(|(_, it)| it.trim_end() == line)
        });
        all.collect::<Vec<_>>()
    };
    let wait = async {
        while there().len() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    assert!(waited.is_ok(), "{count} of {file} expected: {:?}", there());
}

/// A prompt whose command follows this file in the background.
fn follows(file: &str, then: &str) -> String {
    format!(
        r#"[[call Bash {{"command":"touch {file}; tail -f {file}","description":"d",
            "run_in_background":true}}]] [[{then}]]"#
    )
}

async fn background() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        for round in 0..4_u64 {
            let file = format!("round{round}");
            let text = follows(&file, "slow 2000 20");
            let prompt = client.prompt(&session, &text);
            let cancel = async {
                commands(host, &file, 1).await;
                tokio::time::sleep(Duration::from_millis(100 * round)).await;
                client.cancel(&session);
            };
            let (end, ()) = tokio::join!(prompt, cancel);
            assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled, "{round}");
            commands(host, &file, 0).await;
        }
        client.all_calls_failed();
        client.goes_on(&session).await;
        let text = client.text("agent_message_chunk");
        assert!(!text.contains("by itself"), "{text}");
    })
    .await;
}

async fn left() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        client
            .prompt(&session, &follows("kept", "text Left."))
            .await
            .unwrap();
        let call = client.tool_calls().remove(0);
        commands(host, "kept", 1).await;
        let slow = client.cancelled_at(&session, "[[slow 2000 20]]", "agent_message_chunk");
        assert_eq!(slow.await, StopReason::Cancelled);
        // It is shown as what it is: it runs.
        commands(host, "kept", 1).await;
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "in_progress", "{call:#}");
        let state = host.state();
        let state = state.to_str().unwrap();
        let closed = host.run(&["session", "close", &session.0, "--state-dir", state]);
        assert!(closed.status.success(), "{closed:?}");
        commands(host, "kept", 0).await;
    })
    .await;
}

async fn unprompted() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        let prompt = then_by_itself("slow 2000 20");
        client.prompt(&session, &prompt).await.unwrap();
        let goes_on = says("Claude Code goes on by itself");
        client.wait_for("the notice of it", goes_on).await;
        let first = |m: &Value| m["content"]["text"] == "word0 ";
        client.wait_for("its first word", first).await;
        client.cancel(&session);
        let over = says("no longer goes on by itself");
        client.wait_for("its end", over).await;
        client.prompt(&session, "[[text goes on]]").await.unwrap();
        let text = client.text("agent_message_chunk");
        assert!(text.ends_with("goes on"), "{text}");
        assert!(!text.contains("word1999"), "{text}");
    })
    .await;
}

async fn unprompted_question() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        let prompt = then_by_itself("bash touch made.txt");
        client.prompt(&session, &prompt).await.unwrap();
        let asked = |m: &Value| m["sessionUpdate"] == "permission";
        let asked = client.wait_for("the question", asked).await;
        client.cancel(&session);
        let taken_back = |m: &Value| m["sessionUpdate"] == "taken_back";
        client.wait_for("its end", taken_back).await;
        let over = says("no longer goes on by itself");
        client.wait_for("the end of the turn", over).await;
        let call = asked["toolCall"]["toolCallId"].as_str().unwrap();
        assert_eq!(client.tool_call(call)["status"], "failed");
        assert!(!host.work().join("made.txt").exists());
    })
    .await;
}

async fn sub_agent_cancelled() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        let prompt = r#"[[call Task {"description":"look","subagent_type":"general-purpose",
            "prompt":"\u005b\u005bslow 2000 20\u005d\u005d"}]] [[text Sent.]]"#;
        client.prompt(&session, prompt).await.unwrap();
        let call = client.tool_calls().remove(0);
        assert_eq!(client.tool_call(&call)["status"], "in_progress");
        client.cancel(&session);
        let ended = |m: &Value| m["toolCallId"] == call.as_str() && m["status"] == "failed";
        client.wait_for("its end", ended).await;
    })
    .await;
}

async fn sub_agent_asks() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let words = r"\u005b\u005btext I look.\u005d\u005d";
        let tool = r"\u005b\u005bbash touch made.txt\u005d\u005d";
        let prompt = format!(
            r#"[[call Task {{"description":"look","subagent_type":"general-purpose",
                "prompt":"{words} {tool}"}}]] [[text Sent.]]"#
        );
        client.prompt(&session.session_id, &prompt).await.unwrap();
        let call = client.tool_calls().remove(0);
        let ended = |m: &Value| m["toolCallId"] == call.as_str() && m["status"] == "completed";
        let end = client.wait_for("the report", ended).await;
        assert!(host.work().join("made.txt").exists());
        let seen = client.seen();
        let asked = seen.iter().find(|m| m["sessionUpdate"] == "permission");
        let asked = &asked.unwrap()["toolCall"];
        assert_eq!(asked["_meta"]["claudeCode"]["parentToolUseId"], *call);
        let of_it = |m: &&Value| {
            m["sessionUpdate"] == "tool_call" && m["toolCallId"] == asked["toolCallId"]
        };
        let new = seen.iter().find(of_it).unwrap();
        assert_eq!(new["_meta"]["claudeCode"]["parentToolUseId"], *call);
        // Its words stand with it, and nowhere else.
        assert!(end["content"].to_string().contains("I look."), "{end:#}");
        let text = client.text("agent_message_chunk");
        assert!(!text.contains("I look."), "{text}");
    })
    .await;
}

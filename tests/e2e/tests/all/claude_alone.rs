//! What Claude Code does beside the turn: work in the background, sub-agents, and
//! turns that nobody asked for.
//!
//! Work in the background is named by directives, written as escapes so that they
//! are not the prompt's own: when it has ended, Claude Code tells the model its
//! name, and the model does what it says.

use agent_client_protocol::v1::schema::PermissionOptionKind;
use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    claude::{NEEDS, Setup, setup},
    claude_shows::says,
};

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

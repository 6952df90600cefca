//! How a turn can end.

use std::time::{Duration, Instant};

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use super::{NEEDS, NOTICE, Setup, asked, call, said, session, setup};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "decopilot_is_cancelled_in_the_middle_of_text",
            NEEDS,
            cancel_text,
        ),
        trial(
            "decopilot_is_cancelled_while_it_is_silent",
            NEEDS,
            cancel_silence,
        ),
        trial(
            "decopilot_is_cancelled_while_a_permission_is_open",
            NEEDS,
            cancel_permission,
        ),
        trial(
            "a_session_of_decopilot_that_is_closed_stops_its_run",
            NEEDS,
            closed,
        ),
        trial("decopilot_tells_what_the_service_refuses", NEEDS, refusals),
        trial(
            "decopilot_sends_a_prompt_again_that_may_pass_and_it_runs_once",
            NEEDS,
            again,
        ),
        trial(
            "decopilot_tells_why_a_run_failed_or_stopped",
            NEEDS,
            reasons,
        ),
        trial("decopilot_says_that_a_run_has_expired", NEEDS, expired),
        trial(
            "decopilot_names_chunks_that_it_does_not_know",
            NEEDS,
            unknown,
        ),
    ]
}

/// Cancels once `is_time`, and goes on afterwards.
async fn cancelled(prompt: &str, is_time: impl Fn(&Value) -> bool) {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let turn = client.prompt(&session, prompt);
        let cancel = async {
            client.wait_for("the time to cancel", &is_time).await;
            client.cancel(&session);
        };
        let (end, ()) = tokio::join!(turn, cancel);
        assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
        for id in client.tool_calls() {
            assert_eq!(client.tool_call(&id)["status"], "failed");
        }
        client.goes_on(&session).await;
    })
    .await;
}

async fn cancel_text() {
    cancelled("[[slow 500 20]]", |m| {
        m["sessionUpdate"] == "agent_message_chunk"
    })
    .await;
}

async fn cancel_silence() {
    cancelled("[[text one]][[hang]]", |m| {
        m["sessionUpdate"] == "agent_message_chunk"
    })
    .await;
}

async fn cancel_permission() {
    cancelled("[[bash ls]]", |m| m["sessionUpdate"] == "permission").await;
}

async fn closed() {
    let Setup { host, service } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let turn = client.prompt(&session, "[[text one]][[hang]]");
        let close = async {
            let is_text = |m: &Value| m["sessionUpdate"] == "agent_message_chunk";
            client.wait_for("text", is_text).await;
            let state = host.state();
            let state = state.to_str().unwrap();
            let output = host.run(&["session", "close", &session.0, "--state-dir", state]);
            assert!(output.status.success(), "{output:?}");
        };
        let _ = tokio::join!(turn, close);
    })
    .await;
    let patience = Instant::now() + PATIENCE;
    while !service
        .requests()
        .iter()
        .any(|request| request.path.contains("/cancel/"))
    {
        assert!(Instant::now() < patience, "the run goes on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn refusals() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        for (status, code, says) in [
            (400, -32603, "updated"),
            (401, -32000, "hostler secret set decopilot"),
            (403, -32603, "another tier"),
            (404, -32603, "new session"),
            (409, -32603, "Another run"),
        ] {
            let prompt = format!("[[status {status}]]");
            let error = client.prompt(&session, &prompt).await.unwrap_err();
            assert_eq!(i32::from(error.code), code, "{error}");
            assert!(error.message.contains(&status.to_string()), "{error}");
            assert!(error.message.contains(says), "{error}");
        }
        client.goes_on(&session).await;
    })
    .await;
}

async fn again() {
    let Setup { host, service } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        client
            .prompt(&session, "[[status 503 1]][[text once]]")
            .await
            .unwrap();
        assert_eq!(said(&client.seen()), "once");
        let posted = service.requests().into_iter();
        let posted: Vec<_> = posted
            .filter(|request| request.path.ends_with("/messages"))
            .collect();
        assert_eq!(posted.len(), 2);
        assert_eq!(posted[0].body, posted[1].body);
    })
    .await;
}

async fn reasons() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let error = client
            .prompt(&session, "[[error The model is overloaded]]")
            .await;
        let error = error.unwrap_err();
        assert!(error.message.contains("The model is overloaded"), "{error}");
        for (prompt, reason) in [
            ("[[max-tokens]]", StopReason::MaxTokens),
            ("[[refuse]]", StopReason::Refusal),
            ("[[text fine]]", StopReason::EndTurn),
        ] {
            let end = client.prompt(&session, prompt).await.unwrap();
            assert_eq!(end.stop_reason, reason);
        }
    })
    .await;
}

async fn expired() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        // What nobody hears of is found when the stream is made again.
        let prompt = "[[bash ls]]";
        client.choose(&session, "mode", "auto").await;
        client.prompt(&session, prompt).await.unwrap();
        let error = client
            .prompt(&session, "[[text one]][[drop]][[expire]]")
            .await
            .unwrap_err();
        assert!(error.message.contains("expired"), "{error}");
        assert_eq!(call(&client)["status"], "completed");
        assert!(asked(&client).is_empty());
    })
    .await;
}

async fn unknown() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let prompt = r#"[[chunk {"type":"hologram"}]][[chunk {"type":"hologram"}]][[text fine]]"#;
        client.prompt(&session, prompt).await.unwrap();
        client
            .wait_for("a notice", |m| m.to_string().contains("hologram"))
            .await;
        let seen = client.seen();
        let notices = seen.iter().filter(|m| {
            let text = m["content"]["text"].as_str().unwrap_or_default();
            text.starts_with(NOTICE)
        });
        assert_eq!(notices.count(), 1, "{seen:#?}");
        assert_eq!(said(&seen), "fine");
    })
    .await;
}

//! The real Claude Code CLI, cancelled at moments that are hard to meet.

use std::{pin::pin, process::Command};

use agent_client_protocol::v1::schema::{SessionId, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    claude::{NEEDS, Setup, setup, setup_with},
    claude_shows::says,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "claude_is_cancelled_while_the_model_is_silent",
            NEEDS,
            silent,
        ),
        trial("claude_is_cancelled_while_it_tries_again", NEEDS, retries),
        trial("claude_is_cancelled_before_it_is_ready", NEEDS, not_ready),
    ]
}

/// Cancels the prompt `text` when `moment` has come; the session goes on.
async fn cancelled(
    client: &Client,
    session: &SessionId,
    text: &str,
    moment: impl Fn(&Value) -> bool,
) {
    let prompt = client.prompt(session, text);
    let cancel = async {
        client.wait_for("the moment", moment).await;
        client.cancel(session);
    };
    let (end, _) = tokio::join!(prompt, cancel);
    assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
    client.prompt(session, "[[text goes on]]").await.unwrap();
    assert!(client.text("agent_message_chunk").ends_with("goes on"));
}

async fn silent() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let said = |m: &Value| m["sessionUpdate"] == "agent_message_chunk";
        cancelled(&client, &session.session_id, "[[hang]]", said).await;
    })
    .await;
}

async fn retries() {
    let roots = "[workspace]\nroots = [\"$WORK\"]\n";
    let Setup { host, .. } = &setup_with(roots, &[("CLAUDE_CODE_MAX_RETRIES", "9")]).await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let told = says("The model is overloaded (529): next attempt");
        cancelled(&client, &session.session_id, "[[status 529]]", told).await;
    })
    .await;
}

/// Kills what works in the host's folder, as somebody at a terminal would.
fn kill_agents(host: &Host) {
    let agents = host.processes();
    assert!(!agents.is_empty(), "no agent runs");
    for line in agents.iter().filter(|line| line.contains("claude")) {
        let id = line.split(' ').next().unwrap();
        Command::new("kill").args(["-9", id]).status().unwrap();
    }
}

async fn not_ready() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        client.prompt(&session, "[[text first]]").await.unwrap();
        kill_agents(host);
        while host
            .processes()
            .iter()
            .any(|line| line.contains("stream-json"))
        {
            tokio::task::yield_now().await;
        }
        let started = async || {
            while !host
                .processes()
                .iter()
                .any(|line| line.contains("stream-json"))
            {
                tokio::task::yield_now().await;
            }
        };
        // It is started again for the prompt, which takes it half a second.
        let end = loop {
            let mut prompt = pin!(client.prompt(&session, "[[slow 500 20]]"));
            tokio::select! {
                // It came before the host had noticed the kill.
                end = &mut prompt => assert!(end.is_err(), "{end:?}"),
                () = started() => {
                    client.cancel(&session);
                    break prompt.await;
                }
            }
        };
        assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
        client.goes_on(&session).await;
    })
    .await;
}

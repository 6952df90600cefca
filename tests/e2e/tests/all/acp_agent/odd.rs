//! What no agent should do: each a clear notice or error, and the session lives on.

use agent_client_protocol::v1::schema::{PermissionOptionKind, SessionId, StopReason};
use hostler_e2e::{Client, Decision, Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use super::{NEEDS, host};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "lines_that_cannot_be_read_are_told_and_the_turn_goes_on",
            NEEDS,
            unreadable,
        ),
        trial(
            "an_answer_that_cannot_be_read_ends_the_turn",
            NEEDS,
            unreadable_end,
        ),
        trial(
            "updates_and_tools_that_nobody_knows_pass_through",
            NEEDS,
            unknown,
        ),
        trial(
            "answers_to_nothing_and_second_answers_change_nothing",
            NEEDS,
            answers,
        ),
        trial(
            "an_agent_that_never_answers_is_ended_when_it_is_cancelled",
            NEEDS,
            never,
        ),
        trial(
            "a_permission_that_is_answered_after_its_turn_harms_nothing",
            NEEDS,
            late_permission,
        ),
        trial(
            "an_agent_that_stays_is_ended_when_it_was_asked_what_it_is",
            NEEDS,
            stays,
        ),
        trial(
            "an_agent_of_a_later_protocol_is_refused_by_name",
            NEEDS,
            later_protocol,
        ),
    ]
}

async fn begun(client: &Client, host: &Host) -> SessionId {
    client.new_session(host, "odd").await.unwrap().session_id
}

/// The session is as good as before.
async fn goes_on(client: &Client, session: &SessionId) {
    let end = match client.prompt(session, "say still here").await {
        Ok(end) => end,
        // An agent that is about to end takes a prompt along, and is missed then.
        Err(_) => client.prompt(session, "say still here").await.unwrap(),
    };
    assert_eq!(end.stop_reason, StopReason::EndTurn);
    let text = client.text("agent_message_chunk");
    assert!(text.ends_with("still here"), "{text}");
}

async fn unreadable() {
    let host = host(&[]);
    Client::run(&host, Decision::Wait, async |client| {
        let session = begun(&client, &host).await;
        for word in ["long", "bytes", "truncated"] {
            client
                .prompt(&session, &format!("{word} {word}"))
                .await
                .unwrap();
            let text = client.text("agent_message_chunk");
            assert!(
                text.contains("printed something that is not ACP"),
                "{word}: {text}"
            );
            assert!(text.ends_with(word), "{text}");
        }
        goes_on(&client, &session).await;
    })
    .await;
}

async fn unreadable_end() {
    let host = host(&["resume"]);
    Client::run(&host, Decision::Wait, async |client| {
        let session = begun(&client, &host).await;
        let error = client.prompt(&session, "longend").await.unwrap_err();
        assert!(error.message.contains("arrived damaged"), "{error}");
        let error = client.prompt(&session, "half").await.unwrap_err();
        assert!(error.message.contains("arrived damaged"), "{error}");
        goes_on(&client, &session).await;
    })
    .await;
}

async fn unknown() {
    let host = host(&[]);
    let mut peer = Peer::start(&host).await;
    let meta = json!({ "hostler": { "harness": "odd" } });
    let params = json!({ "cwd": host.work(), "mcpServers": [], "_meta": meta });
    let session = peer.ask("session/new", &params).await["result"]["sessionId"].take();
    for text in ["unknown", "say still here"] {
        let prompt = json!([{ "type": "text", "text": text }]);
        let params = json!({ "sessionId": session, "prompt": prompt });
        let end = peer.ask("session/prompt", &params).await;
        assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    }
    let seen = json!(peer.early).to_string();
    for came in [
        r#""more":{"a":[1]}"#,
        "frobnicated",
        "teleport",
        "still here",
    ] {
        assert!(seen.contains(came), "{came} in {seen}");
    }
}

async fn answers() {
    let host = host(&[]);
    Client::run(&host, Decision::Wait, async |client| {
        let session = begun(&client, &host).await;
        client.prompt(&session, "other").await.unwrap();
        let text = client.text("agent_message_chunk");
        assert!(
            text.contains("answered a question that was not asked"),
            "{text}"
        );
        client.prompt(&session, "twice").await.unwrap();
        goes_on(&client, &session).await;
    })
    .await;
}

async fn never() {
    let host = host(&["resume"]);
    Client::run(&host, Decision::Wait, async |client| {
        let session = begun(&client, &host).await;
        let cancel = async {
            client
                .wait_for("the agent's text", |m| m["content"]["text"] == "waits")
                .await;
            client.cancel(&session);
        };
        let prompt = client.prompt(&session, "hang waits");
        let (end, ()) = tokio::join!(prompt, cancel);
        assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
        goes_on(&client, &session).await;
        let text = client.text("agent_message_chunk");
        assert!(text.contains("did not stop within 10 s"), "{text}");
    })
    .await;
}

async fn late_permission() {
    let host = host(&[]);
    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    Client::run(&host, decision, async |client| {
        let session = begun(&client, &host).await;
        let end = client.prompt(&session, "early").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        goes_on(&client, &session).await;
    })
    .await;
}

async fn later_protocol() {
    let host = host(&["two"]);
    Client::run(&host, Decision::Wait, async |client| {
        let error = client.new_session(&host, "odd").await.unwrap_err();
        assert!(
            error.message.contains("Odd speaks version 2 of ACP"),
            "{error}"
        );
    })
    .await;
}

async fn stays() {
    let mut host = host(&["stay"]);
    let found = loop {
        let agents = host.json(&["agents", "--refresh"]);
        let mut agents = agents["agents"].as_array().unwrap().clone().into_iter();
        let agent = agents.find(|agent| agent["id"] == "odd").unwrap();
        if agent["state"] != "loading" && agent["state"] != "checking" {
            break agent;
        }
    };
    assert_eq!(found["version"], "1", "{found:#}");
    Client::run(&host, Decision::Wait, async |client| {
        let session = begun(&client, &host).await;
        goes_on(&client, &session).await;
    })
    .await;
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

//! The promises of a session, with an agent that keeps its conversations itself.

use agent_client_protocol::v1::schema::{PermissionOptionKind, SessionId, StopReason};
use hostler_e2e::{Client, Decision, Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use super::{NEEDS, host};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "an_agent_that_crashed_goes_on_with_its_conversation_and_its_settings",
            NEEDS,
            crash,
        ),
        trial(
            "a_replay_of_the_agent_is_not_shown_twice_however_late_it_comes",
            NEEDS,
            replays,
        ),
        trial(
            "an_agent_goes_on_after_the_host_was_killed",
            NEEDS,
            host_killed,
        ),
        trial(
            "an_agent_without_a_memory_says_that_it_starts_afresh",
            NEEDS,
            afresh,
        ),
        trial(
            "a_login_that_is_missing_names_the_ways_to_log_in",
            NEEDS,
            login,
        ),
        trial(
            "models_are_an_option_and_extensions_pass_through",
            NEEDS,
            models,
        ),
        trial(
            "a_question_of_the_agent_is_asked_of_people",
            NEEDS,
            question,
        ),
        trial(
            "two_agents_of_one_component_are_two_and_one_logs_in_by_its_own_way",
            NEEDS,
            two_agents,
        ),
    ]
}

const WAIT: Decision = Decision::Wait;

/// A session of the odd agent in which `text` was said.
async fn said(client: &Client, host: &Host, text: &str) -> SessionId {
    let session = client.new_session(host, "odd").await.unwrap().session_id;
    client.prompt(&session, text).await.unwrap();
    session
}

async fn crash() {
    for can in [["resume", "models"], ["load", "models"]] {
        let host = host(&can);
        Client::run(&host, WAIT, async |client| {
            let session = said(&client, &host, "say one").await;
            client.choose(&session, "model", "large").await;
            let error = client.prompt(&session, "crash").await.unwrap_err();
            assert!(error.message.contains("exit code 7"), "{error}");
            assert!(error.message.contains("the last words"), "{error}");
            assert_eq!(client.tool_call("t")["status"], "failed");
            client.prompt(&session, "recall").await.unwrap();
            client.prompt(&session, "state").await.unwrap();
            let text = client.text("agent_message_chunk");
            assert_eq!(text, "onesay one; crashask large", "{can:?}");
        })
        .await;
    }
}

async fn replays() {
    for can in [vec!["load"], vec!["load", "late"]] {
        let host = host(&can);
        Client::run(&host, WAIT, async |client| {
            let session = said(&client, &host, "say one").await;
            client.prompt(&session, "crash").await.unwrap_err();
            client.prompt(&session, "say two").await.unwrap();
            assert_eq!(client.text("agent_message_chunk"), "onetwo", "{can:?}");
        })
        .await;
    }
}

async fn host_killed() {
    let mut host = host(&["load"]);
    let session = Client::run(&host, WAIT, async |client| {
        said(&client, &host, "say one").await
    })
    .await;
    host.crash_and_restart();
    Client::run(&host, WAIT, async |client| {
        client.load(&host, &session).await;
        client.prompt(&session, "recall").await.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "onesay one");
    })
    .await;
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

async fn afresh() {
    let host = host(&[]);
    Client::run(&host, WAIT, async |client| {
        let session = said(&client, &host, "say one").await;
        client.prompt(&session, "crash").await.unwrap_err();
        let end = client.prompt(&session, "say two").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let text = client.text("agent_message_chunk");
        assert!(
            text.contains("Odd starts afresh: it does not remember"),
            "{text}"
        );
        assert!(text.ends_with("two"), "{text}");
    })
    .await;
}

async fn login() {
    let host = host(&[]);
    Client::run(&host, WAIT, async |client| {
        let error = client.new_session(&host, "login").await.unwrap_err();
        assert_eq!(i32::from(error.code), -32000, "{error}");
        let way = "Odd needs a login: nobody is logged in. Ways to log in: A file (method file)";
        assert_eq!(error.message, way);
        // Another agent of the same component is there all the same.
        said(&client, &host, "say one").await;
    })
    .await;
}

async fn models() {
    let host = host(&["models"]);
    let mut peer = Peer::start(&host).await;
    let meta = json!({ "hostler": { "harness": "odd" } });
    let params = json!({ "cwd": host.work(), "mcpServers": [], "_meta": meta });
    let opened = peer.ask("session/new", &params).await["result"].take();
    let session = &opened["sessionId"];
    assert_eq!(opened["configOptions"][0]["currentValue"], "small");
    assert_eq!(opened["_meta"]["acpAgent"]["agentInfo"]["name"], "odd");
    let params = json!({ "sessionId": session, "modelId": "large" });
    let set = peer.ask("session/set_model", &params).await;
    assert!(set["result"].is_object(), "{set}");
    let params = json!({ "sessionId": session, "a": [1, "b"] });
    let echo = peer.ask("_odd/echo", &params).await;
    assert_eq!(echo["result"]["echo"]["a"], json!([1, "b"]), "{echo}");
    let params = json!({ "sessionId": session, "prompt": [{"type": "text", "text": "state"}] });
    peer.ask("session/prompt", &params).await;
    let said = json!(peer.early).to_string();
    assert!(said.contains("ask large"), "{said}");
}

async fn question() {
    let host = host(&[]);
    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    Client::run(&host, decision, async |client| {
        said(&client, &host, "ask").await;
        let answer = r#"{"action": "accept", "content": {"size": "S"}}"#;
        assert_eq!(client.text("agent_message_chunk"), answer);
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["title"], "Odd asks: Which size?");
        assert_eq!(call["status"], "completed");
    })
    .await;
}

async fn two_agents() {
    let host = host(&["models"]);
    let ways = |id: &str| {
        // The first look of each may still be on its way.
        loop {
            let agents = host.json(&["agents", "--refresh"]);
            let mut agents = agents["agents"].as_array().unwrap().clone().into_iter();
            let agent = agents.find(|agent| agent["id"] == id).unwrap();
            if agent["ready"] == true {
                assert_eq!(agent["version"], "1", "{agent:#}");
                return agent["authMethods"].clone();
            }
        }
    };
    assert_eq!(ways("odd"), json!([]));
    let file = json!([{"id": "file", "name": "A file", "description": ""}]);
    assert_eq!(ways("login"), file);

    let mut peer = Peer::start(&host).await;
    let meta = json!({ "hostler": { "harness": "login" } });
    let new = json!({ "cwd": host.work(), "mcpServers": [], "_meta": meta });
    let refused = peer.ask("session/new", &new).await;
    assert_eq!(refused["error"]["code"], -32000, "{refused}");
    let login = json!({ "methodId": "file", "_meta": meta });
    let done = peer.ask("authenticate", &login).await;
    assert!(done["result"].is_object(), "{done}");
    let begun = peer.ask("session/new", &new).await;
    assert!(begun["result"]["sessionId"].is_string(), "{begun}");
}

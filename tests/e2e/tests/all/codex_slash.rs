//! Commands of people to the real Codex itself, and skills.

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::codex::{ECHO, MCP_NEEDS, NEEDS, Setup, mcp_server, setup};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("codex_reviews_what_is_not_committed", NEEDS, review),
        trial(
            "codex_tells_its_status_and_its_mcp_servers_and_takes_a_title",
            MCP_NEEDS,
            status,
        ),
        trial("codex_goes_by_a_skill_that_is_prompted", NEEDS, skill),
        trial(
            "codex_goes_on_towards_its_goal_until_it_is_cancelled",
            NEEDS,
            goal,
        ),
    ]
}

async fn review() {
    let Setup { host, model } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let end = client.prompt(&session, "/review").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let asked = model.requests().pop().unwrap().body.to_string();
        assert!(asked.contains("Review the current code changes"), "{asked}");
        let calls = client.tool_calls().into_iter();
        let titles: Vec<_> = calls
            .map(|id| client.tool_call(&id)["title"].clone())
            .collect();
        assert!(
            titles.contains(&"Review current changes".into()),
            "{titles:?}"
        );
        assert_ne!(client.text("agent_message_chunk"), "");
        client.goes_on(&session).await;
    })
    .await;
}

async fn status() {
    let Setup { host, model } = &setup().await;
    mcp_server(host, "echo", "python3", &[ECHO]);
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.prompt(&session, "/status").await.unwrap();
        let told = client.text("agent_message_chunk");
        assert!(told.contains("- Model: gpt-5.5"), "{told}");
        client.prompt(&session, "/mcp").await.unwrap();
        let told = client.text("agent_message_chunk");
        assert!(told.ends_with("- echo: echo"), "{told}");
        client.prompt(&session, "/rename A poem").await.unwrap();
        let titled =
            |m: &Value| m["sessionUpdate"] == "session_info_update" && m["title"] == "A poem";
        client.wait_for("the title", titled).await;
        // The model hears nothing of it.
        let mut asked = model.requests().into_iter();
        assert!(!asked.any(|request| request.path == "/v1/responses"));
    })
    .await;
}

async fn skill() {
    let Setup { host, model } = &setup().await;
    let folder = host.folder().join("home/.codex/skills/rhyme");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "---\nname: rhyme\ndescription: Writes rhymes\n---\nEnd each line alike.\n";
    std::fs::write(folder.join("SKILL.md"), text).unwrap();
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let offers = |m: &Value| {
            let commands = m["availableCommands"].as_array().into_iter().flatten();
            commands.into_iter().any(|it| it["name"] == "rhyme")
        };
        client.wait_for("the skill", offers).await;
        client
            .prompt(&session, "/rhyme [[text roses]]")
            .await
            .unwrap();
        let asked = model.requests().pop().unwrap().body.to_string();
        assert!(asked.contains("$rhyme") && asked.contains("End each line alike."));
    })
    .await;
}

async fn goal() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let end = client.prompt(&session, "/goal Write a poem").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let says = |what: &'static str| move |m: &Value| m.to_string().contains(what);
        client
            .wait_for("the notice", says("goes on by itself"))
            .await;
        client.wait_for("its words", says("You said:")).await;
        client.cancel(&session);
        client.prompt(&session, "/goal").await.unwrap();
        client.wait_for("a goal that rests", says("it rests")).await;
        client.goes_on(&session).await;
        client.prompt(&session, "/goal clear").await.unwrap();
        let text = client.text("agent_message_chunk");
        assert!(text.ends_with("There is no goal."), "{text}");
        assert_eq!(text.matches("goes on by itself").count(), 1, "{text}");
    })
    .await;
}

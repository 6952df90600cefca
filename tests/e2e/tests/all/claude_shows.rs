//! What the real Claude Code CLI does beside text and tools, as clients see it.

use agent_client_protocol::v1::schema::{
    ContentBlock, ImageContent, PermissionOptionKind, StopReason, TextContent,
};
use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::claude::{NEEDS, Setup, setup};

const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

/// One red pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("claude_passes_an_image_to_the_model", NEEDS, image),
        trial("claude_lists_its_commands_and_runs_one", NEEDS, commands),
        trial("claude_shows_its_plan", NEEDS, plan),
        trial("claude_asks_questions_with_options", NEEDS, question),
        trial("claude_changes_its_model_and_its_effort", NEEDS, settings),
        trial("claude_says_that_it_tries_again", NEEDS, retries),
        trial("claude_tells_of_work_in_the_background", NEEDS, background),
        trial("claude_shows_what_a_sub_agent_does", NEEDS, sub_agent),
    ]
}

fn updates(client: &Client, kind: &str) -> Vec<Value> {
    let mut updates = client.seen();
    updates.retain(|update| update["sessionUpdate"] == kind);
    updates
}

/// A notice, as clients get it that did not announce to show any.
pub(crate) fn says(words: &'static str) -> impl Fn(&Value) -> bool {
    move |message| {
        let text = message["content"]["text"].as_str();
        text.is_some_and(|text| text.starts_with("[hostler] ") && text.contains(words))
    }
}

async fn image() {
    let Setup { host, model } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let prompt = vec![
            ContentBlock::Text(TextContent::new("What is this?")),
            ContentBlock::Image(ImageContent::new(PIXEL, "image/png")),
        ];
        let end = client
            .prompt_with(&session.session_id, prompt)
            .await
            .unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let asked = model.requests();
        let asked = asked.iter().map(|request| request.body.to_string());
        assert!(asked.into_iter().any(|body| body.contains("\"image/png\"")));
    })
    .await;
}

async fn commands() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let listed = |m: &Value| m["sessionUpdate"] == "available_commands_update";
        let update = client.wait_for("the commands", listed).await;
        let commands = update["availableCommands"].as_array().unwrap();
        assert!(commands.iter().any(|command| command["name"] == "context"));
        assert!(!commands.iter().any(|command| command["name"] == "clear"));
        client
            .prompt(&session.session_id, "/context")
            .await
            .unwrap();
        let text = client.text("agent_message_chunk");
        assert!(text.contains("Context Usage"), "{text}");
    })
    .await;
}

async fn plan() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let task = r#"[[call TaskCreate {"subject":"Look","description":"Look around"}]]"#;
        let update = r#"[[call TaskUpdate {"taskId":"1","status":"in_progress"}]]"#;
        let prompt = format!("{task} {update} [[text Well.]]");
        client.prompt(&session.session_id, &prompt).await.unwrap();
        let plans = updates(&client, "plan");
        assert_eq!(plans.len(), 2, "{plans:#?}");
        let entry = &plans[1]["entries"][0];
        assert_eq!(entry["content"], "Look");
        assert_eq!(entry["status"], "in_progress");
        assert!(client.tool_calls().is_empty());
    })
    .await;
}

async fn question() {
    let Setup { host, .. } = &setup().await;
    // The first option of the kind is the first answer.
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let prompt = r#"[[call AskUserQuestion {"questions":[{"question":"Which colour?",
            "header":"Colour","multiSelect":false,"options":[
            {"label":"Red","description":"r"},{"label":"Blue","description":"b"}]}]}]]"#;
        client.prompt(&session.session_id, prompt).await.unwrap();
        let [asked] = updates(&client, "permission").try_into().unwrap();
        assert_eq!(asked["toolCall"]["title"], "Colour: Which colour?");
        let names = asked["options"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|option| option["name"].clone()).collect();
        assert_eq!(names, ["Red", "Blue", "Answer in words"]);
        let call = client.tool_call(&client.tool_calls()[0]);
        assert_eq!(call["status"], "completed", "{call:#}");
        assert!(call["content"].to_string().contains("Red"), "{call:#}");
    })
    .await;
}

async fn settings() {
    let Setup { host, model } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let options = serde_json::to_value(&session.config_options).unwrap();
        let ids = options.as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|option| option["id"].clone()).collect();
        assert_eq!(ids, ["mode", "model", "effort"]);
        let id = &session.session_id;
        client.choose(id, "model", "sonnet").await;
        client.choose(id, "effort", "low").await;
        let refused = client.try_choose(id, "model", "gpt-1").await.unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("there is no model"), "{refused}");
        client.prompt(id, "[[text hi]]").await.unwrap();
        let asked = model.requests();
        let mut bodies = asked.iter().map(|request| &request.body);
        let body = bodies.rfind(|body| body["model"].is_string());
        let body = body.unwrap();
        assert!(body["model"].as_str().unwrap().contains("sonnet"), "{body}");
        assert_eq!(body["output_config"]["effort"], "low", "{body}");
    })
    .await;
}

async fn retries() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let prompt = client.prompt(&session.session_id, "[[status 529]]");
        // It is told while the turn still runs.
        let words = "The model is overloaded (529): next attempt";
        let told = client.wait_for("the notice", says(words));
        tokio::pin!(prompt);
        tokio::select! {
            _ = told => {}
            end = &mut prompt => panic!("the turn ended first: {end:?}"),
        }
        prompt.await.unwrap_err();
    })
    .await;
}

async fn background() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let prompt = r#"[[call Bash {"command":"sleep 1; touch made.txt","description":"d",
            "run_in_background":true}]] [[text Started.]]"#;
        let end = client.prompt(&session.session_id, prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(client.tool_call(&call)["status"], "in_progress");
        let ended = |m: &Value| m["toolCallId"] == call.as_str() && m["status"] == "completed";
        client.wait_for("its end", ended).await;
        assert!(host.work().join("made.txt").exists());
        let goes_on = says("Claude Code goes on by itself");
        client.wait_for("the notice of it", goes_on).await;
    })
    .await;
}

async fn sub_agent() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let prompt = r#"[[call Task {"description":"look","subagent_type":"general-purpose",
            "prompt":"please run the tool"}]] [[text Sent.]]"#;
        client.prompt(&session.session_id, prompt).await.unwrap();
        let call = client.tool_calls().remove(0);
        let ended = |m: &Value| m["toolCallId"] == call.as_str() && m["status"] == "completed";
        let end = client.wait_for("the report", ended).await;
        let report = end["content"].to_string();
        assert!(report.contains("You said: please run the tool"), "{end:#}");
        assert!(
            !client
                .text("agent_message_chunk")
                .contains("You said: please")
        );
    })
    .await;
}

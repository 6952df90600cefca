//! What a turn can hold.

use agent_client_protocol::v1::schema::{
    ContentBlock, ImageContent, PermissionOptionKind, StopReason, TextContent,
};
use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use super::{NEEDS, Setup, asked, call, session, setup};

const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "decopilot_streams_text_and_thoughts_over_two_turns",
            NEEDS,
            text,
        ),
        trial("decopilot_runs_a_tool_that_was_allowed", NEEDS, allowed),
        trial("decopilot_runs_no_tool_that_was_denied", NEEDS, denied),
        trial("decopilot_asks_once_when_always_allowed", NEEDS, always),
        trial("decopilot_edits_a_file_and_shows_the_diff", NEEDS, edit),
        trial("decopilot_shows_its_plan", NEEDS, plan),
        trial("decopilot_is_sent_an_image", NEEDS, image),
        trial("decopilot_gets_the_answer_to_its_question", NEEDS, question),
        trial("decopilot_gets_an_answer_in_words", NEEDS, in_words),
        trial(
            "decopilot_carries_a_plan_out_that_was_approved",
            NEEDS,
            proposal,
        ),
        trial("decopilot_takes_the_tier_that_was_chosen", NEEDS, tier),
    ]
}

async fn text() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let prompt = "[[think about the weather]] [[text It is sunny.]]";
        let end = client.prompt(&session, prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert_eq!(client.text("agent_thought_chunk"), "about the weather");
        assert_eq!(client.text("agent_message_chunk"), "It is sunny.");
        client.prompt(&session, "[[text It rains.]]").await.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "It is sunny.It rains.");
    })
    .await;
}

async fn allowed() {
    let Setup { host, service } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = session(&client, host).await;
        let end = client.prompt(&session, "[[bash make all]]").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let call = call(&client);
        assert_eq!(call["status"], "completed", "{call:#}");
        assert_eq!(
            (&call["kind"], &call["title"]),
            (&"execute".into(), &"make all".into())
        );
        assert_eq!(call["rawInput"]["command"], "make all");
        assert!(
            call["content"].to_string().contains("$ make all"),
            "{call:#}"
        );
        assert_eq!(asked(&client).len(), 1);
        assert_eq!(service.ran().len(), 1);
        let said = client.text("agent_message_chunk");
        assert_eq!(said, "Done. Tools: 1, denied: 0.");
    })
    .await;
}

async fn denied() {
    let Setup { host, service } = &setup().await;
    let decision = Decision::Choose(PermissionOptionKind::RejectOnce);
    Client::run(host, decision, async |client| {
        let session = session(&client, host).await;
        let end = client.prompt(&session, "[[bash rm -r /]]").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert_eq!(call(&client)["status"], "failed");
        assert_eq!(service.ran(), []);
        let said = client.text("agent_message_chunk");
        assert_eq!(said, "Done. Tools: 0, denied: 1.");
    })
    .await;
}

async fn always() {
    let Setup { host, service } = &setup().await;
    let decision = Decision::Choose(PermissionOptionKind::AllowAlways);
    Client::run(host, decision, async |client| {
        let session = session(&client, host).await;
        for _ in 0..2 {
            client.prompt(&session, "[[bash ls]]").await.unwrap();
        }
        assert_eq!((asked(&client).len(), client.tool_calls().len()), (1, 2));
        assert_eq!(service.ran().len(), 2);
    })
    .await;
}

async fn edit() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        client.choose(&session, "mode", "auto").await;
        let prompt = "[[write poem.txt|roses are red]][[edit poem.txt|red|blue]][[read poem.txt]]";
        client.prompt(&session, prompt).await.unwrap();
        let calls = client.tool_calls();
        let calls: Vec<_> = calls.iter().map(|id| client.tool_call(id)).collect();
        let [write, edit, read] = calls.try_into().unwrap();
        assert_eq!(
            (&write["kind"], &edit["kind"]),
            (&"edit".into(), &"edit".into())
        );
        assert_eq!(edit["title"], "Edit poem.txt");
        assert_eq!(edit["content"][0]["oldText"], "red");
        assert_eq!(edit["content"][0]["newText"], "blue");
        assert_eq!(read["kind"], "read");
        assert!(
            read["content"].to_string().contains("roses are blue"),
            "{read:#}"
        );
        assert!(asked(&client).is_empty());
    })
    .await;
}

async fn plan() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        client.prompt(&session, "[[todo look|leap]]").await.unwrap();
        let seen = client.seen();
        let plan = seen.iter().find(|m| m["sessionUpdate"] == "plan").unwrap();
        assert_eq!(plan["entries"][0]["content"], "look");
        assert_eq!(plan["entries"][0]["status"], "in_progress");
        assert_eq!(plan["entries"][1]["status"], "pending");
        assert_eq!(client.tool_calls(), Vec::<String>::new());
    })
    .await;
}

async fn image() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let prompt = vec![
            ContentBlock::Text(TextContent::new("look")),
            ContentBlock::Image(ImageContent::new("iVBORw0KGgo=", "image/png")),
        ];
        client.prompt_with(&session, prompt).await.unwrap();
        let said = client.text("agent_message_chunk");
        assert_eq!(said, "You said: look (image/png)");
    })
    .await;
}

async fn question() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = session(&client, host).await;
        let prompt = "[[ask choice|Which one?|red|blue]]";
        client.prompt(&session, prompt).await.unwrap();
        let [asked] = asked(&client).try_into().unwrap();
        assert!(asked.to_string().contains("Which one?"), "{asked:#}");
        assert_eq!(client.text("agent_message_chunk"), "You chose: red");
    })
    .await;
}

async fn in_words() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let end = client
            .prompt(&session, "[[ask text|Its name?]]")
            .await
            .unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert_eq!(call(&client)["title"], "Its name?");
        client.prompt(&session, "Rex").await.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "You chose: Rex");
    })
    .await;
}

async fn proposal() {
    let Setup { host, service } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = session(&client, host).await;
        client.choose(&session, "mode", "plan").await;
        client
            .prompt(&session, "[[plan # First, look]][[text On it.]]")
            .await
            .unwrap();
        let [asked] = asked(&client).try_into().unwrap();
        assert!(asked.to_string().contains("# First, look"), "{asked:#}");
        assert_eq!(client.text("agent_message_chunk"), "On it.");
        let bodies: Vec<_> = service
            .requests()
            .into_iter()
            .map(|request| request.body)
            .collect();
        let modes = bodies
            .iter()
            .filter(|body| body["messages"].is_array())
            .map(|body| body["mode"].as_str());
        assert_eq!(modes.collect::<Vec<_>>(), [Some("plan"), None]);
    })
    .await;
}

async fn tier() {
    let Setup { host, service } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        client.choose(&session, "model", "thinking").await;
        let refused = client
            .try_choose(&session, "model", "gpt-9")
            .await
            .unwrap_err();
        assert!(
            refused.message.contains("fast, smart, thinking"),
            "{refused}"
        );
        client.prompt(&session, "hello").await.unwrap();
        let mut requests = service.requests().into_iter();
        let posted = requests
            .find(|request| request.path.ends_with("/messages"))
            .unwrap();
        assert_eq!(posted.body["tier"], "thinking");
    })
    .await;
}

//! The real Codex with a model in code mode, as most of its models are: they have
//! one tool, which takes a script that calls the others. Only such a model begins
//! sub-agents.

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::codex::{ALLOW, NEEDS, Setup, asked, careful, setup_of};

/// What Codex itself takes when nothing is configured.
pub(crate) const MODEL: &str = "gpt-6.1-sol";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "codex_in_code_mode_runs_a_command_that_was_allowed",
            NEEDS,
            allowed,
        ),
        trial(
            "codex_in_code_mode_edits_a_file_and_shows_the_diff",
            NEEDS,
            edit,
        ),
        trial(
            "codex_in_code_mode_shows_what_its_sandbox_refused",
            NEEDS,
            denied,
        ),
        trial(
            "codex_in_code_mode_shows_a_patch_that_it_refused_itself",
            NEEDS,
            refused,
        ),
        trial(
            "codex_in_code_mode_is_cancelled_while_a_command_runs",
            NEEDS,
            cancelled,
        ),
        trial(
            "codex_asks_about_the_edit_of_a_sub_agent_with_its_diff",
            NEEDS,
            sub_agent,
        ),
    ]
}

async fn setup(approval: &str, sandbox: &str) -> Setup {
    setup_of(MODEL, "", approval, sandbox).await
}

async fn allowed() {
    let Setup { host, .. } = &setup("on-request", "danger-full-access").await;
    Client::run(host, ALLOW, async |client| {
        let session = careful(&client, host).await;
        let prompt = "[[bash touch made.txt && echo made]][[text That is it.]]";
        client.prompt(&session, prompt).await.unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "completed", "{call:#}");
        assert_eq!(call["rawInput"]["command"], "touch made.txt && echo made");
        assert_eq!(asked(&client).len(), 1);
        assert!(host.work().join("made.txt").exists());
        assert_eq!(client.text("agent_message_chunk"), "That is it.");
    })
    .await;
}

async fn edit() {
    let Setup { host, .. } = &setup("on-request", "read-only").await;
    let file = host.work().join("poem.txt");
    std::fs::write(&file, "roses are red\n").unwrap();
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let prompt = "[[edit poem.txt|roses are red|roses are blue]]";
        client.prompt(&session, prompt).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are blue\n");
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["title"], "Edit poem.txt", "{call:#}");
        assert_eq!(call["content"][0]["newText"], "roses are blue\n");
        let [asked] = asked(&client).try_into().unwrap();
        assert!(asked.to_string().contains("roses are blue"), "{asked:#}");
    })
    .await;
}

async fn denied() {
    let Setup { host, .. } = &setup("never", "read-only").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client
            .prompt(&session, "[[bash : > made.txt]]")
            .await
            .unwrap();
        // When the command outlives its first moments it is an item, else it is
        // known by the script alone.
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "failed", "{call:#}");
        assert!(call["rawInput"].to_string().contains(": > made.txt"));
        assert!(
            call["content"].to_string().contains("Read-only"),
            "{call:#}"
        );
        assert!(!host.work().join("made.txt").exists());
    })
    .await;
}

async fn refused() {
    let Setup { host, .. } = &setup("never", "read-only").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client
            .prompt(&session, "[[write poem.txt|roses]]")
            .await
            .unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "failed", "{call:#}");
        assert!(call["rawInput"]["script"].to_string().contains("roses"));
        assert!(call["content"].to_string().contains("read-only sandbox"));
        assert!(!host.work().join("poem.txt").exists());
    })
    .await;
}

async fn cancelled() {
    let Setup { host, .. } = &setup("never", "danger-full-access").await;
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

async fn sub_agent() {
    let Setup { host, .. } = &setup("on-request", "read-only").await;
    let file = host.work().join("poem.txt");
    std::fs::write(&file, "roses are red\n").unwrap();
    Client::run(host, ALLOW, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let task = "{{edit poem.txt|roses are red|roses are blue}}{{text It is blue now.}}";
        let prompt = format!(
            "[[call collaboration/spawn_agent {{\"task_name\":\"helper\",\"message\":\"{task}\",\
             \"fork_turns\":\"none\"}}]]\
             [[call collaboration/wait_agent {{\"timeout_ms\":30000}}]][[text It was edited.]]"
        );
        let end = client.prompt(&session, &prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are blue\n");
        let [asked] = asked(&client).try_into().unwrap();
        let call = &asked["toolCall"];
        assert_eq!(
            call["content"][0]["newText"], "roses are blue\n",
            "{asked:#}"
        );
        assert!(call.to_string().contains("The sub-agent helper asks."));
        assert_eq!(call["_meta"]["codex"]["agent"], "/root/helper");
        // Its words are its report, and no part of the conversation.
        let said = client.text("agent_message_chunk");
        assert!(said.ends_with("It was edited."), "{said}");
        assert!(!said.contains("It is blue now."), "{said}");
        let calls = client.tool_calls().into_iter();
        let calls: Vec<_> = calls.map(|id| client.tool_call(&id)).collect();
        let told = |title: &str| calls.iter().find(|call| call["title"] == title);
        let edit = told("Edit poem.txt").unwrap_or_else(|| panic!("{calls:#?}"));
        assert_eq!(edit["status"], "completed");
        assert_eq!(edit["_meta"], call["_meta"]);
        let report = told("Agent helper: is done").unwrap_or_else(|| panic!("{calls:#?}"));
        assert!(report["content"].to_string().contains("It is blue now."));
        assert!(told("Agent helper: begins").is_some());
    })
    .await;
}

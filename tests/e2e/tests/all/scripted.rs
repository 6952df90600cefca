//! A whole turn without an account: the ACP crate's client, the host, the plugin
//! `acp-agent`, the scripted agent.

use agent_client_protocol::v1::schema::{PermissionOptionKind, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;

pub(crate) const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Built("scripted-agent"),
    Need::Component("plugins/acp-agent"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "the_acp_crates_client_runs_a_whole_turn_with_a_permission",
            NEEDS,
            whole_turn,
        ),
        trial("a_rejected_edit_leaves_the_file_alone", NEEDS, rejected),
        trial(
            "a_second_connection_sees_the_session_live",
            NEEDS,
            second_connection,
        ),
        trial("the_agents_terminal_runs_in_the_workspace", NEEDS, terminal),
        trial(
            "a_crash_of_the_agent_ends_the_turn_and_the_session_goes_on",
            NEEDS,
            crash,
        ),
        trial("a_turn_goes_on_without_its_client", NEEDS, without_client),
        trial(
            "hostler_prompt_runs_a_turn_and_tells_its_outcome_by_exit_code",
            NEEDS,
            command_line,
        ),
        trial("stopping_the_host_leaves_no_process", NEEDS, stop),
    ]
}

async fn whole_turn() {
    let host = Host::scripted();
    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    Client::run(&host, decision, async |client| {
        let session = client.new_session(&host, "scripted").await.unwrap();
        assert_eq!(session.modes.unwrap().available_modes.len(), 2);
        let file = host.work().join("hello.txt");
        let script = format!(
            "think first; plan one | two; say hello there; edit {} made",
            file.display()
        );
        let end = client.prompt(&session.session_id, &script).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert!(client.text("agent_message_chunk").contains("hello there"));
        assert!(client.text("agent_thought_chunk").contains("first"));
        assert_eq!(
            client
                .seen()
                .iter()
                .filter(|m| m["sessionUpdate"] == "permission")
                .count(),
            1
        );
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(client.tool_call(&call)["status"], "completed");
        assert_eq!(std::fs::read_to_string(file).unwrap().trim(), "made");
    })
    .await;
}

async fn rejected() {
    let host = Host::scripted();
    let decision = Decision::Choose(PermissionOptionKind::RejectOnce);
    Client::run(&host, decision, async |client| {
        let session = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        let file = host.work().join("hello.txt");
        client
            .prompt(&session, &format!("edit {} made", file.display()))
            .await
            .unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(client.tool_call(&call)["status"], "failed");
        assert!(!file.exists());
    })
    .await;
}

async fn second_connection() {
    let host = Host::scripted();
    Client::run(&host, Decision::Wait, async |first| {
        let session = first
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        first.prompt(&session, "say before").await.unwrap();
        let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
        Client::run(&host, decision, async |second| {
            second.load(&host, &session).await;
            assert!(
                second.text("agent_message_chunk").contains("before"),
                "history is replayed"
            );
            // The first client never answers; the second one's answer counts.
            let file = host.work().join("shared.txt");
            let script = format!("say live; edit {} made", file.display());
            let end = first.prompt(&session, &script).await.unwrap();
            assert_eq!(end.stop_reason, StopReason::EndTurn);
            assert!(file.exists());
            second
                .wait_for("the other's prompt", |m| {
                    m["sessionUpdate"] == "user_message_chunk"
                        && m["content"]["text"]
                            .as_str()
                            .is_some_and(|text| text.contains("say live"))
                })
                .await;
            second
                .wait_for("the end of the edit", |m| m["status"] == "completed")
                .await;
            assert!(second.text("agent_message_chunk").contains("live"));
            assert_eq!(
                second.text("agent_message_chunk"),
                first.text("agent_message_chunk")
            );
        })
        .await;
    })
    .await;
}

async fn terminal() {
    let host = Host::scripted();
    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    Client::run(&host, decision, async |client| {
        let session = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        client.prompt(&session, "run pwd > here").await.unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(
            client.tool_call(&call)["status"],
            "completed",
            "{}",
            client.tool_call(&call)
        );
        let here = std::fs::read_to_string(host.work().join("here")).unwrap();
        assert_eq!(
            here.trim(),
            host.work().canonicalize().unwrap().to_str().unwrap()
        );
    })
    .await;
}

async fn crash() {
    let host = Host::scripted();
    Client::run(&host, Decision::Wait, async |client| {
        let session = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        let error = client.prompt(&session, "crash").await.unwrap_err();
        assert!(error.to_string().contains('3'), "{error}");
        let end = client.prompt(&session, "say still here").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert!(client.text("agent_message_chunk").contains("still here"));
    })
    .await;
}

async fn without_client() {
    let host = Host::scripted();
    let session = Client::run(&host, Decision::Wait, async |client| {
        let session = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        let prompt = client.prompt(&session, "say begun; count 30 20; say finished");
        let begun = client.wait_for("the turn", |m| m["sessionUpdate"] == "agent_message_chunk");
        tokio::select! {
            _ = prompt => panic!("the turn ended too early for this test"),
            _ = begun => {}
        }
        session
    })
    .await;
    Client::run(&host, Decision::Wait, async |client| {
        client.load(&host, &session).await;
        client
            .wait_for("the rest of the turn", |m| {
                m["content"]["text"]
                    .as_str()
                    .is_some_and(|t| t.contains("finished"))
            })
            .await;
        assert!(client.text("agent_message_chunk").contains("begun"));
    })
    .await;
}

async fn command_line() {
    let host = Host::scripted();
    let state = host.folder().join("state");
    let state = state.to_str().unwrap();
    let file = host.work().join("made.txt");
    let script = format!("say hello there; edit {} made", file.display());
    let output = host.run(&["prompt", &script, "--yes", "--state-dir", state]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("hello there"), "{text}");
    assert!(file.exists());

    let output = host.run(&["prompt", "fail on purpose", "--state-dir", state]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("on purpose"));

    let output = host.run(&["prompt", "say hi", "--json", "--state-dir", state]);
    let lines = String::from_utf8_lossy(&output.stdout);
    for line in lines.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert!(lines.contains("agent_message_chunk"));
}

async fn stop() {
    let mut host = Host::scripted();
    Client::run(&host, Decision::Wait, async |client| {
        let session = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        let prompt = client.prompt(&session, "say begun; deaf");
        let begun = client.wait_for("the turn", |m| m["sessionUpdate"] == "agent_message_chunk");
        tokio::select! {
            _ = prompt => panic!("a deaf agent does not end its turn"),
            _ = begun => {}
        }
    })
    .await;
    assert!(!host.processes().is_empty(), "the agent runs");
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

//! The real Claude Code CLI against a model server on loopback.

use agent_client_protocol::v1::schema::{PermissionOptionKind, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use model_server::ModelServer;

pub(crate) const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Program("claude"),
    Need::Component("plugins/claude-code"),
];

const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "claude_streams_text_and_thoughts_over_two_turns",
            NEEDS,
            text,
        ),
        trial("claude_runs_a_command_that_was_allowed", NEEDS, allowed),
        trial("claude_runs_no_command_that_was_denied", NEEDS, denied),
        trial("claude_asks_once_when_always_allowed", NEEDS, always),
        trial("claude_edits_a_file_and_shows_the_diff", NEEDS, edit),
        trial(
            "claude_is_cancelled_in_the_middle_of_text",
            NEEDS,
            cancel_text,
        ),
        trial(
            "claude_is_cancelled_while_a_permission_is_open",
            NEEDS,
            cancel_permission,
        ),
        trial("claude_tells_the_models_errors", NEEDS, model_errors),
        trial("claude_without_login_says_what_to_do", NEEDS, no_login),
        trial(
            "hostler_prompt_completes_a_turn_with_claude",
            NEEDS,
            command_line,
        ),
        trial("plugin_list_finds_claude_ready", NEEDS, plugin_list),
    ]
}

pub(crate) struct Setup {
    pub(crate) host: Host,
    /// Ends with the test.
    pub(crate) model: ModelServer,
}

pub(crate) async fn setup() -> Setup {
    setup_with("[workspace]\nroots = [\"$WORK\"]\n", &[]).await
}

/// With these settings, and this besides what Claude Code needs.
pub(crate) async fn setup_with(settings: &str, environment: &[(&str, &str)]) -> Setup {
    let model = ModelServer::start().await.unwrap();
    let url = model.url();
    let own = [
        ("ANTHROPIC_BASE_URL", url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-dummy"),
        ("CLAUDE_CODE_MAX_RETRIES", "1"),
        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
        ("DISABLE_AUTOUPDATER", "1"),
        ("DISABLE_TELEMETRY", "1"),
    ];
    let host = Host::start(settings, &[&own, environment].concat());
    Setup { host, model }
}

async fn text() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        assert!(session.modes.is_some() && session.config_options.is_some());
        let session = session.session_id;
        let prompt = "[[think about the weather]] [[text It is sunny.]]";
        let end = client.prompt(&session, prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert!(client.text("agent_thought_chunk").contains("the weather"));
        assert_eq!(client.text("agent_message_chunk"), "It is sunny.");
        client.prompt(&session, "[[text It rains.]]").await.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "It is sunny.It rains.");
    })
    .await;
}

async fn allowed() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        client
            .prompt(&session, "[[bash touch made.txt && echo made]]")
            .await
            .unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "completed", "{call:#}");
        assert_eq!(call["kind"], "execute");
        assert_eq!(call["rawInput"]["command"], "touch made.txt && echo made");
        assert!(call["content"].to_string().contains("made"));
        assert!(host.work().join("made.txt").exists());
    })
    .await;
}

async fn denied() {
    let Setup { host, .. } = &setup().await;
    let decision = Decision::Choose(PermissionOptionKind::RejectOnce);
    Client::run(host, decision, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        let end = client
            .prompt(&session, "[[bash touch made.txt]]")
            .await
            .unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(client.tool_call(&call)["status"], "failed");
        assert!(!host.work().join("made.txt").exists());
    })
    .await;
}

async fn always() {
    let Setup { host, .. } = &setup().await;
    let decision = Decision::Choose(PermissionOptionKind::AllowAlways);
    Client::run(host, decision, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        for _ in 0..2 {
            client
                .prompt(&session, "[[bash touch made.txt]]")
                .await
                .unwrap();
            std::fs::remove_file(host.work().join("made.txt")).unwrap();
        }
        let asked = client
            .seen()
            .iter()
            .filter(|m| m["sessionUpdate"] == "permission")
            .count();
        assert_eq!((asked, client.tool_calls().len()), (1, 2));
    })
    .await;
}

async fn edit() {
    let Setup { host, .. } = &setup().await;
    let file = host.work().join("poem.txt");
    std::fs::write(&file, "roses are red\n").unwrap();
    Client::run(host, ALLOW, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        client
            .prompt(&session, &format!("[[edit {}|red|blue]]", file.display()))
            .await
            .unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are blue\n");
        let calls = client.tool_calls();
        let call = client.tool_call(calls.last().unwrap());
        assert_eq!(
            (&call["kind"], &call["status"]),
            (&"edit".into(), &"completed".into()),
            "{call:#}"
        );
        assert_eq!(call["locations"][0]["path"], file.to_str().unwrap());
        let diff = call["content"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["type"] == "diff")
            .unwrap();
        assert!(diff["oldText"].as_str().unwrap().contains("red"), "{diff}");
        assert!(diff["newText"].as_str().unwrap().contains("blue"), "{diff}");
    })
    .await;
}

async fn cancel_text() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        let end = client
            .cancelled_at(&session, "[[slow 500 20]]", "agent_message_chunk")
            .await;
        assert_eq!(end, StopReason::Cancelled);
        client.goes_on(&session).await;
    })
    .await;
}

async fn cancel_permission() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        let end = client
            .cancelled_at(&session, "[[bash touch made.txt]]", "permission")
            .await;
        assert_eq!(end, StopReason::Cancelled);
        assert!(!host.work().join("made.txt").exists());
        client.goes_on(&session).await;
    })
    .await;
}

async fn model_errors() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client
            .new_session(host, "claude-code")
            .await
            .unwrap()
            .session_id;
        for code in ["401", "429", "529"] {
            let error = client
                .prompt(&session, &format!("[[status {code}]]"))
                .await
                .unwrap_err();
            assert!(error.to_string().contains(code), "{code}: {error}");
        }
        client.goes_on(&session).await;
    })
    .await;
}

async fn no_login() {
    let host = Host::start(
        "[workspace]\nroots = [\"$WORK\"]\n",
        &[("DISABLE_AUTOUPDATER", "1")],
    );
    Client::run(&host, Decision::Wait, async |client| {
        let error = client.new_session(&host, "claude-code").await.unwrap_err();
        assert_eq!(i32::from(error.code), -32000, "{error}");
        assert!(error.message.contains("claude auth login"), "{error}");
    })
    .await;
}

async fn command_line() {
    let Setup { host, .. } = &setup().await;
    let state = host.folder().join("state");
    let output = host.run(&[
        "prompt",
        "[[bash touch made.txt && echo made]]",
        "--yes",
        "--state-dir",
        state.to_str().unwrap(),
    ]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("Done"), "{text}");
    assert!(host.work().join("made.txt").exists());
}

async fn plugin_list() {
    let Setup { host, .. } = &setup().await;
    let output = host.run(&["plugin", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = list.to_string();
    assert!(
        text.contains("claude-code") && text.contains("2.1."),
        "{list:#}"
    );
}

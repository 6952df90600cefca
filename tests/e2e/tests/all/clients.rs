//! Clients and agents that others wrote, each in a turn with a permission.

use std::{path::Path, process::Output, time::Duration};

use agent_client_protocol::v1::schema::{PermissionOptionKind, StopReason};
use hostler_e2e::{Client, Decision, Host, Transport};
use hostler_test_support::{Need, built, program, python, root, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::process::Command;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

const HOST: [Need; 3] = [
    Need::Built("hostler"),
    Need::Built("scripted-agent"),
    Need::Component("plugins/acp-agent"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let with = |needs: &[Need]| [&HOST[..], needs].concat();
    let typescript = with(&[
        Need::Program("node"),
        Need::Package("@agentclientprotocol/sdk"),
    ]);
    let python = with(&[Need::Python("sdk")]);
    vec![
        trial(
            "the_typescript_sdk_runs_a_turn_with_a_permission",
            &typescript,
            typescript_sdk,
        ),
        trial(
            "the_typescript_sdk_runs_a_turn_with_a_permission_over_http",
            &typescript,
            typescript_sdk_over_http,
        ),
        trial(
            "the_python_sdk_runs_a_turn_with_a_permission",
            &python,
            python_sdk,
        ),
        trial(
            "the_python_sdk_runs_a_turn_with_a_permission_over_http",
            &python,
            python_sdk_over_http,
        ),
        trial(
            "the_acp_crates_client_runs_a_turn_with_a_permission_over_http",
            &HOST,
            acp_crate_over_http,
        ),
        trial(
            "acpx_runs_a_turn_with_a_permission_over_stdio",
            &with(&[Need::Program("acpx")]),
            acpx,
        ),
        trial(
            "fast_agent_runs_a_command_that_was_allowed",
            &with(&[Need::Python("fast-agent")]),
            fast_agent,
        ),
    ]
}

/// What `tests/clients` print of such a turn.
fn seen() -> Value {
    json!({
        "protocolVersion": 1,
        "agent": "hostler",
        "text": "hello there",
        "thought": "first",
        "permissions": ["call-2"],
        "tools": { "call-2": "completed" },
        "stopReason": "end_turn",
    })
}

/// A prompt to the scripted agent that shows most of what a turn can have.
fn prompt(host: &Host) -> String {
    let file = host.work().join("made.txt");
    format!("think first; say hello there; edit {} made", file.display())
}

fn was_made(host: &Host) {
    let made = std::fs::read_to_string(host.work().join("made.txt"));
    assert_eq!(made.unwrap().trim(), "made");
}

async fn typescript_sdk() {
    sdk(&program("node").unwrap(), "typescript.mjs", "ws").await;
}

async fn typescript_sdk_over_http() {
    sdk(&program("node").unwrap(), "typescript.mjs", "http").await;
}

async fn python_sdk() {
    sdk(&python("sdk", "python"), "python.py", "ws").await;
}

async fn python_sdk_over_http() {
    sdk(&python("sdk", "python"), "python.py", "http").await;
}

/// A script of `tests/clients`, over what the scheme of the URL says.
async fn sdk(interpreter: &Path, script: &str, scheme: &str) {
    let host = Host::scripted();
    let mut command = host.command(interpreter);
    command
        .arg(root().join("tests/clients").join(script))
        .arg(format!("{scheme}://{}/acp", host.address()))
        .arg(host.work())
        .arg(prompt(&host))
        .env("HOSTLER_TOKEN", host.token());
    let output = finish(command).await;
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, seen());
    was_made(&host);
    assert_eq!(host.log().contains("connected over HTTP"), scheme == "http");
}

async fn acp_crate_over_http() {
    let host = Host::scripted();
    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    let session = Client::run_over(Transport::Http, &host, decision, async |client| {
        let session = client.new_session(&host, "scripted").await.unwrap();
        let session = session.session_id;
        let end = client.prompt(&session, &prompt(&host)).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert_eq!(client.text("agent_message_chunk"), "hello there");
        assert_eq!(client.tool_call("call-2")["status"], "completed");
        was_made(&host);
        session
    })
    .await;
    // On another connection, all of it is there before the answer.
    Client::run_over(Transport::Http, &host, decision, async |client| {
        client.load(&host, &session).await;
        assert_eq!(client.text("agent_message_chunk"), "hello there");
        assert_eq!(client.tool_call("call-2")["status"], "completed");
        let end = client.prompt(&session, "say more").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
    })
    .await;
}

async fn acpx() {
    let host = Host::scripted();
    let agent = format!(
        "{} acp --state-dir {} --harness scripted",
        built("hostler").display(),
        host.state().display()
    );
    let mut command = host.command(program("acpx").unwrap());
    command
        .args(["--agent", &agent, "--approve-all"])
        .args(["--format", "json", "--json-strict"])
        .args(["exec", &prompt(&host)]);
    let output = finish(command).await;
    // What went over its pipes, both ways.
    let wire: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let asked = wire
        .iter()
        .filter(|message| message["method"] == "session/request_permission");
    assert_eq!(asked.count(), 1);
    let end = wire.last().unwrap();
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    was_made(&host);
    assert!(
        host.log().contains("connected"),
        "the host that ran is used"
    );
}

async fn fast_agent() {
    let agent = python("fast-agent", "fast-agent-acp");
    // Its model repeats what it is told, and calls the tools that it names.
    let settings = format!(
        r#"
        [workspace]
        roots = ["$WORK"]
        [plugins.fast-agent]
        component = "acp-agent"
        [plugins.fast-agent.config]
        command = [{agent:?}, "--model", "passthrough", "--shell"]
        [plugins.fast-agent.grants]
        terminal = true
        [[plugins.fast-agent.grants.process]]
        program = {agent:?}
        args = [["--model", "passthrough", "--shell"]]
        env = ["HOME", "PATH", "LANG"]
        "#
    );
    let host = Host::start(&settings, &[]);
    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    Client::run(&host, decision, async |client| {
        let session = client.new_session(&host, "fast-agent").await.unwrap();
        let session = session.session_id;
        client.prompt(&session, "hello there").await.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "hello there");

        let call = r#"***CALL_TOOL execute {"command": "echo made > made.txt"}"#;
        let end = client.prompt(&session, call).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let seen = client.seen();
        let asked = seen.iter().filter(|m| m["sessionUpdate"] == "permission");
        assert_eq!(asked.count(), 1);
        let [call] = client.tool_calls().try_into().unwrap();
        assert_eq!(client.tool_call(&call)["status"], "completed");
        was_made(&host);
    })
    .await;
}

/// Runs a client to its end, which must be a good one.
async fn finish(command: std::process::Command) -> Output {
    let output = Command::from(command).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.expect("the client took too long").unwrap();
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

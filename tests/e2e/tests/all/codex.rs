//! The real Codex CLI against a model server on loopback.

use std::{fs::OpenOptions, io::Write as _};

use agent_client_protocol::v1::schema::{PermissionOptionKind, SessionId, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use model_server::ModelServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

pub(crate) const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Program("codex"),
    Need::Component("plugins/codex"),
];

pub(crate) const MCP_NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Program("codex"),
    Need::Component("plugins/codex"),
    Need::Program("python3"),
];

/// The script of an MCP server with one tool, which says what it is told.
pub(crate) const ECHO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/echo.py");

/// The one model that calls tools by itself: for the others see `codex_code`.
const DIRECT: &str = "gpt-5.5";

pub(crate) const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "codex_streams_text_and_thoughts_over_two_turns",
            NEEDS,
            text,
        ),
        trial("codex_runs_a_command_that_was_allowed", NEEDS, allowed),
        trial("codex_runs_no_command_that_was_denied", NEEDS, denied),
        trial("codex_asks_once_when_always_allowed", NEEDS, always),
        trial("codex_edits_a_file_and_shows_the_diff", NEEDS, edit),
        trial("codex_shows_its_plan", NEEDS, plan),
        trial(
            "codex_shows_a_command_that_its_sandbox_refused",
            NEEDS,
            sandboxed,
        ),
        trial("codex_uses_a_tool_of_an_mcp_server", MCP_NEEDS, mcp),
        trial("codex_compacts_its_conversation", NEEDS, compact),
        trial("codex_in_full_access_asks_nobody", NEEDS, full_access),
        trial(
            "codex_killed_in_the_middle_says_so_and_goes_on",
            NEEDS,
            killed,
        ),
        trial("codex_tells_the_models_errors", NEEDS, model_errors),
        trial("codex_without_login_says_what_to_do", NEEDS, no_login),
        trial("codex_remembers_after_the_host_was_killed", NEEDS, resumes),
    ]
}

pub(crate) struct Setup {
    pub host: Host,
    /// Ends with the test.
    pub model: ModelServer,
}

pub(crate) async fn setup() -> Setup {
    setup_with("on-request", "danger-full-access").await
}

pub(crate) async fn setup_with(approval: &str, sandbox: &str) -> Setup {
    setup_in("", approval, sandbox).await
}

/// With these settings beside the workspace's.
pub(crate) async fn setup_in(settings: &str, approval: &str, sandbox: &str) -> Setup {
    setup_of(DIRECT, settings, approval, sandbox).await
}

/// With this model.
pub(crate) async fn setup_of(name: &str, settings: &str, approval: &str, sandbox: &str) -> Setup {
    let model = ModelServer::start().await.unwrap();
    let host = start(settings);
    let config = format!(
        r#"
model = "{name}"
model_provider = "scripted"
approval_policy = "{approval}"
sandbox_mode = "{sandbox}"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.scripted]
name = "scripted"
base_url = "{}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = 1
stream_max_retries = 1
"#,
        model.url()
    );
    let home = host.folder().join("home/.codex");
    std::fs::create_dir(&home).unwrap();
    std::fs::write(home.join("config.toml"), config).unwrap();
    Setup { host, model }
}

fn start(settings: &str) -> Host {
    Host::start(
        &format!("[workspace]\nroots = [\"$WORK\"]\n{settings}"),
        &[
            ("OPENAI_API_KEY", "sk-dummy"),
            // Codex keeps no programs below a folder for temporary files, and
            // its home is in one here.
            ("TMPDIR", env!("CARGO_TARGET_TMPDIR")),
        ],
    )
}

/// A session that asks before it runs anything. The config.toml of Codex does
/// not take this approval any more, its protocol does.
pub(crate) async fn careful(client: &Client, host: &Host) -> SessionId {
    let session = client.new_session(host, "codex").await.unwrap().session_id;
    client.choose(&session, "approval", "untrusted").await;
    session
}

async fn text() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap();
        let options = serde_json::to_value(session.config_options.unwrap()).unwrap();
        let current = |id: &str| {
            let options = options.as_array().unwrap();
            let option = options.iter().find(|option| option["id"] == id).unwrap();
            option["currentValue"].clone()
        };
        assert_eq!(current("model"), DIRECT);
        assert_eq!(current("approval"), "on-request");
        assert_eq!(current("sandbox"), "danger-full-access");
        let session = session.session_id;
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
    let Setup { host, .. } = &setup().await;
    Client::run(host, ALLOW, async |client| {
        let session = careful(&client, host).await;
        client
            .prompt(&session, "[[bash touch made.txt && echo made]]")
            .await
            .unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "completed", "{call:#}");
        assert_eq!(call["kind"], "execute");
        assert_eq!(call["rawInput"]["command"], "touch made.txt && echo made");
        assert_eq!(call["rawOutput"]["exitCode"], 0);
        assert!(call["content"].to_string().contains("made"));
        assert!(host.work().join("made.txt").exists());
        let usage = client.seen();
        let usage = usage.iter().find(|m| m["sessionUpdate"] == "usage_update");
        assert!(usage.unwrap()["used"].as_u64() > Some(0));
    })
    .await;
}

async fn denied() {
    let Setup { host, .. } = &setup().await;
    let decision = Decision::Choose(PermissionOptionKind::RejectOnce);
    Client::run(host, decision, async |client| {
        let session = careful(&client, host).await;
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
        let session = careful(&client, host).await;
        for _ in 0..2 {
            client
                .prompt(&session, "[[bash touch made.txt]]")
                .await
                .unwrap();
            std::fs::remove_file(host.work().join("made.txt")).unwrap();
        }
        assert_eq!((asked(&client).len(), client.tool_calls().len()), (1, 2));
    })
    .await;
}

/// The permissions that were asked for.
pub(crate) fn asked(client: &Client) -> Vec<Value> {
    let seen = client.seen().into_iter();
    seen.filter(|message| message["sessionUpdate"] == "permission")
        .collect()
}

async fn edit() {
    let Setup { host, .. } = &setup_with("on-request", "read-only").await;
    let file = host.work().join("poem.txt");
    std::fs::write(&file, "roses are red\n").unwrap();
    Client::run(host, ALLOW, async |client| {
        let session = careful(&client, host).await;
        let prompt = "[[edit poem.txt|roses are red|roses are blue]]";
        client.prompt(&session, prompt).await.unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are blue\n");
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(
            (&call["kind"], &call["status"]),
            (&"edit".into(), &"completed".into()),
            "{call:#}"
        );
        assert_eq!(call["title"], "Edit poem.txt");
        assert_eq!(call["content"][0]["oldText"], "roses are red\n");
        assert_eq!(call["content"][0]["newText"], "roses are blue\n");
        let [asked] = asked(&client).try_into().unwrap();
        assert!(asked.to_string().contains("roses are blue"), "{asked:#}");
    })
    .await;
}

async fn plan() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let prompt = r#"[[call update_plan {"plan":[{"step":"look","status":"in_progress"},{"step":"leap","status":"pending"}]}]]"#;
        client.prompt(&session, prompt).await.unwrap();
        let seen = client.seen();
        let plan = seen.iter().find(|m| m["sessionUpdate"] == "plan").unwrap();
        assert_eq!(plan["entries"][0]["content"], "look");
        assert_eq!(plan["entries"][0]["status"], "in_progress");
        assert_eq!(plan["entries"][1]["status"], "pending");
        assert_eq!(client.tool_calls(), Vec::<String>::new());
    })
    .await;
}

async fn sandboxed() {
    let Setup { host, .. } = &setup_with("never", "read-only").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        // It fails so fast that Codex tells of no item.
        client
            .prompt(&session, "[[bash : > made.txt]]")
            .await
            .unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["status"], "failed", "{call:#}");
        assert_eq!(call["rawInput"]["command"], ": > made.txt", "{call:#}");
        assert!(!host.work().join("made.txt").exists());
    })
    .await;
}

/// An MCP server of the user's own settings.
pub(crate) fn mcp_server(host: &Host, name: &str, command: &str, args: &[&str]) {
    let settings = OpenOptions::new()
        .append(true)
        .open(host.folder().join("home/.codex/config.toml"));
    write!(
        settings.unwrap(),
        "[mcp_servers.{name}]\ncommand = {command:?}\nargs = {args:?}\n"
    )
    .unwrap();
}

async fn mcp() {
    let Setup { host, .. } = &setup().await;
    mcp_server(host, "echo", "python3", &[ECHO]);
    mcp_server(host, "broken", "/no/such/program", &[]);
    Client::run(host, ALLOW, async |client| {
        let session = careful(&client, host).await;
        let prompt = r#"[[call mcp__echo/echo {"text":"ping"}]]"#;
        client.prompt(&session, prompt).await.unwrap();
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(call["title"], "echo: echo", "{call:#}");
        assert_eq!(call["status"], "completed", "{call:#}");
        assert_eq!(call["content"][0]["content"]["text"], "echo: ping");
        let [asked] = asked(&client).try_into().unwrap();
        assert!(asked.to_string().contains("ping"), "{asked:#}");
        let seen = client.seen();
        let notice = seen
            .iter()
            .find(|m| m.to_string().contains("The MCP server broken"));
        assert!(notice.is_some(), "{seen:#?}");
    })
    .await;
}

async fn compact() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.prompt(&session, "[[text one]]").await.unwrap();
        let end = client.prompt(&session, "/compact").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let [call] = client.tool_calls().try_into().unwrap();
        let call = client.tool_call(&call);
        assert_eq!(
            (&call["kind"], &call["status"]),
            (&"think".into(), &"completed".into())
        );
        client.goes_on(&session).await;
    })
    .await;
}

async fn full_access() {
    let Setup { host, .. } = &setup_with("on-request", "read-only").await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.choose(&session, "mode", "full-access").await;
        client
            .prompt(&session, "[[bash touch made.txt]]")
            .await
            .unwrap();
        assert!(host.work().join("made.txt").exists());
        assert_eq!(asked(&client), Vec::<Value>::new());
    })
    .await;
}

async fn killed() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.prompt(&session, "[[text one]]").await.unwrap();
        let prompt = client.prompt(&session, "[[slow 500 20]]");
        let kill = async {
            client
                .wait_for("text", |m| m["content"]["text"] == "word3 ")
                .await;
            let codex = host.processes().into_iter();
            for process in codex.filter(|process| process.contains("app-server")) {
                let pid = process.split(' ').next().unwrap().parse().unwrap();
                let pid = Pid::from_raw(pid).unwrap();
                // The first one may have ended the other.
                let _ = kill_process(pid, Signal::KILL);
            }
        };
        let (end, ()) = tokio::join!(prompt, kill);
        let error = end.unwrap_err();
        assert!(error.message.contains("in the middle"), "{error}");
        client.goes_on(&session).await;
    })
    .await;
}

async fn model_errors() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        for code in ["401", "429"] {
            let error = client
                .prompt(&session, &format!("[[status {code}]]"))
                .await
                .unwrap_err();
            assert!(error.to_string().contains(code), "{code}: {error}");
        }
        let end = client.prompt(&session, "[[max-tokens]]").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::MaxTokens);
        client.goes_on(&session).await;
    })
    .await;
}

async fn no_login() {
    let host = start("");
    Client::run(&host, Decision::Wait, async |client| {
        let error = client.new_session(&host, "codex").await.unwrap_err();
        assert_eq!(i32::from(error.code), -32000, "{error}");
        assert!(error.message.contains("codex login"), "{error}");
    })
    .await;
}

async fn resumes() {
    let Setup { mut host, model } = setup().await;
    let session = Client::run(&host, Decision::Wait, async |client| {
        let session = client.new_session(&host, "codex").await.unwrap().session_id;
        client.prompt(&session, "[[text one]]").await.unwrap();
        session
    })
    .await;
    host.crash_and_restart();
    Client::run(&host, Decision::Wait, async |client| {
        client.load(&host, &session).await;
        client.prompt(&session, "[[text two]]").await.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "onetwo");
    })
    .await;
    // The model is told the whole conversation.
    let mut asked = model.requests().into_iter();
    let last = asked.rfind(|request| request.path == "/v1/responses");
    let last = last.unwrap().body.to_string();
    assert!(last.contains("[[text one]]"), "{last}");
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

//! Agents that people use, against a model server on loopback. They are large, so
//! nobody installs them for these tests: those who have them run them with
//! `cargo xtask test --long`.

use agent_client_protocol::v1::schema::{PermissionOptionKind, SessionId, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use model_server::ModelServer;

const LONG: Need = Need::Ability("a long run (cargo xtask test --long)", is_long);

const GEMINI: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/acp-agent"),
    LONG,
    Need::Program("gemini"),
];

const OPENCODE: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/acp-agent"),
    LONG,
    Need::Program("opencode"),
];

fn is_long() -> bool {
    std::env::var("HOSTLER_LONG").is_ok_and(|value| value == "1")
}

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("gemini_cli_runs_a_command_that_was_allowed", GEMINI, gemini),
        trial(
            "opencode_runs_a_command_that_was_allowed",
            OPENCODE,
            opencode,
        ),
        trial(
            "opencode_remembers_after_the_host_was_killed",
            OPENCODE,
            opencode_resumes,
        ),
    ]
}

const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

/// `hostler.toml` as the plugin's README has it; `env` is for the model server.
fn settings(id: &str, command: &[&str], more: &str, env: &str) -> String {
    let [program, args @ ..] = command else {
        panic!("a command");
    };
    format!(
        r#"
        [workspace]
        roots = ["$WORK"]
        [plugins.{id}]
        component = "acp-agent"
        [plugins.{id}.config]
        command = {command:?}
        {more}
        prompt = {{ image = true, embedded_context = true }}
        [plugins.{id}.grants]
        files = "read-write"
        terminal = true
        [[plugins.{id}.grants.process]]
        program = {program:?}
        args = [{args:?}, ["--version"]]
        env = ["HOME", "PATH", "LANG", "TMPDIR", {env}]
        "#
    )
}

fn gemini_host(model: &ModelServer) -> Host {
    let settings = settings(
        "gemini",
        &["gemini", "--acp", "--model", "gemini-2.5-pro"],
        "",
        r#""GEMINI_*", "GOOGLE_*""#,
    );
    let host = Host::start(
        &settings,
        &[
            ("GEMINI_API_KEY", "dummy"),
            ("GOOGLE_GEMINI_BASE_URL", &model.url()),
        ],
    );
    let home = host.folder().join("home/.gemini");
    std::fs::create_dir(&home).unwrap();
    let own = r#"{"security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": false}, "general": {"enableAutoUpdate": false}}"#;
    std::fs::write(home.join("settings.json"), own).unwrap();
    host
}

async fn gemini() {
    let model = ModelServer::start().await.unwrap();
    let host = gemini_host(&model);
    Client::run(&host, ALLOW, async |client| {
        let session = client.new_session(&host, "gemini").await.unwrap();
        assert!(session.modes.unwrap().available_modes.len() > 1);
        let options = serde_json::to_value(session.config_options).unwrap();
        assert_eq!(options[0]["currentValue"], "gemini-2.5-pro", "{options:#}");
        let session = session.session_id;
        let prompt = "[[think about it]][[text It is sunny.]]";
        client.prompt(&session, prompt).await.unwrap();
        assert!(client.text("agent_message_chunk").contains("It is sunny."));
        let prompt = "[[bash echo made > made.txt]]";
        runs_a_command(&client, &host, &session, prompt).await;
    })
    .await;
}

fn opencode_host(model: &ModelServer) -> Host {
    let settings = settings(
        "opencode",
        &["opencode", "acp"],
        r#"probe = ["opencode", "--version"]"#,
        r#""OPENCODE_*""#,
    );
    let host = Host::start(
        &settings,
        &[
            ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
            ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
        ],
    );
    let own = serde_json::json!({
        "model": "local/scripted", "small_model": "local/scripted",
        "autoupdate": false, "share": "disabled", "permission": {"bash": "ask", "edit": "ask"},
        "provider": {"local": {
            "npm": "@ai-sdk/anthropic", "name": "Local",
            "options": {"baseURL": format!("{}/v1", model.url()), "apiKey": "sk-dummy"},
            "models": {"scripted": {
                "name": "Scripted", "limit": {"context": 200_000, "output": 8000},
            }},
        }},
    });
    let home = host.folder().join("home/.config/opencode");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("opencode.json"), own.to_string()).unwrap();
    host
}

async fn opencode() {
    let model = ModelServer::start().await.unwrap();
    let host = opencode_host(&model);
    Client::run(&host, ALLOW, async |client| {
        let session = client.new_session(&host, "opencode").await.unwrap();
        let options = serde_json::to_value(session.config_options).unwrap();
        assert_eq!(options[0]["currentValue"], "local/scripted", "{options:#}");
        let session = session.session_id;
        let prompt = "[[think about it]][[text It is sunny.]]";
        client.prompt(&session, prompt).await.unwrap();
        assert_eq!(client.text("agent_thought_chunk"), "about it");
        assert_eq!(client.text("agent_message_chunk"), "It is sunny.");
        client.choose(&session, "mode", "plan").await;
        client.choose(&session, "mode", "build").await;
        let prompt = r#"[[call bash {"command":"echo made > made.txt","description":"d"}]]"#;
        runs_a_command(&client, &host, &session, prompt).await;
    })
    .await;
}

/// One that was asked about, once.
async fn runs_a_command(client: &Client, host: &Host, session: &SessionId, prompt: &str) {
    let end = client.prompt(session, prompt).await.unwrap();
    assert_eq!(end.stop_reason, StopReason::EndTurn);
    let asked = client.seen().into_iter();
    let asked = asked.filter(|message| message["sessionUpdate"] == "permission");
    assert_eq!(asked.count(), 1);
    let made = std::fs::read_to_string(host.work().join("made.txt"));
    assert_eq!(made.unwrap().trim(), "made");
}

async fn opencode_resumes() {
    let model = ModelServer::start().await.unwrap();
    let mut host = opencode_host(&model);
    let session = Client::run(&host, Decision::Wait, async |client| {
        let session = client.new_session(&host, "opencode").await.unwrap();
        let session = session.session_id;
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
    let mut asked = model.requests().into_iter();
    let last = asked.rfind(|asked| asked.path == "/v1/messages");
    let last = last.unwrap().body.to_string();
    assert!(last.contains("[[text one]]"), "{last}");
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

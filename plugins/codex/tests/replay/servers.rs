//! The MCP servers of a session.

use hostler_codex::Codex;
use hostler_sdk::{McpServer, McpTransport, OpenParams, testing::Bench};
use serde_json::{Value, json};

use crate::stage::Stage;

fn servers() -> Vec<McpServer> {
    vec![
        McpServer {
            name: "hostler".into(),
            transport: McpTransport::Http {
                url: "http://127.0.0.1:1/mcp".into(),
                headers: vec![("Authorization".into(), "Bearer {{token:t}}".into())],
            },
        },
        McpServer {
            name: "my files".into(),
            transport: McpTransport::Stdio {
                command: "/bin/files".into(),
                args: vec!["--all".into()],
                env: vec![("A".into(), "b".into())],
            },
        },
    ]
}

fn opened(mut bench: Bench<Codex>, resume: Option<&[u8]>) -> Stage {
    let params = OpenParams {
        session: "s".into(),
        cwd: "/work".into(),
        additional_directories: Vec::new(),
        mcp_servers: servers(),
    };
    let effects = bench.open_with(params, resume);
    let mut stage = Stage::of(bench, effects);
    stage.initialize();
    stage
}

fn expected() -> Value {
    json!({
        "hostler": {"url": "http://127.0.0.1:1/mcp",
                    "http_headers": {"Authorization": "Bearer {{token:t}}"}},
        "my_files": {"command": "/bin/files", "args": ["--all"], "env": {"A": "b"}},
    })
}

#[test]
fn the_servers_of_a_session_are_those_of_its_thread() {
    let mut stage = opened(Bench::new(), None);
    let request = stage.written.pop_front().unwrap();
    assert_eq!(request["method"], "thread/start");
    assert_eq!(request["params"]["config"]["mcp_servers"], expected());
}

#[test]
fn a_thread_that_goes_on_gets_them_anew() {
    // The host's own server has another address and another token now.
    let saved = json!({"thread": "t", "kept": "yes", "settings": null}).to_string();
    let mut stage = opened(Bench::new(), Some(saved.as_bytes()));
    let request = stage.written.pop_front().unwrap();
    assert_eq!(request["method"], "thread/resume");
    assert_eq!(request["params"]["config"]["mcp_servers"], expected());
    // None of it is kept: handles are good for one process only.
    let saved = stage.bench.checkpoint().map(String::from_utf8_lossy);
    assert!(saved.is_none_or(|saved| !saved.contains("token")));
}

#[test]
fn a_server_that_is_in_the_config_file_too_is_named() {
    let mut stage = opened(Bench::new(), None);
    let id = stage.written.pop_front().unwrap()["id"].clone();
    let message = "failed to load configuration: url is not supported for stdio\n\
                   in `mcp_servers.hostler`\n";
    stage.feed(&json!({"id": id, "error": {"code": -32600, "message": message}}));
    let message = stage.failure().message;
    assert!(message.contains("rename one of them"), "{message}");
}

#[test]
fn the_model_can_write_plans_unless_told_otherwise() {
    let tools = |bench| {
        let mut stage = Stage::opened(bench, None);
        stage.initialize();
        stage.written[0]["params"]["config"]["tools"].clone()
    };
    assert_eq!(
        tools(Bench::new()),
        json!({"update_plan": {"enabled": true}})
    );
    assert_eq!(
        tools(Bench::new().config(json!({"plans": false}))),
        Value::Null
    );
}

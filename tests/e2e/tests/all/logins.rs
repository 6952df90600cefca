//! Logging in to the real Codex by a client of the host.

use std::{
    io::Write as _,
    process::{Output, Stdio},
};

use hostler_e2e::{Host, Peer};
use hostler_test_support::{built, trial};
use libtest_mimic::Trial;
use model_server::ModelServer;
use serde_json::{Value, json};

use crate::codex::{self, NEEDS};

/// Looks like one, and opens nothing.
const KEY: &str = "sk-typed-by-a-person-0123456789";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_key_makes_codex_ready_and_stands_nowhere", NEEDS, key),
        trial(
            "chatgpt_gives_an_address_and_can_be_cancelled",
            NEEDS,
            chatgpt,
        ),
    ]
}

/// One whose Codex wants an account of OpenAI.
async fn logged_out() -> (Host, ModelServer) {
    let codex::Setup { host, model } = codex::setup().await;
    let file = host.folder().join("home/.codex/config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let config = config.replace(
        "env_key = \"OPENAI_API_KEY\"",
        "requires_openai_auth = true",
    );
    std::fs::write(&file, config).unwrap();
    (host, model)
}

/// Codex as the host sees it, once it has looked.
fn agent(host: &Host) -> Value {
    loop {
        let list = host.json(&["agents", "--refresh"]);
        let agents = list["agents"].as_array().unwrap();
        let codex = agents.iter().find(|it| it["id"] == "codex").unwrap();
        if !matches!(codex["state"].as_str(), Some("loading" | "checking")) {
            return codex.clone();
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

fn log_in(host: &Host, stdin: &str) -> Output {
    let state = host.state();
    let mut login = host.command(built("hostler"));
    login
        .args(["login", "codex", "api-key", "--stdin", "--state-dir"])
        .arg(&state)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut login = login.spawn().unwrap();
    let mut input = login.stdin.take().unwrap();
    writeln!(input, "{stdin}").unwrap();
    drop(input);
    login.wait_with_output().unwrap()
}

async fn key() {
    let (mut host, model) = logged_out().await;
    let before = agent(&host);
    assert_eq!(before["state"], "not-logged-in", "{before}");
    let methods: Vec<_> = before["authMethods"].as_array().unwrap().iter().collect();
    assert_eq!(methods.len(), 3, "{before}");
    let mut peer = Peer::positioned(&host, "editor", &host.token()).await;
    let new = json!({ "cwd": host.work(), "mcpServers": [],
                      "_meta": { "hostler": { "harness": "codex" } } });
    let refused = peer.ask("session/new", &new).await;
    assert_eq!(refused["error"]["code"], -32000, "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("hostler login codex"), "{message}");

    let output = log_in(&host, KEY);
    assert!(output.status.success(), "{output:?}");
    let after = agent(&host);
    assert_eq!(after["state"], "ready", "{after}");
    // Whoever asked for it was told.
    let told = |message: &Value| {
        let agents = message["params"]["agents"].as_array().cloned();
        message["method"] == "_hostler/agents"
            && agents.is_some_and(|agents| {
                let codex = agents.iter().find(|it| it["id"] == "codex");
                codex.is_some_and(|codex| codex["ready"] == true)
            })
    };
    peer.wait_for(told).await;
    let made = peer.ask("session/new", &new).await;
    let session = made["result"]["sessionId"].clone();
    let prompt = json!({ "sessionId": session,
                         "prompt": [{ "type": "text", "text": "[[text it works]]" }] });
    let turn = peer.ask("session/prompt", &prompt).await;
    assert_eq!(turn["result"]["stopReason"], "end_turn", "{turn}");
    assert!(!model.requests().is_empty());
    let list = peer.ask("session/list", &json!({})).await;
    let sessions = list["result"]["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1, "{list}");

    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
    assert!(!host.log().contains(KEY), "it stands in the log");
    for file in std::fs::read_dir(host.state()).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            let key = KEY.as_bytes();
            let found = bytes.windows(key.len()).any(|window| window == key);
            assert!(!found, "it stands in {}", file.display());
        }
    }
}

/// Nobody can go through with it here: the address leads to OpenAI.
async fn chatgpt() {
    let (mut host, _model) = logged_out().await;
    let mut peer = Peer::connect(&host, "", &[]).await.unwrap();
    let hello = json!({
        "protocolVersion": 1, "clientCapabilities": { "elicitation": { "url": {} } },
    });
    peer.ask("initialize", &hello).await;
    for way in ["decline", "cancel"] {
        let login =
            json!({ "methodId": "chatgpt", "_meta": { "hostler": { "harness": "codex" } } });
        let id = peer.begin("authenticate", &login).await;
        let asked = peer
            .wait_for(|message| message["method"] == "elicitation/create")
            .await;
        let page = &asked["params"];
        assert_eq!(
            (&page["mode"], &page["requestId"]),
            (&json!("url"), &json!(id))
        );
        let url = page["url"].as_str().unwrap();
        assert!(url.starts_with("https://auth.openai.com/"), "{url}");
        let message = if way == "decline" {
            json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "action": "decline" } })
        } else {
            json!({ "jsonrpc": "2.0", "method": "$/cancel_request", "params": { "requestId": id } })
        };
        peer.text(&message.to_string()).await;
        let answer = peer.answer(id).await;
        assert!(answer.get("error").is_some(), "{answer}");
        assert_eq!(agent(&host)["state"], "not-logged-in");
    }
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

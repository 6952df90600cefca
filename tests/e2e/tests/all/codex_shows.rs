//! What of the real Codex reaches people, and what of theirs reaches it: images,
//! words for the running turn, MCP servers of the session, a model that is not
//! there, a configuration that is broken.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use agent_client_protocol::v1::schema::{ContentBlock, ImageContent, StopReason, TextContent};
use hostler_e2e::{Client, Decision, Host, Peer};
use hostler_test_support::{program, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::codex::{ECHO, MCP_NEEDS, NEEDS, Setup, setup, setup_with};

/// An MCP server over HTTP: its one tool says what it is told, and with which
/// `Authorization`. The first line that it prints is its port.
const WEB: &str = r#"
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args):
        pass
    def say(self, status, body=b""):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say(405)
    def do_DELETE(self):
        self.say(200)
    def do_POST(self):
        ask = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "id" not in ask:
            return self.say(202)
        params = ask.get("params", {})
        who = self.headers.get("authorization", "nobody")
        result = {
            "initialize": lambda: {
                "protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "web", "version": "1"}},
            "tools/list": lambda: {"tools": [{
                "name": "greet", "description": "Greet",
                "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}]},
            "tools/call": lambda: {"content": [
                {"type": "text", "text": params["arguments"]["name"] + " by " + who}]},
        }.get(ask["method"], dict)()
        self.say(200, json.dumps({"jsonrpc": "2.0", "id": ask["id"], "result": result}).encode())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// The smallest PNG.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("codex_passes_an_image_to_the_model", NEEDS, image),
        trial("codex_takes_words_for_the_running_turn", NEEDS, steer),
        trial(
            "codex_uses_the_mcp_servers_of_its_session",
            MCP_NEEDS,
            servers,
        ),
        trial(
            "codex_that_reaches_no_model_says_so_and_can_be_cancelled",
            NEEDS,
            unreachable,
        ),
        trial(
            "codex_with_a_broken_configuration_names_the_place",
            NEEDS,
            broken,
        ),
        trial("codex_takes_another_model_and_effort", NEEDS, model),
    ]
}

async fn image() {
    let Setup { host, model } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let prompt = vec![
            ContentBlock::Text(TextContent::new("[[text A pixel.]]")),
            ContentBlock::Image(ImageContent::new(PIXEL, "image/png")),
        ];
        let end = client.prompt_with(&session, prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let mut asked = model.requests().into_iter();
        assert!(asked.any(|request| request.body.to_string().contains("data:image/png;base64,")));
        let title = client
            .wait_for("a title", |m| m["title"] == "[[text A pixel.]]")
            .await;
        assert_eq!(title["sessionUpdate"], "session_info_update");
    })
    .await;
}

/// A session of Codex, of a client that knows the extension.
async fn session(peer: &mut Peer, host: &Host, servers: Value) -> String {
    let new = json!({
        "cwd": host.work(), "mcpServers": servers, "_meta": {"hostler": {"harness": "codex"}},
    });
    let answer = peer.ask("session/new", &new).await;
    let session = answer["result"]["sessionId"].as_str();
    session.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn text_of(messages: &[Value], kind: &str) -> String {
    let updates = messages.iter().map(|message| &message["params"]["update"]);
    let updates = updates.filter(|update| update["sessionUpdate"] == kind);
    updates
        .filter_map(|update| update["content"]["text"].as_str())
        .collect()
}

async fn steer() {
    let Setup { host, .. } = &setup().await;
    let mut peer = Peer::positioned(host, "one", &host.token()).await;
    let session = session(&mut peer, host, json!([])).await;
    let prompt = peer.begin_prompt(&session, "[[slow 500 20]]").await;
    let says =
        |message: &Value| message["params"]["update"]["sessionUpdate"] == "agent_message_chunk";
    peer.wait_for(says).await;
    let words = json!({
        "sessionId": session, "prompt": [{"type": "text", "text": "[[text steered]]"}],
    });
    let answer = peer.ask("_hostler/session/steer", &words).await;
    assert_eq!(answer["result"], json!({}), "{answer}");
    let end = peer.answer(prompt).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    assert!(text_of(&peer.early, "user_message_chunk").ends_with("[[text steered]]"));
    let said = text_of(&peer.early, "agent_message_chunk");
    assert!(said.ends_with("steered"), "{said}");
    let answer = peer.ask("_hostler/session/steer", &words).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

/// The server of [`WEB`]; ends with the test.
pub(crate) struct Web(Child);

impl Web {
    /// Starts it with its script in this folder; its port.
    pub(crate) fn start(folder: &Path) -> (Self, u16) {
        let script = folder.join("web.py");
        std::fs::write(&script, WEB).unwrap();
        let mut web = Command::new(program("python3").unwrap());
        let mut web = Self(web.arg(script).stdout(Stdio::piped()).spawn().unwrap());
        let mut port = String::new();
        let mut printed = BufReader::new(web.0.stdout.take().unwrap());
        printed.read_line(&mut port).unwrap();
        (web, port.trim().parse().unwrap())
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn servers() {
    let Setup { host, .. } = &setup_with("never", "danger-full-access").await;
    let (_web, port) = Web::start(host.folder());
    let python = program("python3").unwrap();
    let bearer = "Bearer of-good-news-1234";
    let servers = json!([
        {"name": "echo", "command": python, "args": [ECHO], "env": []},
        {"type": "http", "name": "the web", "url": format!("http://127.0.0.1:{port}/mcp"),
         "headers": [{"name": "Authorization", "value": bearer}]},
        {"name": "broken", "command": "/no/such/program", "args": [], "env": []},
    ]);
    let mut peer = Peer::positioned(host, "one", &host.token()).await;
    let session = session(&mut peer, host, servers).await;
    for (call, result) in [
        (r#"mcp__echo/echo {"text":"ping"}"#, "echo: ping".to_owned()),
        (
            r#"mcp__the_web/greet {"name":"Ann"}"#,
            format!("Ann by {bearer}"),
        ),
    ] {
        let prompt = peer
            .begin_prompt(&session, &format!("[[call {call}]]"))
            .await;
        let end = peer.answer(prompt).await;
        assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
        let done = peer
            .early
            .iter()
            .map(|message| &message["params"]["update"]);
        let done: Vec<_> = done
            .filter(|update| update["status"] == "completed")
            .collect();
        let shown = |update: &&Value| update["content"][0]["content"]["text"] == result;
        assert!(done.iter().any(shown), "{result}: {:#?}", peer.early);
    }
    let mut told = peer.early.iter().map(Value::to_string);
    assert!(told.any(|message| message.contains("The MCP server broken did not start")));
    // No header stands where every user of the machine can read it.
    let processes = host.processes();
    assert!(!processes.is_empty());
    assert!(processes.iter().all(|line| !line.contains("of-good-news")));
}

/// Replaces `from` in the config.toml of Codex.
fn configure(host: &Host, from: &str, to: &str) {
    let path = host.folder().join("home/.codex/config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    assert!(config.contains(from));
    std::fs::write(path, config.replace(from, to)).unwrap();
}

async fn unreachable() {
    let Setup { host, model } = &setup().await;
    // Port 9 is "discard", and nobody has it.
    configure(host, &model.url(), "http://127.0.0.1:9");
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        let prompt = client.prompt(&session, "[[text never]]");
        let cancel = async {
            let waits = |m: &Value| m.to_string().contains("Reconnecting");
            client.wait_for("a notice", waits).await;
            client.cancel(&session);
        };
        let (end, ()) = tokio::join!(prompt, cancel);
        assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
    })
    .await;
}

async fn broken() {
    let Setup { host, .. } = &setup().await;
    configure(host, "[analytics]", "[analytics");
    Client::run(host, Decision::Wait, async |client| {
        let error = client.new_session(host, "codex").await.unwrap_err();
        assert!(error.message.contains("config.toml:7:"), "{error}");
    })
    .await;
}

async fn model() {
    let Setup { host, model } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let new = client.new_session(host, "codex").await.unwrap();
        let options = serde_json::to_value(new.config_options).unwrap();
        let of = |id: &str| {
            let options = options.as_array().unwrap();
            let option = options.iter().find(|option| option["id"] == id).unwrap();
            let current = &option["currentValue"];
            let mut values = option["options"].as_array().unwrap().iter();
            let other = values.find(|option| option["value"] != *current).unwrap();
            other["value"].as_str().unwrap().to_owned()
        };
        let session = new.session_id;
        let chosen = of("model");
        client.choose(&session, "model", &chosen).await;
        client.choose(&session, "effort", "high").await;
        client.prompt(&session, "[[text one]]").await.unwrap();
        let mut asked = model.requests().into_iter();
        let asked = asked.rfind(|request| request.path == "/v1/responses");
        let body = asked.unwrap().body;
        assert_eq!(body["model"], chosen);
        assert_eq!(body["reasoning"]["effort"], "high");
        let error = client.try_choose(&session, "model", "gpt-0").await;
        assert!(error.unwrap_err().message.contains(&chosen));
    })
    .await;
}

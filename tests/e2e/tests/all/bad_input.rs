//! What clients and operators get wrong: each gets a stable code and a sentence,
//! and everything else goes on. The same rules have finer tests beside the code;
//! here they are seen from outside the built binary.

use hostler_e2e::{Host, Peer, peer::Refusal};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

/// These ask for a host only, not for a session.
const HOST: &[Need] = &[Need::Built("hostler")];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "an_unknown_method_is_named_in_the_error",
            NEEDS,
            unknown_method,
        ),
        trial("bad_params_are_told_what_is_wrong", NEEDS, bad_params),
        trial("text_that_is_not_json_is_answered", NEEDS, bad_json),
        trial("a_batch_is_refused_as_a_whole", NEEDS, batch),
        trial("a_binary_frame_is_ignored", NEEDS, binary_frame),
        trial(
            "an_oversized_message_ends_its_connection_and_no_session",
            NEEDS,
            oversized,
        ),
        trial("a_wrong_token_is_refused", NEEDS, wrong_token),
        trial("a_connection_without_a_token_is_refused", NEEDS, no_token),
        trial("a_foreign_origin_is_refused", NEEDS, foreign_origin),
        trial("a_foreign_host_is_refused", NEEDS, foreign_host),
        trial("an_unknown_session_is_named", NEEDS, unknown_session),
        trial("a_cwd_outside_the_roots_is_refused", NEEDS, cwd_outside),
        trial(
            "prompts_while_a_turn_runs_are_answered_in_order",
            NEEDS,
            prompts_in_a_row,
        ),
        trial("an_unknown_harness_is_named", NEEDS, unknown_harness),
        trial(
            "an_unknown_key_of_the_config_is_shown_with_its_line_and_the_nearest_key",
            HOST,
            unknown_key,
        ),
        trial(
            "a_second_host_on_a_state_directory_is_told_of_the_first",
            NEEDS,
            second_host,
        ),
    ]
}

/// A host with two clients that have a session each. The first one misbehaves.
struct Scene {
    peer: Peer,
    session: String,
    other: Peer,
    others: String,
    /// Last, because a host that stops waits for its connections.
    host: Host,
}

impl Scene {
    async fn start() -> Self {
        let host = Host::scripted();
        let (mut peer, mut other) = (Peer::start(&host).await, Peer::start(&host).await);
        Self {
            session: peer.session(&host).await,
            others: other.session(&host).await,
            host,
            peer,
            other,
        }
    }

    /// One request of the first client that must be refused.
    async fn refused(&mut self, method: &str, params: &Value, fault: (i32, &str, &str)) {
        let answer = self.peer.ask(method, params).await;
        is_fault(&answer, fault);
    }

    /// Both connections and both sessions are as good as before.
    async fn goes_on(mut self) {
        turn(&mut self.peer, &self.session).await;
        turn(&mut self.other, &self.others).await;
    }
}

async fn turn(peer: &mut Peer, session: &str) {
    peer.early.clear();
    let id = peer.begin_prompt(session, "say undisturbed").await;
    let answer = peer.answer(id).await;
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    let said = said(&peer.early);
    assert!(said.ends_with("undisturbed"), "{said}");
}

/// The agent's words, joined.
fn said(messages: &[Value]) -> String {
    messages
        .iter()
        .map(|message| &message["params"]["update"])
        .filter(|update| update["sessionUpdate"] == "agent_message_chunk")
        .filter_map(|update| update["content"]["text"].as_str())
        .collect()
}

/// Number, stable name, and what the sentence must have in it.
fn is_fault(answer: &Value, (number, name, sentence): (i32, &str, &str)) {
    let error = &answer["error"];
    assert_eq!(
        (&error["code"], &error["data"]["code"]),
        (&json!(number), &json!(name)),
        "{answer}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(sentence), "{message}");
}

async fn unknown_method() {
    let mut scene = Scene::start().await;
    for method in ["session/explode", "_vendor/thing"] {
        let fault = (-32601, "UNKNOWN_METHOD", method);
        scene.refused(method, &json!({}), fault).await;
    }
    scene.goes_on().await;
}

async fn bad_params() {
    let mut scene = Scene::start().await;
    let session = scene.session.clone();
    let prompt = |blocks: Value| json!({ "sessionId": session, "prompt": blocks });
    for (method, params, sentence) in [
        ("session/new", json!([]), "must be an object"),
        ("session/new", json!({ "mcpServers": [] }), "`cwd`"),
        ("session/new", json!({ "cwd": 5 }), "invalid type"),
        ("session/prompt", json!({ "prompt": [] }), "`sessionId`"),
        ("session/prompt", prompt(json!([])), "at least one"),
        ("session/prompt", prompt(json!("hi")), "array of content"),
    ] {
        let fault = (-32602, "BAD_PARAMS", sentence);
        scene.refused(method, &params, fault).await;
    }
    scene.goes_on().await;
}

async fn bad_json() {
    let mut scene = Scene::start().await;
    for (text, fault) in [
        ("{\"jsonrpc\":", (-32700, "PARSE_ERROR", "JSON")),
        ("hello", (-32700, "PARSE_ERROR", "JSON")),
        ("{\"id\":1}", (-32600, "INVALID_MESSAGE", "jsonrpc")),
    ] {
        scene.peer.text(text).await;
        let answer = scene.peer.next().await;
        is_fault(&answer, fault);
    }
    scene.goes_on().await;
}

async fn batch() {
    let mut scene = Scene::start().await;
    let close = json!({ "sessionId": scene.session });
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "session/close", "params": close });
    scene.peer.text(&json!([request]).to_string()).await;
    let answer = scene.peer.next().await;
    assert_eq!(answer["id"], Value::Null, "one answer, to none of them");
    is_fault(&answer, (-32600, "BATCH_UNSUPPORTED", "batch"));
    // Nothing of it was done, or this session would be closed.
    scene.goes_on().await;
}

async fn binary_frame() {
    let mut scene = Scene::start().await;
    let close = json!({ "sessionId": scene.session });
    let request = json!({ "jsonrpc": "2.0", "id": 7, "method": "session/close", "params": close });
    scene.peer.binary(request.to_string().as_bytes()).await;
    scene.peer.binary(&[0xff; 3]).await;
    let list = scene.peer.ask("session/list", &json!({})).await;
    assert_eq!(list["result"]["sessions"].as_array().unwrap().len(), 2);
    assert!(!scene.peer.early.iter().any(|message| message["id"] == 7));
    scene.goes_on().await;
}

async fn oversized() {
    let mut scene = Scene::start().await;
    let close = scene
        .peer
        .text_until_closed(&"x".repeat(16 * 1024 * 1024 + 1))
        .await;
    assert_eq!(u16::from(close.code), 1009);
    assert!(close.reason.contains("at most 16 MiB"), "{}", close.reason);
    scene.peer = Peer::start(&scene.host).await;
    let params = json!({ "sessionId": scene.session, "cwd": scene.host.work(), "mcpServers": [] });
    let loaded = scene.peer.ask("session/load", &params).await;
    assert!(loaded.get("result").is_some(), "{loaded}");
    scene.goes_on().await;
}

/// The connection is refused so, and the others go on.
async fn refused_at_the_door(cases: &[(&'static str, &str)], status: u16, code: &str, says: &str) {
    let scene = Scene::start().await;
    for header in cases {
        let Err(refusal) = Peer::connect(&scene.host, "", &[*header]).await else {
            panic!("{header:?} was let in");
        };
        is_refusal(&refusal, status, code, says);
    }
    scene.goes_on().await;
}

fn is_refusal(refusal: &Refusal, status: u16, code: &str, says: &str) {
    assert_eq!((refusal.status, refusal.code.as_str()), (status, code));
    assert!(refusal.message.contains(says), "{}", refusal.message);
}

async fn wrong_token() {
    let wrong = ("authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    refused_at_the_door(&[wrong], 401, "UNAUTHENTICATED", "not valid here").await;
}

async fn no_token() {
    let none = [("authorization", ""), ("authorization", "Basic aGk6aGk=")];
    refused_at_the_door(&none, 401, "UNAUTHENTICATED", "a token is needed").await;
}

async fn foreign_origin() {
    let origins = [
        ("origin", "https://evil.example.com"),
        ("origin", "https://localhost.evil.example.com"),
        ("origin", "null"),
    ];
    refused_at_the_door(&origins, 403, "UNKNOWN_ORIGIN", "`[server] hosts`").await;
}

async fn foreign_host() {
    let hosts = [
        ("host", "evil.example.com"),
        ("host", "127.0.0.1.evil.example.com:80"),
    ];
    refused_at_the_door(&hosts, 421, "UNKNOWN_HOST", "`[server] hosts`").await;
}

async fn unknown_session() {
    let mut scene = Scene::start().await;
    let none = "0b7e62a4-24b1-4d0e-8f1c-5d4c6f0c9a11";
    let prompt = json!([{ "type": "text", "text": "hi" }]);
    for (method, params) in [
        (
            "session/prompt",
            json!({ "sessionId": none, "prompt": prompt }),
        ),
        (
            "session/load",
            json!({ "sessionId": none, "cwd": scene.host.work(), "mcpServers": [] }),
        ),
        (
            "session/set_mode",
            json!({ "sessionId": none, "modeId": "x" }),
        ),
        ("session/close", json!({ "sessionId": none })),
    ] {
        let fault = (-32002, "UNKNOWN_SESSION", none);
        scene.refused(method, &params, fault).await;
    }
    scene.goes_on().await;
}

async fn cwd_outside() {
    let mut scene = Scene::start().await;
    let work = scene.host.work();
    let (link, file) = (work.join("link"), work.join("file"));
    std::os::unix::fs::symlink("/", &link).unwrap();
    std::fs::write(&file, "").unwrap();
    for (cwd, says) in [
        (json!("/"), "outside the workspace roots"),
        (json!(scene.host.state()), "outside the workspace roots"),
        (json!(work.join("..")), "outside the workspace roots"),
        (json!(link), "outside the workspace roots"),
        (json!(file), "not a directory"),
        (json!(work.join("missing")), "does not exist"),
        (json!("relative"), "absolute path"),
    ] {
        let new = json!({ "cwd": cwd, "mcpServers": [] });
        let fault = (-32602, "CWD_OUTSIDE_ROOTS", says);
        scene.refused("session/new", &new, fault).await;
    }
    scene.goes_on().await;
}

async fn prompts_in_a_row() {
    let mut scene = Scene::start().await;
    let Scene {
        host,
        peer,
        session,
        other,
        ..
    } = &mut scene;
    let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    other.ask("session/load", &load).await;

    // The turn stands still until its permission is answered.
    let file = host.work().join("made.txt");
    let script = format!("say one; edit {} made", file.display());
    let first = peer.begin_prompt(session, &script).await;
    let ask = |message: &Value| message["method"] == "session/request_permission";
    let asked = peer.wait_for(ask).await;
    let second = peer.begin_prompt(session, "say two").await;
    let third = peer.begin_prompt(session, "fail on purpose").await;
    let fourth = peer.begin_prompt(session, "say four").await;
    // An answer to this one shows that the host has read the others.
    peer.ask("session/list", &json!({})).await;
    let elsewhere = other.begin_prompt(session, "say five").await;
    other.ask("session/list", &json!({})).await;

    let option = asked["params"]["options"].as_array().unwrap();
    let option = option.iter().find(|option| option["kind"] == "allow_once");
    let outcome = json!({ "outcome": "selected", "optionId": option.unwrap()["optionId"] });
    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "outcome": outcome } });
    peer.text(&answer.to_string()).await;

    let mut ends = Vec::new();
    for _ in 0..4 {
        let end = |message: &Value| message["id"].is_u64() && message.get("method").is_none();
        let end = peer.wait_for(end).await;
        ends.push((end["id"].clone(), end["result"]["stopReason"].clone()));
        if end["id"] == third {
            is_fault(&end, (-32603, "HARNESS_FAILED", "on purpose"));
        }
    }
    let ended = json!("end_turn");
    let expected = [
        (json!(first), ended.clone()),
        (json!(second), ended.clone()),
        (json!(third), Value::Null),
        (json!(fourth), ended.clone()),
    ];
    assert_eq!(ends, expected);
    assert_eq!(other.answer(elsewhere).await["result"]["stopReason"], ended);
    let heard = said(&other.early);
    let places = ["one", "two", "four", "five"].map(|word| heard.find(word).unwrap());
    assert!(places.is_sorted(), "{heard}");
    scene.goes_on().await;
}

async fn unknown_harness() {
    let mut scene = Scene::start().await;
    let meta = json!({ "hostler": { "harness": "no-such" } });
    let new = json!({ "cwd": scene.host.work(), "mcpServers": [], "_meta": meta });
    let fault = (-32602, "UNKNOWN_HARNESS", "\"no-such\"");
    scene.refused("session/new", &new, fault).await;
    let refusal = Peer::connect(&scene.host, "?harness=no-such", &[]).await;
    let says = "this host has: claude-code, scripted";
    is_refusal(&refusal.unwrap_err(), 400, "UNKNOWN_HARNESS", says);
    scene.goes_on().await;
}

async fn unknown_key() {
    let host = Host::start("[workspace]\nroots = [\"$WORK\"]\n", &[]);
    let file = host.folder().join("misspelt.toml");
    std::fs::write(&file, "[plugins.claude-code.limits]\nmemory = 64\n").unwrap();
    let (file, state) = (file.to_str().unwrap(), host.folder().join("unused"));
    let args = [
        "serve",
        "--config",
        file,
        "--state-dir",
        state.to_str().unwrap(),
    ];
    let output = host.run(&args);
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8(output.stderr).unwrap();
    let place = format!("{file}:2: unknown field `memory`");
    assert!(says.contains(&place), "{says}");
    assert!(says.contains("did you mean `memory_mib`?"), "{says}");
    assert!(!state.exists(), "it was looked at before anything was made");
    Peer::start(&host).await;
}

async fn second_host() {
    let scene = Scene::start().await;
    let state = scene.host.state();
    let token = scene.host.token();
    let args = ["serve", "--listen", "127.0.0.1:0", "--state-dir"];
    let output = scene
        .host
        .run(&[&args[..], &[state.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let says = String::from_utf8(output.stderr).unwrap();
    for part in [
        state.to_str().unwrap(),
        &format!("http://{}", scene.host.address()),
        "--state-dir",
    ] {
        assert!(says.contains(part), "{part} is not in: {says}");
    }
    assert_eq!(scene.host.token(), token);
    let host_file = std::fs::read_to_string(state.join("host.json")).unwrap();
    assert!(host_file.contains(scene.host.address()), "{host_file}");
    scene.goes_on().await;
}

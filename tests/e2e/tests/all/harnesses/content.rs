//! What beside text goes into a session: pictures, files, MCP servers, words of
//! others while a turn runs.

use base64::{Engine, prelude::BASE64_STANDARD};
use hostler_test_support::program;
use serde_json::{Value, json};

use super::{
    editor::Via,
    pair::Pair,
    turn::{ALLOW, Answer, Turn, notice},
};
use crate::{codex::ECHO, decopilot::said};

/// One red pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// What the server over HTTP is to be told in a header.
const BEARER: &str = "Bearer of-good-news";

pub(super) async fn image(pair: &mut Pair) -> String {
    let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    sent(pair, "A picture.", image, PIXEL, "image").await
}

pub(super) async fn resource(pair: &mut Pair) -> String {
    let text = "Remember the milk.";
    let resource = json!({ "type": "resource", "resource": {
        "uri": "file:///notes.txt", "mimeType": "text/plain", "text": text,
    }});
    sent(pair, "A file.", resource, text, "embeddedContext").await
}

/// Whether what came with a prompt is in what was sent on.
async fn sent(pair: &mut Pair, words: &str, block: Value, data: &str, ability: &str) -> String {
    let can = &pair.hello["agentCapabilities"]["promptCapabilities"][ability];
    assert_eq!(can, true, "{}", pair.hello);
    let prompt = format!("{words} [[text I see.]]");
    let turn = pair
        .turn_with(&json!([block, { "type": "text", "text": prompt }]))
        .await;
    if turn.stopped() != "end_turn" || turn.said() != "I see." {
        turn.odd("I see.");
    }
    let asked = pair.stage.asked(words);
    let body = asked.last().expect("the prompt was sent").1.to_string();
    if body.contains(data) {
        return "yes".into();
    }
    let encoded = body.contains(&BASE64_STANDARD.encode(data));
    assert!(encoded, "{data} is not in {body}");
    "yes, as a file".into()
}

/// The MCP servers of a session: one that it starts, one that is reached over HTTP.
pub(super) fn servers(port: u16) -> Value {
    json!([
        { "name": "echo", "command": program("python3").unwrap(), "args": [ECHO], "env": [] },
        { "type": "http", "name": "web", "url": format!("http://127.0.0.1:{port}/mcp"),
          "headers": [{ "name": "Authorization", "value": BEARER }] },
    ])
}

pub(super) async fn stdio(pair: &mut Pair) -> String {
    let prompt = r#"[[mcp echo/echo {"text":"ping"}]]"#;
    uses(pair, "echo", prompt, "echo: ping").await
}

pub(super) async fn http(pair: &mut Pair) -> String {
    let prompt = r#"[[mcp web/greet {"name":"Ann"}]]"#;
    uses(pair, "web", prompt, &format!("Ann by {BEARER}")).await
}

async fn uses(pair: &mut Pair, server: &str, prompt: &str, answer: &str) -> String {
    let turn = pair.turn(prompt, ALLOW).await;
    let brought = Value::from(turn.calls()).to_string();
    if brought.contains(answer) {
        if !turn.calls_are("completed") {
            turn.odd("a call that is completed");
        }
        return "yes".into();
    }
    let mut notices = pair.updates.iter().filter_map(notice);
    if notices.any(|words| words.contains("not used") && words.contains(server)) {
        return "no, and a notice says so".into();
    }
    turn.odd(answer)
}

pub(super) async fn queued(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[slow 30 20]]", Answer::Unasked).await;
    pair.until(&mut turn, |turn| !turn.said().is_empty()).await;
    let next = pair
        .begin_at_phone("session/prompt", "[[text And then this.]]")
        .await;
    let first = pair.finish(turn).await;
    if first.said() != crate::decopilot::words(30) {
        first.odd("the first turn alone");
    }
    let mut second = Turn::default();
    let end = pair.answer_at_phone(&mut second, next).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    // acpx prints what comes while it runs, and that is for turns of its own.
    let here = pair.via() == Via::WebSocket;
    let heard = |turn: &Turn| {
        let at_phone = said(first.at_phone.iter().chain(&turn.at_phone));
        at_phone.ends_with("And then this.") && (!here || turn.said() == "And then this.")
    };
    pair.until(&mut second, heard).await;
    "yes".into()
}

pub(super) async fn steered(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[slow 100 20]]", Answer::Unasked).await;
    pair.until(&mut turn, |turn| !turn.said().is_empty()).await;
    let words = pair
        .begin_at_phone("_hostler/session/steer", "[[text Steered.]]")
        .await;
    let answer = pair.answer_at_phone(&mut turn, words).await;
    let turn = pair.finish(turn).await;
    let taken = turn.said().ends_with("Steered.");
    match (answer["error"]["code"].as_i64(), taken) {
        (None, true) => "yes".into(),
        (Some(-32601), false) => "no, they have to wait".into(),
        _ => turn.odd(&format!("words that are taken or not, after {answer}")),
    }
}

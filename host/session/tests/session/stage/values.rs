//! Words of the protocol.

use hostler_auth::{Identity, Principal};
use hostler_replay::Position;
use hostler_session::{Answer, Prompt};
use hostler_wire::{Id, RawValue};
use serde_json::{Value, json};

pub(crate) fn owner() -> Principal {
    Principal::local()
}

/// Its bearer.
pub(crate) fn caller() -> Identity {
    Identity::local()
}

pub(crate) fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

pub(crate) fn prompt(json: &str) -> Prompt {
    Prompt::new(serde_json::from_str(json).unwrap()).unwrap()
}

pub(crate) fn said(text: &str) -> Value {
    json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } })
}

pub(crate) fn end_turn() -> Value {
    json!({ "stopReason": "end_turn" })
}

pub(crate) fn cancelled() -> Answer {
    Ok(json!({ "stopReason": "cancelled" }).to_string())
}

pub(crate) fn permission() -> Value {
    json!({
        "toolCall": { "toolCallId": "t1" },
        "options": [
            { "optionId": "yes", "name": "Yes", "kind": "allow_once" },
            { "optionId": "no", "name": "No", "kind": "reject_once" },
        ],
    })
}

pub(crate) fn selected(option: &str) -> Value {
    json!({ "outcome": { "outcome": "selected", "optionId": option } })
}

/// The number of a permission request's id.
pub(crate) fn number(ask: &Value) -> u64 {
    let id = Id::string(ask["id"].as_str().unwrap());
    hostler_session::parse_ask_id(&id).unwrap().1
}

/// The bearer of another token, which may do all but administrate.
pub(crate) fn somebody(name: &str) -> Identity {
    Identity {
        principal: Principal::new(name),
        ..Identity::local()
    }
}

/// Where a frame stands, if it stands anywhere.
pub(crate) fn place(frame: &Value) -> Option<Position> {
    let meta = frame["params"]["_meta"].get("hostler")?;
    at(meta)
}

/// `{epoch, seq}`.
pub(crate) fn at(value: &Value) -> Option<Position> {
    Some(Position {
        epoch: value["epoch"].as_u64()?,
        seq: value["seq"].as_u64()?,
    })
}

/// What became of the request for a permission, for those who show it.
pub(crate) fn taken_back(ask: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": "$/cancel_request", "params": { "requestId": ask["id"] } })
}

/// The updates of the history among frames, with their places.
pub(crate) fn placed(frames: &[Value]) -> Vec<(Position, Value)> {
    let frames = frames.iter();
    frames
        .filter_map(|frame| Some((place(frame)?, frame["params"]["update"].clone())))
        .collect()
}

/// The texts of the chunks among frames.
pub(crate) fn texts(frames: &[Value]) -> Vec<String> {
    let updates = frames.iter().map(|frame| &frame["params"]["update"]);
    let texts = updates.filter_map(|update| update["content"]["text"].as_str());
    texts.map(str::to_owned).collect()
}

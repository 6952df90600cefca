//! What a body of `POST …/messages` must look like.

use serde_json::Value;

/// Members that the service takes; any other is refused.
const MEMBERS: [&str; 11] = [
    "messages",
    "agent",
    "tier",
    "temperature",
    "thread_id",
    "memory",
    "branch",
    "toolApprovalLevel",
    "mode",
    "sandboxProviderKind",
    "harnessId",
];

const TIERS: [&str; 3] = ["fast", "smart", "thinking"];
const LEVELS: [&str; 2] = ["auto", "readonly"];
const MODES: [&str; 4] = ["default", "plan", "web-search", "gen-image"];

/// A body that is in order.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    /// The one message that is no system message.
    pub(crate) message: Value,
    /// Tools that change something are asked about first.
    pub(crate) careful: bool,
}

/// # Errors
/// What is wrong, in a sentence.
pub(crate) fn read(body: &Value, thread: &str) -> Result<Posted, String> {
    let members = body.as_object().ok_or("the body is not a JSON object")?;
    if let Some(other) = members
        .keys()
        .find(|name| !MEMBERS.contains(&name.as_str()))
    {
        return Err(format!("Unrecognized key: \"{other}\""));
    }
    let messages = body["messages"]
        .as_array()
        .ok_or("messages: expected array")?;
    messages.iter().try_for_each(message)?;
    let mut own = messages
        .iter()
        .filter(|message| message["role"] != "system");
    let (Some(message), None) = (own.next(), own.next()) else {
        return Err("Expected exactly one non-system message".into());
    };
    if !body["agent"]["id"].is_string() {
        return Err("agent.id: expected string".into());
    }
    one_of(body, "tier", &TIERS)?;
    one_of(body, "toolApprovalLevel", &LEVELS)?;
    one_of(body, "mode", &MODES)?;
    if !matches!(body["temperature"], Value::Null | Value::Number(_)) {
        return Err("temperature: expected number".into());
    }
    if !body["thread_id"].is_null() && body["thread_id"] != thread {
        return Err("thread_id must equal the thread of the URL".into());
    }
    Ok(Posted {
        message: message.clone(),
        careful: body["toolApprovalLevel"] == "readonly",
    })
}

fn one_of(body: &Value, name: &str, known: &[&str]) -> Result<(), String> {
    match &body[name] {
        Value::Null => Ok(()),
        Value::String(value) if known.contains(&value.as_str()) => Ok(()),
        other => Err(format!(
            "{name}: {other} is not one of {}",
            known.join(", ")
        )),
    }
}

fn message(message: &Value) -> Result<(), String> {
    if !matches!(
        message["role"].as_str(),
        Some("user" | "assistant" | "system")
    ) {
        return Err("messages: a role is user, assistant or system".into());
    }
    if !matches!(message["id"], Value::Null | Value::String(_)) {
        return Err("messages: an id is a string".into());
    }
    let parts = message["parts"]
        .as_array()
        .ok_or("messages: parts: expected array")?;
    parts.iter().try_for_each(part)
}

fn part(part: &Value) -> Result<(), String> {
    let kind = part["type"].as_str().ok_or("parts: each has a type")?;
    let strings: &[&str] = match kind {
        "text" | "reasoning" => &["text"],
        "file" => &["url", "mediaType"],
        "dynamic-tool" => &["toolName", "toolCallId", "state"],
        kind if kind.starts_with("tool-") => &["toolCallId", "state"],
        _ => &[],
    };
    match strings.iter().find(|name| !part[**name].is_string()) {
        Some(name) => Err(format!("parts: {kind}: {name}: expected string")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        let message = json!({"id": "u", "role": "user", "parts": [{"type": "text", "text": "x"}]});
        json!({"messages": [message], "agent": {"id": "a"}})
    }

    #[test]
    fn a_good_body_is_taken() {
        let mut body = good();
        assert!(!read(&body, "t").unwrap().careful);
        body["toolApprovalLevel"] = "readonly".into();
        assert!(read(&body, "t").unwrap().careful);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (member, value, says) in [
            ("extra", json!(1), "extra"),
            ("messages", json!([]), "exactly one"),
            ("messages", json!([{"role": "boss", "parts": []}]), "role"),
            (
                "messages",
                json!([{"role": "user", "parts": [{"type": "file"}]}]),
                "url",
            ),
            ("agent", json!({}), "agent.id"),
            ("tier", json!("huge"), "tier"),
            ("temperature", json!("hot"), "temperature"),
            ("thread_id", json!("other"), "thread_id"),
            ("mode", json!("dream"), "mode"),
        ] {
            let mut body = good();
            body[member] = value;
            let error = read(&body, "t").unwrap_err();
            assert!(error.contains(says), "{member}: {error}");
        }
    }
}

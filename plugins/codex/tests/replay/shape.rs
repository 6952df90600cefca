//! What ACP says of a value, and values in few words.

use agent_client_protocol_schema::v1 as acp;
use serde_json::{Value, json};

/// What a client sends to get this input.
pub(crate) fn block(input: &Value) -> Value {
    match input["type"].as_str().unwrap() {
        "text" => json!({"type": "text", "text": input["text"]}),
        "image" => {
            let url = input["url"].as_str().unwrap();
            let (kind, data) = url
                .strip_prefix("data:")
                .unwrap()
                .split_once(";base64,")
                .unwrap();
            json!({"type": "image", "mimeType": kind, "data": data})
        }
        other => panic!("no block gives {other}"),
    }
}

/// An update in a short line.
pub(crate) fn brief(update: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let kind = text(&update["sessionUpdate"]);
    let id = text(&update["toolCallId"]);
    match kind.as_str() {
        "agent_message_chunk" => text(&update["content"]["text"]),
        "agent_thought_chunk" => format!("thinks {}", text(&update["content"]["text"])),
        "tool_call" => format!(
            "{id} new: {} ({})",
            text(&update["title"]),
            text(&update["kind"])
        ),
        "tool_call_update" if update["status"].is_string() => {
            format!("{id} {}", text(&update["status"]))
        }
        "tool_call_update" => format!("{id}: {}", text(&update["title"])),
        "user_message_chunk" => format!("user: {}", text(&update["content"]["text"])),
        "session_info_update" => format!("title: {}", text(&update["title"])),
        "plan" => {
            let entries = update["entries"].as_array().unwrap().iter();
            let entry =
                |entry: &Value| format!("{} ({})", text(&entry["content"]), text(&entry["status"]));
            format!(
                "plan: {}",
                entries.map(entry).collect::<Vec<_>>().join(", ")
            )
        }
        "usage_update" => format!("usage {} of {}", update["used"], update["size"]),
        "notice" => format!("{}: {}", text(&update["severity"]), text(&update["title"])),
        "current_mode_update" => format!("mode {}", text(&update["currentModeId"])),
        "config_option_update" => {
            let options = update["configOptions"].as_array().unwrap().iter();
            let values = options.map(|option| text(&option["currentValue"]));
            format!("options {}", values.collect::<Vec<_>>().join(" "))
        }
        other => other.to_owned(),
    }
}

/// The text is what the schema has, no more and no less.
#[track_caller]
pub(crate) fn check<T>(value: &Value)
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    let typed: T = serde_json::from_value(value.clone())
        .unwrap_or_else(|error| panic!("not as in the schema ({error}): {value}"));
    assert_eq!(serde_json::to_value(typed).unwrap(), *value);
}

pub(crate) fn check_update(update: &Value) {
    check::<acp::SessionUpdate>(update);
}

pub(crate) fn check_ask(params: &Value) {
    let mut params = params.clone();
    params["sessionId"] = "s".into();
    check::<acp::RequestPermissionRequest>(&params);
}

//! What goes to the clients: as short lines, and compared with ACP's schema.

use agent_client_protocol_schema::v1 as acp;
use serde_json::Value;

/// The tool calls that these updates leave open.
pub(crate) fn open_calls(updates: &[Value]) -> Vec<&str> {
    let mut open: Vec<&str> = Vec::new();
    for update in updates {
        let Some(id) = update["toolCallId"].as_str() else {
            continue;
        };
        open.retain(|known| *known != id);
        if !matches!(update["status"].as_str(), Some("completed" | "failed")) {
            open.push(id);
        }
    }
    open
}

/// An update as one short line.
pub(crate) fn brief(update: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let kind = text(&update["sessionUpdate"]);
    let id = text(&update["toolCallId"]);
    let status = &update["status"];
    match kind.as_str() {
        "agent_message_chunk" | "agent_thought_chunk" => format!(
            "{}{}: {}",
            if kind == "agent_thought_chunk" {
                "thinks "
            } else {
                ""
            },
            text(&update["messageId"]),
            text(&update["content"]["text"])
        ),
        "tool_call" => format!(
            "{id} new: {} ({})",
            text(&update["title"]),
            text(&update["kind"])
        ),
        "tool_call_update" if status.is_string() => format!("{id} {}", text(status)),
        "tool_call_update" => format!("{id}: {}", text(&update["title"])),
        "usage_update" => {
            let cost = update["cost"]["amount"].as_f64();
            let cost = cost.map(|cost| format!(" for ${cost:.4}"));
            let cost = cost.unwrap_or_default();
            format!("usage {} of {}{cost}", update["used"], update["size"])
        }
        "notice" => format!("{}: {}", text(&update["severity"]), text(&update["title"])),
        "plan" => {
            let entries = update["entries"].as_array().unwrap().iter();
            let entry =
                |entry: &Value| format!("{} ({})", text(&entry["content"]), text(&entry["status"]));
            format!(
                "plan: {}",
                entries.map(entry).collect::<Vec<_>>().join(", ")
            )
        }
        "session_info_update" => format!("title: {}", text(&update["title"])),
        "available_commands_update" => {
            let commands = update["availableCommands"].as_array().unwrap();
            format!("{} commands", commands.len())
        }
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

//! The published schema as a judge.
//!
//! Its types forgive: a field that they cannot read becomes its default. So a
//! message is read and written again, and nothing of it may be missing then.

use agent_client_protocol_schema::v1 as acp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Fails for a message that the schema does not know in full. `answers` is the
/// method of the request that it answers, if it is an answer.
pub(crate) fn check(message: &Value, answers: Option<&str>) {
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    if message["method"].is_string() {
        return request(message);
    }
    if message.get("error").is_some() {
        return kept::<acp::Error>(&message["error"]);
    }
    let result = &message["result"];
    match answers {
        Some("initialize") => kept::<acp::InitializeResponse>(result),
        Some("authenticate") => kept::<acp::AuthenticateResponse>(result),
        Some("session/new") => kept::<acp::NewSessionResponse>(result),
        Some("session/prompt") => kept::<acp::PromptResponse>(result),
        Some("session/set_mode") => kept::<acp::SetSessionModeResponse>(result),
        Some("session/set_config_option") => kept::<acp::SetSessionConfigOptionResponse>(result),
        Some("session/close") => kept::<acp::CloseSessionResponse>(result),
        other => panic!("an answer to {other:?}: {message}"),
    }
}

fn request(message: &Value) {
    let params = &message["params"];
    let method = message["method"].as_str().unwrap();
    assert_eq!(
        message.get("id").is_none(),
        method == "session/update",
        "{message}"
    );
    match method {
        "session/update" => kept::<acp::SessionNotification>(params),
        "session/request_permission" => kept::<acp::RequestPermissionRequest>(params),
        "fs/read_text_file" => kept::<acp::ReadTextFileRequest>(params),
        "fs/write_text_file" => kept::<acp::WriteTextFileRequest>(params),
        "terminal/create" => kept::<acp::CreateTerminalRequest>(params),
        "terminal/output" => kept::<acp::TerminalOutputRequest>(params),
        "terminal/wait_for_exit" => kept::<acp::WaitForTerminalExitRequest>(params),
        "terminal/kill" => kept::<acp::KillTerminalRequest>(params),
        "terminal/release" => kept::<acp::ReleaseTerminalRequest>(params),
        other => panic!("no method of a client: {other}"),
    }
}

fn kept<T: DeserializeOwned + Serialize>(value: &Value) {
    let read: T =
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    let written = serde_json::to_value(&read).unwrap();
    if let Some(lost) = lost(value, &written) {
        panic!("the schema does not know {lost} of {value}");
    }
}

/// Where `written` lacks something of `value`, except for defaults that the
/// schema leaves out.
fn lost(value: &Value, written: &Value) -> Option<String> {
    match (value, written) {
        (Value::Object(fields), Value::Object(kept)) => fields.iter().find_map(|(name, field)| {
            let default =
                field.is_null() || field == "pending" || field == &Value::Array(Vec::new());
            match kept.get(name) {
                Some(kept) => lost(field, kept).map(|rest| format!("{name}.{rest}")),
                None => (!default).then(|| name.clone()),
            }
        }),
        (Value::Array(items), Value::Array(kept)) if items.len() == kept.len() => items
            .iter()
            .zip(kept)
            .find_map(|(item, kept)| lost(item, kept)),
        _ => (value != written).then(|| value.to_string()),
    }
}

#[test]
fn what_the_schema_drops_is_noticed() {
    use serde_json::json;
    let judge = |update: Value| {
        let params = json!({"sessionId": "s", "update": update});
        let message = json!({"jsonrpc": "2.0", "method": "session/update", "params": params});
        std::panic::catch_unwind(|| check(&message, None))
    };
    let call = |status: &str| json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": status});
    judge(call("failed")).unwrap();
    judge(call("broken")).unwrap_err();
    judge(json!({"sessionUpdate": "invented"})).unwrap_err();
}

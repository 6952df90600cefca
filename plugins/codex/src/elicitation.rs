//! `mcpServer/elicitation/request`: Codex asks before a tool of an MCP server
//! runs, or the server itself wants to know something.

use hostler_sdk::acp::{self, PermissionOptionKind as Kind};
use hostler_sdk::text::{fenced, one_line};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    calls::Calls,
    items::text,
    requests::{Choice, Form},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Elicitation {
    server_name: String,
    #[serde(default)]
    mode: String,
    #[serde(default, rename = "_meta")]
    meta: Value,
    #[serde(default, alias = "title")]
    message: String,
    url: Option<String>,
    #[serde(default)]
    requested_schema: Value,
}

fn accept(content: &Value, meta: Value) -> Value {
    json!({"action": "accept", "content": content, "_meta": meta})
}

fn action(action: &str) -> Value {
    json!({"action": action, "content": null, "_meta": null})
}

pub(crate) fn form(params: &str, calls: &Calls) -> serde_json::Result<Form> {
    let ask: Elicitation = serde_json::from_str(params)?;
    let tool = ask.meta["tool_name"].as_str();
    let approval = ask.meta["codex_approval_kind"] == "mcp_tool_call";
    let open = tool.and_then(|tool| calls.of_mcp(&ask.server_name, tool));
    let known = open.as_deref().and_then(|id| calls.view(id));
    let fillable = matches!(ask.mode.as_str(), "" | "form");
    let options = match ask.mode.as_str() {
        _ if approval => approvals(&ask.meta),
        // Such as a proof of who answers.
        _ if !fillable && ask.mode != "url" => Vec::new(),
        "url" => vec![
            Choice::new(
                "done",
                "It is done",
                Kind::AllowOnce,
                accept(&json!({}), Value::Null),
            ),
            Choice::new(
                "reject_once",
                "Decline",
                Kind::RejectOnce,
                action("decline"),
            ),
        ],
        _ => fields_of(&ask.requested_schema),
    };
    let mut content = vec![text(&ask.message)];
    content.extend(ask.url.as_deref().map(text));
    if approval {
        let params = &ask.meta["tool_params"];
        content.push(text(fenced("json", &format!("{params:#}"))));
    }
    let title = match tool {
        Some(tool) if approval => one_line(&format!("{}: {tool}", ask.server_name)),
        _ => one_line(&format!("{} asks: {}", ask.server_name, ask.message)),
    };
    let fields = known.map_or_else(acp::ToolCallUpdateFields::new, |view| view.fields());
    let fields = fields
        .status(acp::ToolCallStatus::Pending)
        .title(title)
        .content(content);
    // There is one elicitation of a server at a time.
    let id = open
        .clone()
        .unwrap_or_else(|| format!("elicitation/{}", ask.server_name));
    let (server, message) = (one_line(&ask.server_name), one_line(&ask.message));
    let words = (options.is_empty() && fillable).then(|| {
        json!({
            "mode": "form", "message": format!("{server} asks: {}", ask.message),
            "requestedSchema": ask.requested_schema,
        })
    });
    let unaskable = options.is_empty().then(|| match fillable {
        true => format!(
            "The MCP server {server} asked for an answer in words, which no client here takes, \
             and was declined: {message}"
        ),
        false => format!(
            "The MCP server {server} asked in a way that is not known here ({}), and was \
             declined: {message}",
            one_line(&ask.mode)
        ),
    });
    Ok(Form {
        call: acp::ToolCallUpdate::new(id, fields),
        options,
        words,
        cancelled: action("cancel"),
        unasked: action("decline"),
        announce: open.is_none(),
        unaskable,
        questions: None,
    })
}

/// Whether a tool may run; `persist` says for how long that can be remembered.
fn approvals(meta: &Value) -> Vec<Choice> {
    let yes = |persist: Option<&str>| {
        let meta = persist.map_or(Value::Null, |persist| json!({"persist": persist}));
        accept(&json!({}), meta)
    };
    let offers = |what: &str| match &meta["persist"] {
        Value::Array(offered) => offered.iter().any(|offered| offered == what),
        offered => offered == what,
    };
    let mut options = vec![Choice::new(
        "allow_once",
        "Allow",
        Kind::AllowOnce,
        yes(None),
    )];
    if offers("session") {
        let name = "Allow this tool for this session";
        options.push(Choice::new(
            "allow_session",
            name,
            Kind::AllowAlways,
            yes(Some("session")),
        ));
    }
    if offers("always") {
        let name = "Always allow this tool";
        options.push(Choice::new(
            "allow_always",
            name,
            Kind::AllowAlways,
            yes(Some("always")),
        ));
    }
    options.push(Choice::new(
        "reject_once",
        "Reject",
        Kind::RejectOnce,
        action("decline"),
    ));
    options.push(Choice::new(
        "stop",
        "Reject and stop",
        Kind::RejectOnce,
        action("cancel"),
    ));
    options
}

/// What Codex gets for a form that somebody filled in, and whether they accepted it.
pub(crate) fn filled_in(answer: &str) -> Option<(Value, bool)> {
    #[derive(Deserialize)]
    struct Answer {
        action: String,
        #[serde(default)]
        content: Value,
    }
    let answer: Answer = serde_json::from_str(answer).ok()?;
    match answer.action.as_str() {
        "accept" => Some((accept(&answer.content, Value::Null), true)),
        other @ ("decline" | "cancel") => Some((action(other), false)),
        _ => None,
    }
}

/// A form without fields is a yes or no, one with a single choice has its
/// values as options; others need words.
fn fields_of(schema: &Value) -> Vec<Choice> {
    let decline = Choice::new(
        "reject_once",
        "Decline",
        Kind::RejectOnce,
        action("decline"),
    );
    let properties: Vec<_> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .collect();
    let values: Vec<(Value, String)> = match properties.as_slice() {
        [] => {
            let yes = Choice::new(
                "accept",
                "Accept",
                Kind::AllowOnce,
                accept(&json!({}), Value::Null),
            );
            return vec![yes, decline];
        }
        [(_, field)] if field["type"] == "boolean" => {
            vec![(json!(true), "Yes".into()), (json!(false), "No".into())]
        }
        [(_, field)] => {
            let named = field["oneOf"].as_array().into_iter().flatten();
            let named = named.map(|value| (value["const"].clone(), label(&value["title"])));
            let plain = field["enum"].as_array().into_iter().flatten();
            named
                .chain(plain.map(|value| (value.clone(), label(value))))
                .collect()
        }
        _ => Vec::new(),
    };
    let Some((name, _)) = properties.first().filter(|_| !values.is_empty()) else {
        return Vec::new();
    };
    let values = values.into_iter().enumerate();
    let options = values.map(|(index, (value, label))| {
        let answer = accept(&json!({name.as_str(): value}), Value::Null);
        Choice::new(format!("option_{index}"), label, Kind::AllowOnce, answer)
    });
    options.chain([decline]).collect()
}

fn label(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(schema: &Value) -> Vec<(String, Value)> {
        let options = fields_of(schema).into_iter();
        options
            .map(|choice| (choice.name, choice.answer["content"].clone()))
            .collect()
    }

    #[test]
    fn a_single_choice_becomes_options() {
        let schema = json!({"type": "object", "properties": {"size": {"type": "string", "enum": ["S", "L"]}}});
        assert_eq!(
            options(&schema),
            [
                ("S".into(), json!({"size": "S"})),
                ("L".into(), json!({"size": "L"})),
                ("Decline".into(), Value::Null),
            ]
        );
    }

    #[test]
    fn a_form_that_needs_words_has_no_options() {
        let schema = json!({"properties": {"name": {"type": "string"}}});
        assert_eq!(options(&schema), []);
        let schema = json!({"properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}});
        assert_eq!(options(&schema), []);
    }
}

//! Items that are neither commands nor file changes: MCP, the web, sub-agents.

use std::collections::BTreeMap;

use hostler_sdk::acp;
use hostler_sdk::text::{fenced, one_line, relative};
use serde::{Deserialize, de::Error as _};
use serde_json::{Value, json};

use crate::items::{View, text};

/// The members that say something to a person; each kind has a few.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tool {
    server: Option<String>,
    namespace: Option<String>,
    tool: Option<String>,
    arguments: Value,
    result: Value,
    error: Value,
    query: Option<String>,
    action: Value,
    path: Option<String>,
    prompt: Option<String>,
    /// Of `subAgentActivity`.
    kind: String,
    agent_path: String,
    model: Option<String>,
    agents_states: BTreeMap<String, AgentState>,
    /// Of what a review found.
    review: String,
}

#[derive(Debug, Default, Deserialize)]
struct AgentState {
    message: Option<String>,
}

/// # Errors
/// When the kind is not known: the whole item is to be shown.
pub(crate) fn show(view: &mut View, kind: &str, item: &str, cwd: &str) -> serde_json::Result<()> {
    let tool: Tool = serde_json::from_str(item)?;
    match kind {
        "mcpToolCall" => mcp(view, tool),
        "webSearch" => web(view, &tool),
        "imageView" => {
            let path = tool.path.unwrap_or_default();
            view.kind = acp::ToolKind::Read;
            view.title = one_line(&format!("View {}", relative(&path, cwd)));
            view.locations = vec![acp::ToolCallLocation::new(path)];
        }
        "contextCompaction" => {
            view.kind = acp::ToolKind::Think;
            view.title = "Compact the conversation".into();
        }
        "collabAgentToolCall" => {
            view.kind = acp::ToolKind::Think;
            let name = tool.tool.unwrap_or_default();
            let prompt = tool.prompt.unwrap_or_default();
            view.title = one_line(format!("Agent: {name} {prompt}").trim_end());
            view.content
                .extend((!prompt.is_empty()).then(|| text(prompt)));
            let said = tool.agents_states.into_values();
            view.content
                .extend(said.filter_map(|agent| agent.message).map(text));
        }
        "subAgentActivity" => {
            view.kind = acp::ToolKind::Think;
            let name = tool.agent_path.rsplit('/').next().unwrap_or_default();
            view.title = one_line(&match tool.kind.as_str() {
                "started" => format!("Agent {name}: begins"),
                "completed" => format!("Agent {name}: is done"),
                "interrupted" => format!("Agent {name}: is stopped"),
                "interacted" => format!("Agent {name}: is told more"),
                other => format!("Agent {name}: {other}"),
            });
            view.raw_input = Some(json!({"agent": tool.agent_path, "model": tool.model}));
        }
        "enteredReviewMode" => {
            view.kind = acp::ToolKind::Think;
            view.title = one_line(&format!("Review {}", tool.review));
        }
        "exitedReviewMode" => {
            view.kind = acp::ToolKind::Think;
            view.title = "The review is done".into();
        }
        "sleep" => view.title = "Wait".into(),
        "dynamicToolCall" => {
            let names = [tool.namespace, tool.tool].into_iter().flatten();
            view.title = one_line(&names.collect::<Vec<_>>().join(": "));
            view.raw_input = Some(tool.arguments);
        }
        other => return Err(serde_json::Error::custom(format!("unknown kind {other}"))),
    }
    Ok(())
}

fn mcp(view: &mut View, tool: Tool) {
    let (server, name) = (
        tool.server.unwrap_or_default(),
        tool.tool.unwrap_or_default(),
    );
    view.title = one_line(&format!("{server}: {name}"));
    view.raw_input = Some(json!({"server": server, "tool": name, "arguments": tool.arguments}));
    if let Some(error) = tool.error["message"].as_str() {
        view.content.push(text(fenced("", error)));
        view.has_output = true;
    }
    if tool.result.is_null() {
        return;
    }
    let blocks = tool.result["content"].as_array().into_iter().flatten();
    view.content.extend(blocks.map(|block| {
        // The content blocks of MCP are those of ACP.
        match serde_json::from_value::<acp::ContentBlock>(block.clone()) {
            Ok(block) => acp::ToolCallContent::Content(acp::Content::new(block)),
            Err(_) => text(fenced("json", &block.to_string())),
        }
    }));
    view.has_output = true;
    let structured = &tool.result["structuredContent"];
    view.raw_output = (!structured.is_null()).then(|| structured.clone());
}

fn web(view: &mut View, tool: &Tool) {
    view.kind = acp::ToolKind::Fetch;
    let action = &tool.action;
    let words = match (action["type"].as_str(), action["url"].as_str()) {
        (Some("findInPage"), Some(url)) => {
            let pattern = action["pattern"].as_str().unwrap_or_default();
            format!("Find {pattern} in {url}")
        }
        (_, Some(url)) => format!("Open {url}"),
        _ => {
            let query = tool.query.as_deref().or(action["query"].as_str());
            format!("Search the web: {}", query.unwrap_or_default())
        }
    };
    view.title = one_line(&words);
    view.raw_input = Some(json!({"query": tool.query, "action": action}));
}

#[cfg(test)]
mod tests {
    use hostler_sdk::acp;
    use serde_json::json;

    use super::text;
    use crate::items::tests::view;

    #[test]
    fn a_call_of_an_mcp_tool_shows_what_it_brought() {
        let view = view(
            &json!({"type": "mcpToolCall", "id": "i", "status": "completed",
            "server": "db", "tool": "query", "arguments": {"a": 1},
            "result": {"content": [{"type": "text", "text": "one"}, {"type": "odd"}]}}),
        );
        assert_eq!(view.title, "db: query");
        assert_eq!(
            view.content,
            [text("one"), text("```json\n{\"type\":\"odd\"}\n```")]
        );
    }

    #[test]
    fn a_failed_call_of_an_mcp_tool_shows_why() {
        let view = view(
            &json!({"type": "mcpToolCall", "id": "i", "status": "failed",
            "server": "db", "tool": "query", "arguments": null,
            "result": null, "error": {"message": "no such table"}}),
        );
        assert_eq!(view.status, acp::ToolCallStatus::Failed);
        assert_eq!(view.content, [text("```\nno such table\n```")]);
    }

    #[test]
    fn the_web_is_named_by_what_is_done_there() {
        for (action, title) in [
            (json!(null), "Search the web: rust"),
            (
                json!({"type": "openPage", "url": "http://x/"}),
                "Open http://x/",
            ),
            (
                json!({"type": "findInPage", "url": "http://x/", "pattern": "a"}),
                "Find a in http://x/",
            ),
        ] {
            let view =
                view(&json!({"type": "webSearch", "id": "i", "query": "rust", "action": action}));
            assert_eq!(view.title, title);
        }
    }
}

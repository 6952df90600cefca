//! Parts of messages as lines of text.

use agent_client_protocol_schema::v1::{
    ContentBlock, PlanEntry, PlanEntryStatus, ToolCall, ToolCallContent,
};

use super::{diff::short_diff, text::one_line};

/// Longest title of a tool call, in characters: two lines of a terminal.
const TITLE_CHARS: usize = 160;

/// A tool call in one line.
pub(crate) fn title(call: &ToolCall) -> String {
    title_of(call, TITLE_CHARS)
}

/// The same with at most `max` characters.
pub(crate) fn title_of(call: &ToolCall, max: usize) -> String {
    let title = one_line(&call.title, max);
    if title.is_empty() {
        return one_line(&format!("tool call {}", call.tool_call_id), max);
    }
    title
}

/// The diffs of a tool call, each below the path of its file.
pub(crate) fn diff_lines(call: &ToolCall, max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for content in &call.content {
        if let ToolCallContent::Diff(diff) = content {
            lines.push(one_line(&diff.path.to_string_lossy(), TITLE_CHARS));
            let old = diff.old_text.as_deref().unwrap_or_default();
            let changes = short_diff(old, &diff.new_text, max);
            if changes.is_empty() {
                lines.push("  (no change)".to_owned());
            }
            lines.extend(changes);
        }
    }
    lines
}

/// Why a tool call failed: the beginning of its first text, without the fences
/// that agents put around what a program printed.
pub(crate) fn reason(call: &ToolCall) -> Option<String> {
    let text = call.content.iter().find_map(|content| match content {
        ToolCallContent::Content(content) => match &content.content {
            ContentBlock::Text(text) => Some(text.text.as_str()),
            _ => None,
        },
        _ => None,
    })?;
    let lines = text.lines().filter(|line| !line.starts_with("```"));
    let reason = one_line(&lines.collect::<Vec<_>>().join(" "), TITLE_CHARS);
    (!reason.is_empty()).then_some(reason)
}

/// A content block as text.
pub(crate) fn content(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(_) => "[image]".to_owned(),
        ContentBlock::Audio(_) => "[audio]".to_owned(),
        ContentBlock::ResourceLink(link) => format!("[{}]", link.uri),
        _ => "[resource]".to_owned(),
    }
}

/// A step of a plan with its state.
pub(crate) fn plan_line(entry: &PlanEntry) -> String {
    let mark = match entry.status {
        PlanEntryStatus::Completed => "[x]",
        PlanEntryStatus::InProgress => "[>]",
        _ => "[ ]",
    };
    format!("{mark} {}", one_line(&entry.content, TITLE_CHARS))
}

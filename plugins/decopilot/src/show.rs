//! A part of the message to what people see of it: only what is new.

use hostler_sdk::{Result, acp, client};
use serde_json::Value;

use crate::{
    content,
    message::Message,
    part::{CALLED, Kind, Part},
    seen::Seen,
    tools::View,
};

/// The tool whose calls are plans.
const TODO: &str = "todo_write";

/// Shows what is new of a part. `base` is the service's address.
pub(crate) fn show(message: &Message, part: &Part, seen: &mut Seen, base: &str) -> Result {
    let before = seen.of(part.kind, part.ordinal);
    if part.progress <= before {
        return Ok(());
    }
    match part.kind {
        Kind::Text | Kind::Thought => text(message, part, before, seen),
        Kind::Tool => {
            seen.advance(part.kind, part.ordinal, part.progress);
            call(part, before)
        }
        Kind::Other => {
            seen.close(part.kind, part.ordinal);
            match content::attachment(&part.json, base) {
                Some(block) => said(message, part, block),
                None => Ok(()),
            }
        }
    }
}

/// A text goes on, or is whole.
fn text(message: &Message, part: &Part, before: u32, seen: &mut Seen) -> Result {
    let text = part.text("text");
    let from = usize::try_from(before).unwrap_or(usize::MAX);
    let new = text.get(from..).unwrap_or_default();
    seen.advance(part.kind, part.ordinal, part.progress);
    match new {
        "" => Ok(()),
        new => said(
            message,
            part,
            acp::ContentBlock::Text(acp::TextContent::new(new)),
        ),
    }
}

fn said(message: &Message, part: &Part, block: acp::ContentBlock) -> Result {
    let id = message.id.as_deref().unwrap_or("message");
    let (mark, ordinal) = (
        if part.kind == Kind::Other { "+" } else { "" },
        part.ordinal,
    );
    let chunk = acp::ContentChunk::new(block)
        .message_id(acp::MessageId::new(format!("{id}/{mark}{ordinal}")));
    client::update(&match part.kind {
        Kind::Thought => acp::SessionUpdate::AgentThoughtChunk(chunk),
        _ => acp::SessionUpdate::AgentMessageChunk(chunk),
    })
}

fn call(part: &Part, before: u32) -> Result {
    if part.tool() == TODO {
        let is_news = before < CALLED && part.progress >= CALLED;
        return match is_news {
            true => plan(&part.json["input"]),
            false => Ok(()),
        };
    }
    let id = part.text("toolCallId");
    let view = View::new(part);
    if part.tool().is_empty() {
        // Its beginning was in another message.
        let mut update = view.update(id);
        update.fields.title = None;
        update.fields.kind = None;
        return client::update(&acp::SessionUpdate::ToolCallUpdate(update));
    }
    client::update(&match before {
        0 => acp::SessionUpdate::ToolCall(view.call(id)),
        _ => acp::SessionUpdate::ToolCallUpdate(view.update(id)),
    })
}

/// The whole list, which replaces the one before.
fn plan(input: &Value) -> Result {
    let todos = input["todos"].as_array().into_iter().flatten();
    let entries = todos.map(|todo| {
        let status = match todo["status"].as_str().unwrap_or_default() {
            "completed" => acp::PlanEntryStatus::Completed,
            "in_progress" => acp::PlanEntryStatus::InProgress,
            _ => acp::PlanEntryStatus::Pending,
        };
        let content = todo["content"].as_str().unwrap_or_default();
        acp::PlanEntry::new(content, acp::PlanEntryPriority::Medium, status)
    });
    client::update(&acp::SessionUpdate::Plan(acp::Plan::new(entries.collect())))
}

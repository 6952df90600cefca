//! What a tool call looks like after it has run.

use hostler_sdk::acp;
use hostler_sdk::text::fenced;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::tools::{kind, text};

/// The update that ends a call of `tool`. `output` is what the model was told:
/// a string or an array of blocks. `own` is the tool's own result, read for
/// what an edit changed.
pub(crate) fn fields(
    tool: &str,
    failed: bool,
    output: Option<&RawValue>,
    own: Option<&RawValue>,
) -> acp::ToolCallUpdateFields {
    let mut fields = acp::ToolCallUpdateFields::new()
        .status(if failed {
            acp::ToolCallStatus::Failed
        } else {
            acp::ToolCallStatus::Completed
        })
        .raw_output(output.and_then(|output| serde_json::from_str(output.get()).ok()));
    if !failed && kind(tool) == acp::ToolKind::Edit {
        // Without a patch the preview stays: it is the change.
        if let Some(changes) = own.and_then(changes) {
            fields = fields.content(changes.diffs).locations(changes.locations);
        }
        return fields;
    }
    fields.content(output.map(|output| shown(tool, failed, output)))
}

fn shown(tool: &str, failed: bool, output: &RawValue) -> Vec<acp::ToolCallContent> {
    let verbatim = failed
        || matches!(
            kind(tool),
            acp::ToolKind::Execute | acp::ToolKind::Read | acp::ToolKind::Search
        );
    let words = |words: &str| {
        if verbatim {
            text(fenced("", words))
        } else {
            text(words)
        }
    };
    if let Ok(output) = serde_json::from_str::<String>(output.get()) {
        return vec![words(&output)];
    }
    let blocks: Vec<Block> = serde_json::from_str(output.get()).unwrap_or_default();
    let blocks = blocks.into_iter();
    let content = blocks.filter_map(|block| match (block.text, block.source) {
        (Some(output), _) => Some(words(&output)),
        (None, Some(image)) => {
            let image = acp::ImageContent::new(image.data?, image.media_type?);
            let content = acp::Content::new(acp::ContentBlock::Image(image));
            Some(acp::ToolCallContent::Content(content))
        }
        (None, None) => None,
    });
    content.collect()
}

/// A text or an image of the Messages API.
#[derive(Debug, Deserialize)]
struct Block {
    text: Option<String>,
    source: Option<Source>,
}

#[derive(Debug, Deserialize)]
struct Source {
    media_type: Option<String>,
    data: Option<String>,
}

struct Changes {
    diffs: Vec<acp::ToolCallContent>,
    locations: Vec<acp::ToolCallLocation>,
}

/// One diff for each hunk that an edit changed, with its surroundings. None for
/// a new file and for results without a patch.
fn changes(own: &RawValue) -> Option<Changes> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Own {
        file_path: String,
        structured_patch: Vec<Hunk>,
    }
    let own: Own = serde_json::from_str(own.get()).ok()?;
    if own.structured_patch.is_empty() {
        return None;
    }
    let path = own.file_path.as_str();
    let hunks = own.structured_patch.iter();
    let (diffs, locations) = hunks
        .map(|hunk| {
            let diff = acp::Diff::new(path, hunk.side('+')).old_text(hunk.side('-'));
            let place = acp::ToolCallLocation::new(path).line(hunk.new_start);
            (acp::ToolCallContent::Diff(diff), place)
        })
        .unzip();
    Some(Changes { diffs, locations })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hunk {
    /// Counted from 1.
    new_start: u32,
    /// Each with ` `, `-`, `+` or `\` in front, and without its line end.
    lines: Vec<String>,
}

impl Hunk {
    /// The text of one side: common lines and those marked with `mark`.
    fn side(&self, mark: char) -> String {
        let mut side = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            if let Some(line) = line.strip_prefix([' ', mark]) {
                side.push_str(line);
                // `\ No newline at end of file` is about the line before it.
                let next = self.lines.get(index + 1);
                if !next.is_some_and(|next| next.starts_with('\\')) {
                    side.push('\n');
                }
            }
        }
        side
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn raw(value: &Value) -> Box<RawValue> {
        RawValue::from_string(value.to_string()).unwrap()
    }

    fn update(tool: &str, failed: bool, output: &Value, own: &Value) -> Value {
        let fields = fields(tool, failed, Some(&raw(output)), Some(&raw(own)));
        serde_json::to_value(fields).unwrap()
    }

    #[test]
    fn each_hunk_of_an_edit_is_a_diff_at_its_line() {
        let own = json!({"filePath": "/w/a", "structuredPatch": [
            {"newStart": 1, "lines": [" a", "-b", "+B"]},
            {"newStart": 9, "lines": ["-x", "\\ No newline at end of file", "+y"]},
        ]});
        let update = update("Edit", false, &json!("updated"), &own);
        assert_eq!(
            update["content"],
            json!([
                {"type": "diff", "path": "/w/a", "oldText": "a\nb\n", "newText": "a\nB\n"},
                {"type": "diff", "path": "/w/a", "oldText": "x", "newText": "y\n"},
            ])
        );
        assert_eq!(
            update["locations"],
            json!([{"path": "/w/a", "line": 1}, {"path": "/w/a", "line": 9}])
        );
    }

    #[test]
    fn an_edit_without_a_patch_keeps_its_preview() {
        let update = update(
            "Write",
            false,
            &json!("created"),
            &json!({"type": "create"}),
        );
        assert_eq!(
            update,
            json!({"status": "completed", "rawOutput": "created"})
        );
    }

    #[test]
    fn a_failed_edit_shows_why() {
        let update = update("Edit", true, &json!("no such text"), &json!("Error"));
        assert_eq!(update["status"], "failed");
        assert_eq!(
            update["content"][0]["content"]["text"],
            "```\nno such text\n```"
        );
    }

    #[test]
    fn images_in_a_result_are_shown_and_unknown_blocks_are_left_out() {
        let output = json!([
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iV"}},
            {"type": "tool_reference", "tool_name": "x"},
            {"type": "text", "text": "**done**"},
        ]);
        let update = update("mcp__x__y", false, &output, &json!(null));
        assert_eq!(
            update["content"],
            json!([
                {"type": "content", "content":
                    {"type": "image", "mimeType": "image/png", "data": "iV"}},
                {"type": "content", "content": {"type": "text", "text": "**done**"}},
            ])
        );
    }
}

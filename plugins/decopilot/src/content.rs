//! Outputs of tools, files and sources as ACP content.

use hostler_sdk::{acp, text::fenced};
use serde_json::Value;

/// The most of an output that is shown as text, in bytes: more nobody reads.
const MAX_TEXT: usize = 32 << 10;

/// A text as the content of a tool call.
pub(crate) fn text(text: impl Into<String>) -> acp::ToolCallContent {
    let block = acp::ContentBlock::Text(acp::TextContent::new(text));
    acp::ToolCallContent::Content(acp::Content::new(block))
}

/// What a tool brought, and whether it says itself that it failed.
pub(crate) fn output(output: &Value) -> (Vec<acp::ToolCallContent>, bool) {
    if let Some(blocks) = output["content"].as_array() {
        // As tools of the Model Context Protocol answer.
        return (
            blocks.iter().map(block).collect(),
            output["isError"] == true,
        );
    }
    if output["stdout"].is_string() || output["stderr"].is_string() {
        let words = |member: &str| output[member].as_str().unwrap_or_default();
        let mut shown = [words("stdout"), words("stderr")].concat();
        let code = output["exitCode"].as_i64();
        if let Some(code) = code.filter(|code| *code != 0) {
            shown.push_str(&format!("\n(exit code {code})"));
        }
        let failed = code.is_some_and(|code| code != 0);
        return (shown_text(shown.trim()), failed);
    }
    let words = match output {
        Value::String(words) => words.clone(),
        Value::Object(members) if members.len() == 1 => match members.values().next() {
            Some(Value::String(words)) => words.clone(),
            // `{"ok": true}` says nothing that its status does not.
            Some(Value::Bool(_)) => String::new(),
            _ => pretty(output),
        },
        other => pretty(other),
    };
    (shown_text(&words), false)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn shown_text(words: &str) -> Vec<acp::ToolCallContent> {
    let cut = words.floor_char_boundary(MAX_TEXT);
    let shown = words.get(..cut).unwrap_or_default();
    match shown {
        "" => Vec::new(),
        shown if cut < words.len() => vec![text(fenced("", &format!("{shown}\n…")))],
        shown => vec![text(fenced("", shown))],
    }
}

/// A block of a tool of the Model Context Protocol.
fn block(block: &Value) -> acp::ToolCallContent {
    let read = serde_json::from_value::<acp::ContentBlock>(block.clone());
    let block = read.unwrap_or_else(|_| {
        acp::ContentBlock::Text(acp::TextContent::new(fenced("json", &pretty(block))))
    });
    acp::ToolCallContent::Content(acp::Content::new(block))
}

/// A file or a source as a block of the conversation. `base` is where addresses
/// without a host are.
pub(crate) fn attachment(part: &Value, base: &str) -> Option<acp::ContentBlock> {
    let words = |member: &str| part[member].as_str().unwrap_or_default();
    let named = [words("title"), words("filename")];
    let name = named.into_iter().find(|name| !name.is_empty());
    match words("type") {
        "source-url" => {
            let url = words("url");
            let link = acp::ResourceLink::new(name.unwrap_or(url), url);
            Some(acp::ContentBlock::ResourceLink(link))
        }
        "source-document" => {
            let words = format!("\n\nSource: {}\n", name.unwrap_or("a document"));
            Some(acp::ContentBlock::Text(acp::TextContent::new(words)))
        }
        "file" => Some(file(words("url"), words("mediaType"), name, base)),
        _ => None,
    }
}

fn file(url: &str, media_type: &str, name: Option<&str>, base: &str) -> acp::ContentBlock {
    let inline = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((_, data)) if media_type.starts_with("image/") => {
            acp::ContentBlock::Image(acp::ImageContent::new(data, media_type))
        }
        Some((_, data)) => {
            let uri = format!("attachment:{}", name.unwrap_or("file"));
            let blob = acp::BlobResourceContents::new(data, uri).mime_type(media_type.to_owned());
            let resource = acp::EmbeddedResourceResource::BlobResourceContents(blob);
            acp::ContentBlock::Resource(acp::EmbeddedResource::new(resource))
        }
        None => {
            let url = match url.strip_prefix('/') {
                Some(path) => format!("{base}/{path}"),
                None => url.to_owned(),
            };
            let last = url.rsplit('/').next().unwrap_or_default().to_owned();
            let link = acp::ResourceLink::new(name.map_or(last, ToOwned::to_owned), url);
            acp::ContentBlock::ResourceLink(link.mime_type(media_type.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: Value) -> (String, bool) {
        let (content, failed) = output(&value);
        (serde_json::to_string(&content).unwrap(), failed)
    }

    #[test]
    fn a_command_shows_what_it_printed_and_fails_by_its_code() {
        let (words, failed) = shown(json!({"stdout": "a", "stderr": "b", "exitCode": 2}));
        assert!(words.contains("ab\\n(exit code 2)"), "{words}");
        assert!(failed);
        assert_eq!(
            shown(json!({"stdout": "", "stderr": "", "exitCode": 0})),
            ("[]".into(), false)
        );
    }

    #[test]
    fn a_tool_of_the_model_context_protocol_shows_its_blocks() {
        let (words, failed) = shown(json!({"isError": true, "content": [
            {"type": "text", "text": "no such table"},
            {"type": "image", "data": "iVBO", "mimeType": "image/png"},
            {"type": "hologram", "x": 1},
        ]}));
        assert!(failed);
        for part in ["no such table", "iVBO", "hologram"] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn other_outputs_are_shown_as_they_are_and_no_longer_than_people_read() {
        assert!(shown(json!("words")).0.contains("words"));
        assert!(shown(json!({"text": "one"})).0.contains("one"));
        assert_eq!(shown(json!({"ok": true})).0, "[]");
        assert!(shown(json!({"a": 1, "b": [2]})).0.contains("\\\"a\\\": 1"));
        assert!(shown(json!("é".repeat(MAX_TEXT))).0.len() < MAX_TEXT + 200);
    }

    #[test]
    fn files_and_sources_become_blocks() {
        let block = |part: Value| {
            let block = attachment(&part, "https://deco.example").unwrap();
            serde_json::to_value(block).unwrap()
        };
        let image =
            json!({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,iVBO"});
        assert_eq!(
            block(image),
            json!({"type": "image", "mimeType": "image/png", "data": "iVBO"})
        );
        let file = json!({"type": "file", "mediaType": "text/csv", "url": "/files/a.csv"});
        assert_eq!(block(file)["uri"], "https://deco.example/files/a.csv");
        let pdf = json!({"type": "file", "mediaType": "application/pdf", "url": "data:application/pdf;base64,AA"});
        assert_eq!(block(pdf)["resource"]["blob"], "AA");
        let source = json!({"type": "source-url", "url": "https://a.example", "title": "A"});
        assert_eq!(block(source)["name"], "A");
        let document = json!({"type": "source-document", "title": "Handbook", "mediaType": "x"});
        assert_eq!(block(document)["text"], "\n\nSource: Handbook\n");
    }
}

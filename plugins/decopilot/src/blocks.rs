//! The user's prompt: ACP content blocks to the parts of a UI message.

use hostler_sdk::{Failure, acp};
use serde_json::{Value, json};

/// The largest prompt, in bytes: a request holds 32 MiB.
const MAX_PROMPT: usize = 24 << 20;

/// The blocks of a prompt, in order. Images and files are data URLs; a link stays
/// a link.
///
/// # Errors
/// `-32602` for sound, for a prompt without any block, and for one that is too
/// large.
pub(crate) fn parts(blocks: Vec<acp::ContentBlock>) -> Result<Vec<Value>, Failure> {
    if blocks.is_empty() {
        return Err(Failure::invalid_params("the prompt is empty"));
    }
    let parts: Vec<Value> = blocks.into_iter().map(part).collect::<Result<_, _>>()?;
    let size: usize = parts.iter().map(size).sum();
    match size > MAX_PROMPT {
        true => Err(Failure::invalid_params(format!(
            "the prompt has {size} bytes; Decopilot is sent at most {MAX_PROMPT}"
        ))),
        false => Ok(parts),
    }
}

fn size(part: &Value) -> usize {
    let texts = ["text", "url"]
        .into_iter()
        .filter_map(|member| part[member].as_str());
    texts.map(str::len).sum()
}

fn part(block: acp::ContentBlock) -> Result<Value, Failure> {
    match block {
        acp::ContentBlock::Text(text) => Ok(json!({"type": "text", "text": text.text})),
        acp::ContentBlock::Image(image) => Ok(file(&image.mime_type, &image.data, None)),
        acp::ContentBlock::ResourceLink(link) => {
            let words = format!("[@{}]({})", link.name, link.uri);
            Ok(json!({"type": "text", "text": words}))
        }
        acp::ContentBlock::Resource(embedded) => resource(embedded.resource),
        acp::ContentBlock::Audio(_) => Err(Failure::invalid_params(
            "Decopilot does not understand sound; send the prompt as text",
        )),
        _ => Err(Failure::invalid_params(
            "the prompt has a content block of a kind that Decopilot does not understand",
        )),
    }
}

fn resource(resource: acp::EmbeddedResourceResource) -> Result<Value, Failure> {
    match resource {
        acp::EmbeddedResourceResource::TextResourceContents(file) => {
            let (uri, text) = (&file.uri, &file.text);
            let words = format!("{uri}\n<context ref=\"{uri}\">\n{text}\n</context>");
            Ok(json!({"type": "text", "text": words}))
        }
        acp::EmbeddedResourceResource::BlobResourceContents(blob) => {
            let media_type = blob
                .mime_type
                .as_deref()
                .unwrap_or("application/octet-stream");
            let name = blob.uri.rsplit('/').next().filter(|name| !name.is_empty());
            Ok(file(media_type, &blob.blob, name))
        }
        _ => Err(Failure::invalid_params(
            "the prompt has a resource of a kind that Decopilot does not understand",
        )),
    }
}

fn file(media_type: &str, data: &str, name: Option<&str>) -> Value {
    let url = format!("data:{media_type};base64,{data}");
    let mut part = json!({"type": "file", "mediaType": media_type, "url": url});
    if let Some(name) = name {
        part["filename"] = name.into();
    }
    part
}

/// The words of a prompt that has nothing else.
pub(crate) fn words(parts: &[Value]) -> Option<String> {
    let texts: Option<Vec<&str>> = parts.iter().map(|part| part["text"].as_str()).collect();
    texts.map(|texts| texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(blocks: Value) -> Result<Vec<Value>, Failure> {
        parts(serde_json::from_value(blocks).unwrap())
    }

    #[test]
    fn images_and_files_are_data_urls_and_links_stay_links() {
        let parts = convert(json!([
            {"type": "text", "text": "look"},
            {"type": "image", "mimeType": "image/png", "data": "iVBO"},
            {"type": "resource_link", "name": "a.rs", "uri": "file:///w/a.rs"},
            {"type": "resource", "resource": {"uri": "file:///w/a.pdf", "mimeType": "application/pdf", "blob": "AA"}},
            {"type": "resource", "resource": {"uri": "file:///w/b.rs", "text": "fn b() {}"}},
        ]));
        let parts = parts.unwrap();
        assert_eq!(parts[0], json!({"type": "text", "text": "look"}));
        assert_eq!(
            parts[1],
            json!({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,iVBO"})
        );
        assert_eq!(parts[2]["text"], "[@a.rs](file:///w/a.rs)");
        assert_eq!(parts[3]["filename"], "a.pdf");
        assert!(parts[4]["text"].as_str().unwrap().contains("fn b() {}"));
        assert_eq!(words(&parts), None);
        assert_eq!(words(&parts[..1]), Some("look".into()));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_with_a_reason() {
        let sound = convert(json!([{"type": "audio", "mimeType": "audio/wav", "data": "AA"}]));
        assert_eq!(sound.unwrap_err().code, Failure::INVALID_PARAMS);
        assert_eq!(
            convert(json!([])).unwrap_err().message,
            "the prompt is empty"
        );
        let large = json!([{"type": "text", "text": "x".repeat(MAX_PROMPT + 1)}]);
        assert!(convert(large).unwrap_err().message.contains("bytes"));
    }
}

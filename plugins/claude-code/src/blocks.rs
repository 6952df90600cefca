//! The user's prompt: ACP content blocks to those of Anthropic's Messages API.

use hostler_sdk::{Failure, acp};

use crate::outgoing::{Content, ImageSource};

/// The blocks of a prompt, in order. A link stays a link: Claude Code opens it
/// with its own tools if it wants to. A resource that came along is put below
/// its link.
///
/// # Errors
/// `-32602` for sound, which the model cannot hear, for a resource that is
/// neither text nor an image, and for a prompt without any block.
pub(crate) fn content(blocks: Vec<acp::ContentBlock>) -> Result<Vec<Content>, Failure> {
    if blocks.is_empty() {
        return Err(Failure::invalid_params("the prompt is empty"));
    }
    blocks.into_iter().map(block).collect()
}

fn block(block: acp::ContentBlock) -> Result<Content, Failure> {
    match block {
        acp::ContentBlock::Text(text) => Ok(Content::Text { text: text.text }),
        acp::ContentBlock::Image(image) => Ok(self::image(image.mime_type, image.data)),
        acp::ContentBlock::ResourceLink(link) => Ok(Content::Text {
            text: format!("[@{}]({})", link.name, link.uri),
        }),
        acp::ContentBlock::Resource(embedded) => resource(embedded.resource),
        acp::ContentBlock::Audio(_) => Err(Failure::invalid_params(
            "Claude Code does not understand sound; send the prompt as text",
        )),
        _ => Err(Failure::invalid_params(
            "the prompt has a content block of a kind that Claude Code does not understand",
        )),
    }
}

fn resource(resource: acp::EmbeddedResourceResource) -> Result<Content, Failure> {
    match resource {
        acp::EmbeddedResourceResource::TextResourceContents(file) => Ok(Content::Text {
            text: format!(
                "{}\n<context ref=\"{}\">\n{}\n</context>",
                file.uri, file.uri, file.text
            ),
        }),
        acp::EmbeddedResourceResource::BlobResourceContents(file) => match file.mime_type {
            Some(kind) if kind.starts_with("image/") => Ok(image(kind, file.blob)),
            _ => Err(Failure::invalid_params(format!(
                "{} is neither text nor an image; send a link to it instead",
                file.uri
            ))),
        },
        _ => Err(Failure::invalid_params(
            "the prompt has a resource of a kind that Claude Code does not understand",
        )),
    }
}

fn image(media_type: String, data: String) -> Content {
    Content::Image {
        source: ImageSource::Base64 { media_type, data },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn convert(blocks: serde_json::Value) -> Result<serde_json::Value, Failure> {
        let content = content(serde_json::from_value(blocks).unwrap())?;
        Ok(serde_json::to_value(content).unwrap())
    }

    #[test]
    fn a_link_stays_a_link() {
        let content = convert(json!([
            {"type": "text", "text": "read"},
            {"type": "resource_link", "name": "a.rs", "uri": "file:///w/a.rs"},
        ]));
        assert_eq!(
            content.unwrap(),
            json!([
                {"type": "text", "text": "read"},
                {"type": "text", "text": "[@a.rs](file:///w/a.rs)"},
            ])
        );
    }

    #[test]
    fn text_that_came_along_is_marked_with_where_it_is_from() {
        let content = convert(json!([
            {"type": "resource", "resource": {"uri": "file:///w/a.rs", "text": "fn a() {}"}},
        ]));
        assert_eq!(
            content.unwrap()[0]["text"],
            "file:///w/a.rs\n<context ref=\"file:///w/a.rs\">\nfn a() {}\n</context>"
        );
    }

    #[test]
    fn images_are_passed_on_whether_block_or_resource() {
        let expected = json!({
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"},
        });
        let content = convert(json!([
            {"type": "image", "mimeType": "image/png", "data": "iVBO"},
            {"type": "resource", "resource": {
                "uri": "file:///w/a.png", "mimeType": "image/png", "blob": "iVBO"}},
        ]));
        assert_eq!(content.unwrap(), json!([expected, expected]));
    }

    #[test]
    fn what_the_model_cannot_take_is_refused_with_a_reason() {
        let sound = convert(json!([{"type": "audio", "mimeType": "audio/wav", "data": "AA"}]));
        assert_eq!(sound.unwrap_err().code, Failure::INVALID_PARAMS);
        let blob = convert(json!([
            {"type": "resource", "resource": {"uri": "file:///w/a.bin", "blob": "AA"}},
        ]));
        assert!(blob.unwrap_err().message.starts_with("file:///w/a.bin"));
        assert_eq!(
            convert(json!([])).unwrap_err().message,
            "the prompt is empty"
        );
    }
}

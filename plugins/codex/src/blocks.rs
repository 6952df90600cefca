//! The user's prompt: ACP content blocks to the input of a turn.

use hostler_sdk::{Failure, acp};
use serde::Serialize;

/// A piece of a turn's input, as Codex has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Input {
    Text {
        text: String,
        /// Marks of Codex's own editor: there are none here.
        text_elements: [(); 0],
    },
    Image {
        /// A `data:` address: Codex hands it to the model.
        url: String,
    },
}

/// The blocks of a prompt, in order. A link stays a link: Codex opens it with
/// its own tools if it wants to. A resource that came along is put below its
/// link.
///
/// # Errors
/// `-32602` for sound, for a resource that is neither text nor an image, and for
/// a prompt without any block.
pub(crate) fn input(blocks: Vec<acp::ContentBlock>) -> Result<Vec<Input>, Failure> {
    if blocks.is_empty() {
        return Err(Failure::invalid_params("the prompt is empty"));
    }
    blocks.into_iter().map(block).collect()
}

/// Whether the prompt is this command and nothing else.
pub(crate) fn is_command(input: &[Input], command: &str) -> bool {
    matches!(input, [Input::Text { text, .. }] if text.trim() == command)
}

fn block(block: acp::ContentBlock) -> Result<Input, Failure> {
    match block {
        acp::ContentBlock::Text(content) => Ok(text(content.text)),
        acp::ContentBlock::Image(content) => Ok(image(&content.mime_type, &content.data)),
        acp::ContentBlock::ResourceLink(link) => {
            Ok(text(format!("[@{}]({})", link.name, link.uri)))
        }
        acp::ContentBlock::Resource(embedded) => resource(embedded.resource),
        acp::ContentBlock::Audio(_) => Err(Failure::invalid_params(
            "Codex does not understand sound; send the prompt as text",
        )),
        _ => Err(Failure::invalid_params(
            "the prompt has a content block of a kind that Codex does not understand",
        )),
    }
}

fn resource(resource: acp::EmbeddedResourceResource) -> Result<Input, Failure> {
    match resource {
        acp::EmbeddedResourceResource::TextResourceContents(file) => Ok(text(format!(
            "{}\n<context ref=\"{}\">\n{}\n</context>",
            file.uri, file.uri, file.text
        ))),
        acp::EmbeddedResourceResource::BlobResourceContents(file) => match file.mime_type {
            Some(kind) if kind.starts_with("image/") => Ok(image(&kind, &file.blob)),
            _ => Err(Failure::invalid_params(format!(
                "{} is neither text nor an image; send a link to it instead",
                file.uri
            ))),
        },
        _ => Err(Failure::invalid_params(
            "the prompt has a resource of a kind that Codex does not understand",
        )),
    }
}

fn text(text: String) -> Input {
    Input::Text {
        text,
        text_elements: [],
    }
}

fn image(kind: &str, data: &str) -> Input {
    Input::Image {
        url: format!("data:{kind};base64,{data}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn convert(blocks: Value) -> Result<Value, Failure> {
        let input = input(serde_json::from_value(blocks).unwrap())?;
        Ok(serde_json::to_value(input).unwrap())
    }

    #[test]
    fn a_link_stays_a_link() {
        let input = convert(json!([
            {"type": "text", "text": "read"},
            {"type": "resource_link", "name": "a.rs", "uri": "file:///w/a.rs"},
        ]));
        assert_eq!(
            input.unwrap(),
            json!([
                {"type": "text", "text": "read", "text_elements": []},
                {"type": "text", "text": "[@a.rs](file:///w/a.rs)", "text_elements": []},
            ])
        );
    }

    #[test]
    fn images_are_passed_on_whether_block_or_resource() {
        let expected = json!({"type": "image", "url": "data:image/png;base64,iVBO"});
        let input = convert(json!([
            {"type": "image", "mimeType": "image/png", "data": "iVBO"},
            {"type": "resource", "resource": {
                "uri": "file:///w/a.png", "mimeType": "image/png", "blob": "iVBO"}},
        ]));
        assert_eq!(input.unwrap(), json!([expected, expected]));
    }

    #[test]
    fn what_the_model_cannot_take_is_refused_with_a_reason() {
        let sound = convert(json!([{"type": "audio", "mimeType": "audio/wav", "data": "AA"}]));
        assert_eq!(sound.unwrap_err().code, Failure::INVALID_PARAMS);
        let blob = convert(json!([
            {"type": "resource", "resource": {"uri": "file:///w/a.bin", "blob": "AA"}},
        ]));
        assert!(blob.unwrap_err().message.starts_with("file:///w/a.bin"));
        let empty = convert(json!([])).unwrap_err();
        assert_eq!(empty.message, "the prompt is empty");
    }
}

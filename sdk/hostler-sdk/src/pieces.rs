//! A prompt as texts and images, for agents whose models know nothing else.

use crate::{Failure, acp};

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Words, a link, or a file that came along.
    Text(String),
    /// An image.
    Image {
        /// Such as `image/png`.
        mime_type: String,
        /// In Base64, as ACP has it.
        data: String,
    },
}

/// The blocks of a prompt, in order. A link stays a link: the agent opens it with
/// its own tools if it wants to. A resource that came along is put below its
/// link. `agent` is the name that messages use.
///
/// # Errors
/// `-32602` for sound, for a resource that is neither text nor an image, and for
/// a prompt without any block.
pub fn pieces(agent: &str, blocks: Vec<acp::ContentBlock>) -> Result<Vec<Piece>, Failure> {
    if blocks.is_empty() {
        return Err(Failure::invalid_params("the prompt is empty"));
    }
    blocks
        .into_iter()
        .map(|block| piece(agent, block))
        .collect()
}

fn piece(agent: &str, block: acp::ContentBlock) -> Result<Piece, Failure> {
    match block {
        acp::ContentBlock::Text(text) => Ok(Piece::Text(text.text)),
        acp::ContentBlock::Image(image) => Ok(Piece::Image {
            mime_type: image.mime_type,
            data: image.data,
        }),
        acp::ContentBlock::ResourceLink(link) => {
            Ok(Piece::Text(format!("[@{}]({})", link.name, link.uri)))
        }
        acp::ContentBlock::Resource(embedded) => resource(agent, embedded.resource),
        acp::ContentBlock::Audio(_) => Err(Failure::invalid_params(format!(
            "{agent} does not understand sound; send the prompt as text"
        ))),
        _ => Err(Failure::invalid_params(format!(
            "the prompt has a content block of a kind that {agent} does not understand"
        ))),
    }
}

fn resource(agent: &str, resource: acp::EmbeddedResourceResource) -> Result<Piece, Failure> {
    match resource {
        acp::EmbeddedResourceResource::TextResourceContents(file) => Ok(Piece::Text(format!(
            "{}\n<context ref=\"{}\">\n{}\n</context>",
            file.uri, file.uri, file.text
        ))),
        acp::EmbeddedResourceResource::BlobResourceContents(file) => match file.mime_type {
            Some(mime_type) if mime_type.starts_with("image/") => Ok(Piece::Image {
                mime_type,
                data: file.blob,
            }),
            _ => Err(Failure::invalid_params(format!(
                "{} is neither text nor an image; send a link to it instead",
                file.uri
            ))),
        },
        _ => Err(Failure::invalid_params(format!(
            "the prompt has a resource of a kind that {agent} does not understand"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn convert(blocks: serde_json::Value) -> Result<Vec<Piece>, Failure> {
        pieces("Oracle", serde_json::from_value(blocks).unwrap())
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn a_link_stays_a_link() {
        let pieces = convert(json!([
            {"type": "text", "text": "read"},
            {"type": "resource_link", "name": "a.rs", "uri": "file:///w/a.rs"},
        ]));
        assert_eq!(
            pieces.unwrap(),
            [text("read"), text("[@a.rs](file:///w/a.rs)")]
        );
    }

    #[test]
    fn text_that_came_along_is_marked_with_where_it_is_from() {
        let pieces = convert(json!([
            {"type": "resource", "resource": {"uri": "file:///w/a.rs", "text": "fn a() {}"}},
        ]));
        assert_eq!(
            pieces.unwrap(),
            [text(
                "file:///w/a.rs\n<context ref=\"file:///w/a.rs\">\nfn a() {}\n</context>"
            )]
        );
    }

    #[test]
    fn images_are_passed_on_whether_block_or_resource() {
        let pieces = convert(json!([
            {"type": "image", "mimeType": "image/png", "data": "iVBO"},
            {"type": "resource", "resource": {
                "uri": "file:///w/a.png", "mimeType": "image/png", "blob": "iVBO"}},
        ]));
        let image = Piece::Image {
            mime_type: "image/png".into(),
            data: "iVBO".into(),
        };
        assert_eq!(pieces.unwrap(), [image.clone(), image]);
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

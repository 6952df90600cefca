//! The user's prompt: ACP content blocks to those of Anthropic's Messages API.

use hostler_sdk::{
    Failure, acp,
    pieces::{Piece, pieces},
};

use crate::outgoing::{Content, ImageSource};

/// The blocks of a prompt, in order.
///
/// # Errors
/// As [`pieces`].
pub(crate) fn content(blocks: Vec<acp::ContentBlock>) -> Result<Vec<Content>, Failure> {
    let pieces = pieces("Claude Code", blocks)?.into_iter();
    let content = pieces.map(|piece| match piece {
        Piece::Text(text) => Content::Text { text },
        Piece::Image { mime_type, data } => Content::Image {
            source: ImageSource::Base64 {
                media_type: mime_type,
                data,
            },
        },
    });
    Ok(content.collect())
}

/// The beginning of a prompt, for a title. A command is none.
pub(crate) fn beginning(content: &[Content]) -> Option<&str> {
    let text = content.iter().find_map(|piece| match piece {
        Content::Text { text } if !text.trim().is_empty() => Some(text.trim()),
        Content::Text { .. } | Content::Image { .. } => None,
    });
    text.filter(|text| !text.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_is_written_as_the_model_wants_it() {
        let blocks = json!([
            {"type": "text", "text": "look"},
            {"type": "image", "mimeType": "image/png", "data": "iVBO"},
        ]);
        let content = content(serde_json::from_value(blocks).unwrap()).unwrap();
        assert_eq!(
            serde_json::to_value(content).unwrap(),
            json!([
                {"type": "text", "text": "look"},
                {"type": "image",
                 "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            ])
        );
    }
}

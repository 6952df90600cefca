//! The user's prompt: ACP content blocks to the input of a turn.

use hostler_sdk::{
    Failure, acp,
    pieces::{Piece, pieces},
};
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
    /// What it is to go by.
    Skill {
        name: String,
        /// Its `SKILL.md`.
        path: String,
    },
}

/// The blocks of a prompt, in order.
///
/// # Errors
/// As [`pieces`].
pub(crate) fn input(blocks: Vec<acp::ContentBlock>) -> Result<Vec<Input>, Failure> {
    let pieces = pieces("Codex", blocks)?.into_iter();
    let input = pieces.map(|piece| match piece {
        Piece::Text(text) => Input::Text {
            text,
            text_elements: [],
        },
        Piece::Image { mime_type, data } => Input::Image {
            url: format!("data:{mime_type};base64,{data}"),
        },
    });
    Ok(input.collect())
}

/// The beginning of a prompt, for a title. A command is none.
pub(crate) fn beginning(input: &[Input]) -> Option<&str> {
    let text = input.iter().find_map(|piece| match piece {
        Input::Text { text, .. } if !text.trim().is_empty() => Some(text.trim()),
        Input::Text { .. } | Input::Image { .. } | Input::Skill { .. } => None,
    });
    text.filter(|text| !text.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_is_written_as_a_data_address() {
        let blocks = json!([
            {"type": "text", "text": "look"},
            {"type": "image", "mimeType": "image/png", "data": "iVBO"},
        ]);
        let input = input(serde_json::from_value(blocks).unwrap()).unwrap();
        assert_eq!(
            serde_json::to_value(input).unwrap(),
            json!([
                {"type": "text", "text": "look", "text_elements": []},
                {"type": "image", "url": "data:image/png;base64,iVBO"},
            ])
        );
    }
}

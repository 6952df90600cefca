//! The lines of a stored conversation. Only the members that are read are here.

use std::borrow::Cow;

use hostler_sdk::acp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::incoming::UserMessage;

/// A line. Those of people and of the model have a [`uuid`](Self::uuid) and name
/// the one that they follow.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub parent_uuid: Option<Cow<'a, str>>,
    /// Where the conversation was summed up: the line before.
    #[serde(borrow)]
    pub logical_parent_uuid: Option<Cow<'a, str>>,
    /// Of a sub-agent.
    pub is_sidechain: bool,
    /// Not from a person.
    pub is_meta: bool,
    /// What the model was told in place of what was summed up.
    pub is_compact_summary: bool,
    #[serde(borrow)]
    pub cwd: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub message: Option<&'a RawValue>,
    /// The tool's own result, of a line with one result.
    #[serde(borrow)]
    pub tool_use_result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub custom_title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub ai_title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub summary: Option<Cow<'a, str>>,
}

impl Default for Line<'_> {
    fn default() -> Self {
        Self {
            kind: Cow::Borrowed(""),
            uuid: None,
            parent_uuid: None,
            logical_parent_uuid: None,
            is_sidechain: false,
            is_meta: false,
            is_compact_summary: false,
            cwd: None,
            message: None,
            tool_use_result: None,
            custom_title: None,
            ai_title: None,
            summary: None,
        }
    }
}

/// What a person has said, block by block; never empty.
#[derive(Debug)]
pub(crate) struct Said(pub Vec<acp::ContentBlock>);

impl Said {
    /// For a title.
    pub(crate) fn beginning(&self) -> Option<String> {
        let text = self.0.iter().find_map(|block| match block {
            acp::ContentBlock::Text(text) if !text.text.trim().is_empty() => Some(&text.text),
            _ => None,
        });
        text.cloned()
    }
}

impl Line<'_> {
    /// Nothing of what Claude Code or a sub-agent wrote in a person's name.
    pub(crate) fn prompt(&self) -> Option<Said> {
        if self.kind != "user" || self.is_sidechain || self.is_meta || self.is_compact_summary {
            return None;
        }
        let message: UserMessage<'_> = serde_json::from_str(self.message?.get()).ok()?;
        let blocks: Vec<_> = match serde_json::from_str::<String>(message.content.get()) {
            Ok(words) => words_of(&words).into_iter().collect(),
            Err(_) => serde_json::from_str::<Vec<Block>>(message.content.get())
                .ok()?
                .into_iter()
                .filter_map(Block::shown)
                .collect(),
        };
        (!blocks.is_empty()).then_some(Said(blocks))
    }
}

/// A block of a prompt: a text, an image, or one that is not shown.
#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    source: Option<Source>,
}

#[derive(Debug, Deserialize)]
struct Source {
    media_type: Option<String>,
    data: Option<String>,
}

impl Block {
    fn shown(self) -> Option<acp::ContentBlock> {
        match self.kind.as_str() {
            "text" => words_of(&self.text?),
            "image" => {
                let source = self.source?;
                let image = acp::ImageContent::new(source.data?, source.media_type?);
                Some(acp::ContentBlock::Image(image))
            }
            _ => None,
        }
    }
}

/// What a person typed. Commands are stored between tags, and so is much that
/// nobody typed.
fn words_of(stored: &str) -> Option<acp::ContentBlock> {
    let between = |tag: &str| {
        let (_, rest) = stored.split_once(&format!("<{tag}>"))?;
        let (inside, _) = rest.split_once(&format!("</{tag}>"))?;
        Some(inside.trim())
    };
    let text = stored.trim_start();
    let words = if text.starts_with("<command-") {
        let arguments = between("command-args").unwrap_or_default();
        format!("{} {arguments}", between("command-name")?)
            .trim_end()
            .to_owned()
    } else if text.starts_with("<bash-input>") {
        format!("!{}", between("bash-input")?)
    } else if NOT_TYPED.iter().any(|tag| text.starts_with(tag)) || text.is_empty() {
        return None;
    } else {
        stored.to_owned()
    };
    Some(acp::ContentBlock::Text(acp::TextContent::new(words)))
}

/// How the texts begin that nobody has typed.
const NOT_TYPED: [&str; 6] = [
    "<local-command-",
    "<bash-std",
    "<task-notification>",
    "<system-reminder>",
    "<user-memory-input>",
    "[Request interrupted by user",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_typed_is_told_from_what_was_written_around_it() {
        for (stored, shown) in [
            ("Fix it.\n", Some("Fix it.\n")),
            ("a < b", Some("a < b")),
            (
                "<command-message>init</command-message>\n<command-name>/init</command-name>\n\
                 <command-args>now</command-args>",
                Some("/init now"),
            ),
            (
                "<command-name>/clear</command-name>\n<command-args></command-args>",
                Some("/clear"),
            ),
            ("<command-name>broken", None),
            ("<bash-input>ls -l</bash-input>", Some("!ls -l")),
            ("<bash-stdout>x</bash-stdout>", None),
            ("<local-command-stdout>ok</local-command-stdout>", None),
            ("<task-notification>x", None),
            ("[Request interrupted by user for tool use]", None),
            (" \n", None),
        ] {
            let words = words_of(stored).map(|block| match block {
                acp::ContentBlock::Text(text) => text.text,
                other => panic!("{other:?}"),
            });
            assert_eq!(words.as_deref(), shown, "{stored}");
        }
    }
}

//! The documents of the page: each load of one has an id of its own.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::json;

use crate::wire::{Result, Wire};

/// Frames of one page that are looked into; what is in further ones is left out.
const MAX_FRAMES: usize = 17;

/// A frame and the document in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) id: String,
    /// Another one after each navigation, also of the same URL.
    pub(crate) loader: Rc<str>,
    pub(crate) url: String,
    /// It could not be loaded, and the browser shows an error instead.
    pub(crate) failed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    frame_tree: FrameTree,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FrameTree {
    frame: Said,
    #[serde(default)]
    child_frames: Vec<FrameTree>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    id: String,
    loader_id: String,
    #[serde(default)]
    url: String,
    unreachable_url: Option<String>,
}

/// All frames, the page's own first.
pub(crate) fn frames(wire: &Wire) -> Result<Vec<Frame>> {
    let answer: Answer = wire.cdp("Page.getFrameTree", json!({}))?;
    let (mut found, mut open) = (Vec::new(), vec![answer.frame_tree]);
    while let Some(tree) = open.pop() {
        if found.len() >= MAX_FRAMES {
            break;
        }
        open.extend(tree.child_frames.into_iter().rev());
        found.push(Frame {
            id: tree.frame.id,
            loader: tree.frame.loader_id.into(),
            failed: tree.frame.unreachable_url.is_some(),
            url: tree.frame.unreachable_url.unwrap_or(tree.frame.url),
        });
    }
    Ok(found)
}

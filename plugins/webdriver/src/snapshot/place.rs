//! From the layout to the screen: what shows, and what a tap would reach.

use std::collections::HashMap;

use hostler_sdk::device::{Point, Rect};

use super::dom::{Answer, Boxed, Document};

/// Tests whether a tap reaches an element, in one snapshot. Beyond it, what shows
/// counts as reachable: a page of that many layers would keep the plugin busy.
const MAX_TESTS: usize = 5_000_000;

/// All documents of a page.
pub(crate) struct Places<'a> {
    answer: &'a Answer,
    documents: Vec<Placed<'a>>,
    tests: usize,
}

/// One document and where its nodes are on the screen.
struct Placed<'a> {
    document: &'a Document,
    by_backend: HashMap<i64, usize>,
    boxes: Vec<Option<Shown>>,
    /// What takes taps and shows, the uppermost first.
    layers: Vec<(usize, Rect)>,
    /// The frame that it is in: document and node.
    frame: Option<(usize, usize)>,
}

/// One node on the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) rect: Rect,
    /// What of it is not cut off.
    pub(crate) visible: Option<Rect>,
    pub(crate) scrollable: bool,
}

/// Where a document lies: what to add to its coordinates, and what of it shows.
#[derive(Clone, Copy)]
struct Ground {
    x: f64,
    y: f64,
    clip: Option<Rect>,
    frame: Option<(usize, usize)>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(answer: &'a Answer, screen: Rect) -> Self {
        let count = answer.documents.len();
        let mut grounds: Vec<Option<Ground>> = vec![None; count];
        if let (Some(ground), Some(main)) = (grounds.first_mut(), answer.documents.first()) {
            *ground = Some(Ground {
                x: -main.scroll_offset_x,
                y: -main.scroll_offset_y,
                clip: Some(screen),
                frame: None,
            });
        }
        let mut documents = Vec::new();
        // A frame's document comes behind the one that it is in.
        for (index, document) in answer.documents.iter().enumerate() {
            let ground = grounds.get(index).copied().flatten().unwrap_or(Ground {
                x: 0.0,
                y: 0.0,
                clip: None,
                frame: None,
            });
            let placed = Placed::new(answer, document, ground);
            for (node, inner) in document.contents() {
                let (Some(target), Some(content)) =
                    (grounds.get_mut(inner), answer.documents.get(inner))
                else {
                    continue;
                };
                if inner > index {
                    *target = placed.ground_of(answer, index, node, content);
                }
            }
            documents.push(placed);
        }
        Self {
            answer,
            documents,
            tests: 0,
        }
    }

    /// The document of a frame.
    pub(crate) fn document_of(&self, frame_id: &str) -> Option<usize> {
        self.documents
            .iter()
            .position(|placed| self.answer.frame_id(placed.document) == frame_id)
    }

    /// The frame whose document is in a node.
    pub(crate) fn frame_in(&self, document: usize, backend: i64) -> Option<&'a str> {
        let placed = self.documents.get(document)?;
        let node = placed.by_backend.get(&backend)?;
        let (_, inner) = placed.document.contents().find(|(at, _)| at == node)?;
        let inner = self.answer.documents.get(inner)?;
        Some(self.answer.frame_id(inner))
    }

    pub(crate) fn node(&self, document: usize, backend: i64) -> Option<usize> {
        let placed = self.documents.get(document)?;
        placed.by_backend.get(&backend).copied()
    }

    pub(crate) fn shown(&self, document: usize, node: usize) -> Option<Shown> {
        *self.documents.get(document)?.boxes.get(node)?
    }

    pub(crate) fn attribute(&self, document: usize, node: usize, name: &str) -> Option<&'a str> {
        let placed = self.documents.get(document)?;
        placed.document.attribute(self.answer, node, name)
    }

    /// Whether a tap there reaches the node or something in it.
    pub(crate) fn reaches(&mut self, document: usize, node: usize, at: Point) -> bool {
        let (mut document, mut node) = (document, node);
        loop {
            let Some(placed) = self.documents.get(document) else {
                return false;
            };
            let mut top = None;
            for (layer, rect) in &placed.layers {
                self.tests += 1;
                if contains(rect, at) {
                    top = Some(*layer);
                    break;
                }
            }
            if self.tests > MAX_TESTS {
                return true;
            }
            let mut reached = top;
            while let Some(found) = reached {
                if found == node {
                    break;
                }
                reached = placed.document.parent(found);
            }
            if reached.is_none() {
                return false;
            }
            match placed.frame {
                Some((outer, frame)) => (document, node) = (outer, frame),
                None => return true,
            }
        }
    }
}

impl<'a> Placed<'a> {
    fn new(answer: &'a Answer, document: &'a Document, ground: Ground) -> Self {
        let count = document.len();
        let mut boxed: Vec<Option<Boxed<'a>>> = Vec::new();
        boxed.resize_with(count, || None);
        for each in answer.boxes(document) {
            if let Some(slot @ None) = boxed.get_mut(each.node) {
                *slot = Some(each);
            }
        }
        // What of a node's content shows; parents come first.
        let mut inner: Vec<Option<Rect>> = Vec::with_capacity(count);
        let (mut boxes, mut layers) = (Vec::with_capacity(count), Vec::new());
        for (node, each) in boxed.iter().enumerate() {
            let around = match document.parent(node) {
                Some(parent) => inner.get(parent).copied().flatten(),
                None => ground.clip,
            };
            let Some(each) = each else {
                inner.push(around);
                boxes.push(None);
                continue;
            };
            let around = if each.is_fixed() { ground.clip } else { around };
            let [x, y, width, height] = each.bounds;
            let rect = Rect {
                x: x + ground.x,
                y: y + ground.y,
                width: width.max(0.0),
                height: height.max(0.0),
            };
            let visible = around
                .and_then(|around| rect.within(&around))
                .filter(|_| each.is_visible());
            if let Some(visible) = visible.filter(|_| each.takes_taps()) {
                layers.push((each.paint_order, node, visible));
            }
            // What these two cut off, the screen cuts off.
            let whole = ["HTML", "BODY", "#document"].contains(&document.name(answer, node));
            inner.push(if each.clips() && !whole {
                around.and_then(|around| within_border(each, rect).within(&around))
            } else {
                around
            });
            boxes.push(Some(Shown {
                rect,
                visible,
                scrollable: each.is_scrollable(),
            }));
        }
        layers.sort_unstable_by_key(|&(order, node, _)| std::cmp::Reverse((order, node)));
        Self {
            document,
            by_backend: document.backends().collect(),
            boxes,
            layers: layers
                .into_iter()
                .map(|(_, node, rect)| (node, rect))
                .collect(),
            frame: ground.frame,
        }
    }

    /// Where the document in a frame lies.
    fn ground_of(
        &self,
        answer: &Answer,
        index: usize,
        node: usize,
        content: &Document,
    ) -> Option<Ground> {
        let shown = (*self.boxes.get(node)?)?;
        let boxed = answer.boxes(self.document).find(|each| each.node == node)?;
        let inside = within_border(&boxed, shown.rect);
        Some(Ground {
            x: inside.x - content.scroll_offset_x,
            y: inside.y - content.scroll_offset_y,
            clip: shown.visible.and_then(|visible| inside.within(&visible)),
            frame: Some((index, node)),
        })
    }
}

fn within_border(boxed: &Boxed<'_>, rect: Rect) -> Rect {
    match boxed.client {
        Some([x, y, width, height]) if width > 0.0 && height > 0.0 => Rect {
            x: rect.x + x,
            y: rect.y + y,
            width,
            height,
        },
        _ => rect,
    }
}

fn contains(rect: &Rect, at: Point) -> bool {
    (rect.x..rect.x + rect.width).contains(&at.x) && (rect.y..rect.y + rect.height).contains(&at.y)
}

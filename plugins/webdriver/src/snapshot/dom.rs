//! Where everything is: `DOMSnapshot.captureSnapshot`, in one answer for all
//! documents of a page.

use serde::Deserialize;
use serde_json::{Value, json};

/// The styles that are asked for, in this order.
const STYLES: [&str; 5] = [
    "visibility",
    "pointer-events",
    "overflow-x",
    "overflow-y",
    "position",
];

pub(crate) fn params() -> Value {
    json!({"computedStyles": STYLES, "includePaintOrder": true, "includeDOMRects": true})
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    pub(crate) documents: Vec<Document>,
    strings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Document {
    frame_id: i64,
    pub(crate) scroll_offset_x: f64,
    pub(crate) scroll_offset_y: f64,
    nodes: Nodes,
    layout: Layout,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Nodes {
    parent_index: Vec<i64>,
    node_name: Vec<i64>,
    backend_node_id: Vec<i64>,
    attributes: Vec<Vec<i64>>,
    content_document_index: Sparse,
}

/// Values of some nodes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sparse {
    index: Vec<usize>,
    value: Vec<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Layout {
    node_index: Vec<usize>,
    bounds: Vec<Vec<f64>>,
    styles: Vec<Vec<i64>>,
    paint_orders: Vec<i64>,
    client_rects: Vec<Vec<f64>>,
    scroll_rects: Vec<Vec<f64>>,
}

/// One box of the layout.
#[derive(Debug)]
pub(crate) struct Boxed<'a> {
    pub(crate) node: usize,
    /// Left, top, width, height on the page.
    pub(crate) bounds: [f64; 4],
    /// Inside its border: from the border's edge.
    pub(crate) client: Option<[f64; 4]>,
    pub(crate) scroll: Option<[f64; 4]>,
    pub(crate) paint_order: i64,
    styles: [&'a str; 5],
}

impl Boxed<'_> {
    pub(crate) fn is_visible(&self) -> bool {
        self.styles[0] == "visible"
    }

    /// Taps go through some.
    pub(crate) fn takes_taps(&self) -> bool {
        self.is_visible() && self.styles[1] != "none"
    }

    /// What is in it shows only inside.
    pub(crate) fn clips(&self) -> bool {
        self.styles[2] != "visible" || self.styles[3] != "visible"
    }

    pub(crate) fn is_fixed(&self) -> bool {
        self.styles[4] == "fixed"
    }

    /// There is more than fits, and it can be brought into view.
    pub(crate) fn is_scrollable(&self) -> bool {
        let (Some(client), Some(scroll)) = (self.client, self.scroll) else {
            return false;
        };
        let moves = |style: &str| style == "auto" || style == "scroll";
        moves(self.styles[2]) && scroll[2] > client[2]
            || moves(self.styles[3]) && scroll[3] > client[3]
    }
}

impl Answer {
    pub(crate) fn string(&self, index: i64) -> &str {
        let index = usize::try_from(index).ok();
        index
            .and_then(|index| self.strings.get(index))
            .map_or("", String::as_str)
    }

    pub(crate) fn frame_id(&self, document: &Document) -> &str {
        self.string(document.frame_id)
    }

    /// All boxes of a document, each at its node.
    pub(crate) fn boxes<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = Boxed<'a>> {
        let layout = &document.layout;
        let count = document.nodes.backend_node_id.len();
        layout
            .node_index
            .iter()
            .zip(&layout.bounds)
            .enumerate()
            .filter(move |(_, (node, _))| **node < count)
            .filter_map(|(index, (&node, bounds))| {
                let styles = layout.styles.get(index);
                let style = |number: usize| {
                    let style = styles.and_then(|styles| styles.get(number));
                    style.map_or("", |&style| self.string(style))
                };
                Some(Boxed {
                    node,
                    bounds: four(bounds)?,
                    client: layout.client_rects.get(index).and_then(|it| four(it)),
                    scroll: layout.scroll_rects.get(index).and_then(|it| four(it)),
                    paint_order: layout.paint_orders.get(index).copied().unwrap_or_default(),
                    styles: [style(0), style(1), style(2), style(3), style(4)],
                })
            })
    }
}

impl Document {
    pub(crate) fn len(&self) -> usize {
        self.nodes.backend_node_id.len()
    }

    pub(crate) fn backends(&self) -> impl Iterator<Item = (i64, usize)> {
        let backends = self.nodes.backend_node_id.iter().enumerate();
        backends.map(|(index, &backend)| (backend, index))
    }

    /// Always before it.
    pub(crate) fn parent(&self, node: usize) -> Option<usize> {
        let parent = usize::try_from(*self.nodes.parent_index.get(node)?).ok()?;
        (parent < node).then_some(parent)
    }

    pub(crate) fn name<'a>(&self, all: &'a Answer, node: usize) -> &'a str {
        let name = self.nodes.node_name.get(node);
        name.map_or("", |&name| all.string(name))
    }

    pub(crate) fn attribute<'a>(
        &self,
        all: &'a Answer,
        node: usize,
        wanted: &str,
    ) -> Option<&'a str> {
        let attributes = self.nodes.attributes.get(node)?;
        let (names, values) = (
            attributes.iter().step_by(2),
            attributes.iter().skip(1).step_by(2),
        );
        names
            .zip(values)
            .find(|(name, _)| all.string(**name) == wanted)
            .map(|(_, &value)| all.string(value))
    }

    /// Frames, and the documents in them.
    pub(crate) fn contents(&self) -> impl Iterator<Item = (usize, usize)> {
        let contents = &self.nodes.content_document_index;
        contents
            .index
            .iter()
            .copied()
            .zip(contents.value.iter().copied())
    }
}

fn four(values: &[f64]) -> Option<[f64; 4]> {
    let four: [f64; 4] = values.try_into().ok()?;
    four.iter().all(|value| value.is_finite()).then_some(four)
}

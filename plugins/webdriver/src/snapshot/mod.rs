//! A snapshot: the accessibility tree says what there is, one capture of the DOM
//! where it is. Frames of the same site are part of it.

mod ax;
mod dom;
mod fold;
mod place;
pub(crate) mod refs;

use std::collections::HashMap;
use std::rc::Rc;

use hostler_sdk::device::{Error, Node, Result, States, Tree};
use serde_json::json;

use self::ax::{AxNode, AxTree};
use self::fold::{Fate, fate, holds_its_value, role};
use self::place::Places;
use self::refs::{Element, Naming};
use crate::frames::{Frame, frames};
use crate::session::Browser;
use crate::wire::{COMMAND, Fault, Kind, Wire};

/// The contract's bound.
const MAX_NODES: usize = 20_000;

/// The longest label and value; the rest is cut.
const MAX_TEXT: usize = 2000;

/// Refs mean nothing when the page was left while it was looked at; then it is
/// looked at again.
const ATTEMPTS: usize = 4;

/// What is on the screen now; its refs are the ones that count from now on.
pub(crate) fn take(browser: &mut Browser) -> Result<Tree> {
    for _ in 0..ATTEMPTS {
        if let Some(tree) = attempt(browser)? {
            return Ok(tree);
        }
    }
    Err(Error::TimedOut(
        "the page did not stay the same while it was looked at; wait until it is idle".to_owned(),
    ))
}

/// Nothing when the page was left meanwhile.
fn attempt(browser: &mut Browser) -> Result<Option<Tree>> {
    let wire = &browser.wire;
    let before = frames(wire)?;
    let Some(trees) = left(trees(wire, &before))? else {
        return Ok(None);
    };
    let captured =
        wire.cdp_for::<dom::Answer>("DOMSnapshot.captureSnapshot", dom::params(), COMMAND);
    let Some(captured) = left(captured)? else {
        return Ok(None);
    };
    let view = browser.view()?;
    let after = frames(wire)?;
    if before != after {
        return Ok(None);
    }
    let mut builder = Builder {
        places: Places::new(&captured, view.rect()),
        trees,
        naming: Naming::default(),
        nodes: Vec::new(),
        truncated: false,
    };
    builder.build(browser, &before);
    let main = before.first();
    let title = builder.nodes.first().map(|root| root.label.clone());
    browser.refs.adopt(builder.naming);
    Ok(Some(Tree {
        nodes: builder.nodes,
        truncated: builder.truncated,
        app: main.map(|frame| frame.url.clone()),
        title: title.filter(|title| !title.is_empty()),
    }))
}

/// A frame that is gone means that the page was left.
fn left<T>(answer: Result<T, Fault>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.kind == Kind::NoElement => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// The trees of the page and of those frames that have one here.
fn trees(wire: &Wire, frames: &[Frame]) -> Result<HashMap<String, AxTree>, Fault> {
    let mut trees = HashMap::new();
    for (number, frame) in frames.iter().enumerate() {
        let params = json!({"frameId": frame.id});
        match wire.cdp::<ax::Answer>("Accessibility.getFullAXTree", params) {
            Ok(answer) => {
                trees.insert(frame.id.clone(), answer.into());
            }
            // A frame of another site is in another process.
            Err(fault) if number > 0 && matches!(fault.kind, Kind::Other | Kind::Invalid) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(trees)
}

struct Builder<'a> {
    places: Places<'a>,
    trees: HashMap<String, AxTree>,
    naming: Naming,
    nodes: Vec<Node>,
    truncated: bool,
}

/// A node of Chrome's that is still to be looked at.
struct Step<'a> {
    tree: &'a AxTree,
    frame: &'a Frame,
    document: Option<usize>,
    index: usize,
    depth: u32,
    /// The label of what it is in.
    covered: Option<Rc<str>>,
}

impl Builder<'_> {
    fn build(&mut self, browser: &mut Browser, frames: &[Frame]) {
        let trees = std::mem::take(&mut self.trees);
        let mut open = Vec::new();
        open.extend(frames.first().and_then(|main| self.begin(&trees, main, 0)));
        // Malformed trees may have circles.
        let mut left = trees.values().map(AxTree::len).sum::<usize>();
        while let Some(step) = open.pop() {
            let Some(node) = step.tree.node(step.index) else {
                continue;
            };
            if left == 0 || self.nodes.len() >= MAX_NODES {
                self.truncated = true;
                break;
            }
            left -= 1;
            let place = step
                .document
                .zip(node.backend)
                .and_then(|(document, backend)| {
                    Some((document, self.places.node(document, backend)?))
                });
            let shown = place.and_then(|(document, node)| self.places.shown(document, node));
            let scrollable = shown.is_some_and(|shown| shown.scrollable);
            let (depth, covered) = match fate(node, scrollable, step.covered.as_deref()) {
                Fate::Dropped => continue,
                Fate::Folded => (step.depth, step.covered.clone()),
                Fate::Kept => {
                    let Some(kept) = self.node(browser, &step, node, place) else {
                        self.truncated = true;
                        break;
                    };
                    let label: Rc<str> = kept.label.as_str().into();
                    // A page's title is not read where the page is.
                    let covers = kept.role != "document" && !label.is_empty();
                    self.nodes.push(kept);
                    (step.depth + 1, covers.then_some(label))
                }
            };
            if holds_its_value(node) {
                continue;
            }
            let content = step
                .document
                .zip(node.backend)
                .and_then(|(document, backend)| {
                    let id = self.places.frame_in(document, backend)?;
                    frames.iter().find(|frame| frame.id == id)
                });
            let children = step.tree.children(step.index).iter().rev();
            open.extend(children.map(|&index| Step {
                index,
                depth,
                covered: covered.clone(),
                ..step
            }));
            open.extend(content.and_then(|frame| self.begin(&trees, frame, depth)));
        }
    }

    fn begin<'t>(
        &self,
        trees: &'t HashMap<String, AxTree>,
        frame: &'t Frame,
        depth: u32,
    ) -> Option<Step<'t>> {
        let tree = trees.get(&frame.id)?;
        Some(Step {
            tree,
            frame,
            document: self.places.document_of(&frame.id),
            index: tree.root()?,
            depth,
            covered: None,
        })
    }

    /// Nothing when there are no more refs.
    fn node(
        &mut self,
        browser: &mut Browser,
        step: &Step<'_>,
        node: &AxNode,
        place: Option<(usize, usize)>,
    ) -> Option<Node> {
        let element = Element {
            loader: Rc::clone(&step.frame.loader),
            // Without one it cannot be used, and still needs a number of its own.
            backend: node.backend.unwrap_or(-1 - step.index as i64),
        };
        let number = browser.refs.name(&mut self.naming, element)?;
        let attribute = |name: &str| {
            let (document, node) = place?;
            self.places.attribute(document, node, name)
        };
        let secure = attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("password"));
        let identifier = ["data-testid", "id", "name"]
            .into_iter()
            .find_map(|name| attribute(name).filter(|value| !value.is_empty()))
            .map(cut);
        let shown = place.and_then(|(document, node)| self.places.shown(document, node));
        let visible = shown.and_then(|shown| shown.visible);
        let hittable = match (place, shown, visible) {
            (Some((document, inner)), Some(shown), Some(_)) => {
                self.places.reaches(document, inner, shown.rect.middle())
            }
            _ => false,
        };
        let enabled = !node.is("disabled");
        Some(Node {
            r#ref: number,
            depth: step.depth,
            role: role(node.role()).into_owned(),
            label: cut(node.name().trim()),
            value: node.value().map(|value| {
                if secure {
                    "•".repeat(value.chars().count().min(MAX_TEXT))
                } else {
                    cut(&value)
                }
            }),
            identifier,
            rect: shown.map(|shown| shown.rect),
            states: States {
                enabled,
                hittable,
                focused: node.is("focused") && node.role() != "RootWebArea",
                selected: node.is("selected"),
                checked: node.is("checked") || node.is("pressed"),
                expanded: node.is("expanded"),
                editable: enabled && node.editable().is_some() && !node.is("readonly"),
                secure,
                scrollable: shown.is_some_and(|shown| shown.scrollable),
                offscreen: shown.is_some() && visible.is_none(),
            },
        })
    }
}

fn cut(text: &str) -> String {
    let mut cut = text.to_owned();
    cut.truncate(cut.floor_char_boundary(MAX_TEXT));
    cut
}

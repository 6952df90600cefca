//! What is on the screen, in the client's shape.

use std::fmt::Write as _;

use hostler_device::query;
use hostler_provider::{Node, Rect, Tree};
use serde_json::{Map, Value, json};

/// What of a snapshot the client wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct View {
    /// Only what can be acted on, and what can be read.
    pub(crate) interactive: bool,
    /// Nodes down to this depth, the root being 0.
    pub(crate) depth: Option<u64>,
    /// Only the first element with this label, id or ref, and what is in it.
    pub(crate) scope: Option<String>,
    /// Nothing is left out or joined.
    pub(crate) raw: bool,
}

/// A node that is shown, and where among those that are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) node: &'a Node,
    depth: usize,
    parent: Option<usize>,
}

/// The nodes that a view shows. One that is left out hands its children on to
/// its parent. Nothing if the scope is not there.
pub(crate) fn shown<'a>(tree: &'a Tree, view: &View) -> Option<Vec<Shown<'a>>> {
    let nodes = match &view.scope {
        None => tree.nodes.as_slice(),
        Some(scope) => subtree(tree, scope)?,
    };
    let top = nodes.first().map_or(0, |node| node.depth);
    let mut shown: Vec<Shown<'a>> = Vec::new();
    // Those around the present node that are shown: their depth in the tree,
    // and their place in `shown`.
    let mut around: Vec<(u32, usize)> = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        while around.last().is_some_and(|(depth, _)| *depth >= node.depth) {
            around.pop();
        }
        let too_deep = view
            .depth
            .is_some_and(|depth| u64::from(node.depth - top.min(node.depth)) > depth);
        // The root says how large the screen is.
        let left_out = view.interactive && !view.raw && place > 0 && !is_of_use(node);
        if too_deep || left_out {
            continue;
        }
        let parent = around.last().map(|(_, place)| *place);
        around.push((node.depth, shown.len()));
        let depth = around.len() - 1;
        shown.push(Shown {
            node,
            depth,
            parent,
        });
    }
    Some(shown)
}

/// The first element that is called so, with all in it.
fn subtree<'a>(tree: &'a Tree, scope: &str) -> Option<&'a [Node]> {
    let number = reference(scope);
    let is = |node: &Node| match number {
        Some(number) => node.number == number,
        None => {
            let named = |name: &str| name.to_lowercase().contains(&scope.to_lowercase());
            named(&node.label) || node.identifier.as_deref().is_some_and(named)
        }
    };
    let start = tree.nodes.iter().position(is)?;
    let depth = tree.nodes.get(start)?.depth;
    let rest = tree.nodes.get(start + 1..)?;
    let length = rest.iter().take_while(|node| node.depth > depth).count();
    tree.nodes.get(start..=start + length)
}

/// The number in `@e12`, `@e12~s4` or `e12`. A pin to a snapshot adds nothing
/// here: a number never names two elements, and one that is gone is refused.
pub(crate) fn reference(text: &str) -> Option<u32> {
    let text = text.strip_prefix('@').unwrap_or(text).strip_prefix('e')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = match text.split_once("~s") {
        Some((number, pin)) if digits(pin) => number,
        Some(_) => return None,
        None => text,
    };
    digits(number).then(|| number.parse().ok()).flatten()
}

/// How an element is called towards the client, without the `@`.
pub(crate) fn ref_of(node: &Node) -> String {
    format!("e{}", node.number)
}

/// Whether one can act on it.
pub(crate) fn is_active(node: &Node) -> bool {
    query::is_active(&node.role, node.states)
}

/// Whether one can act on it, or it says something by itself.
fn is_of_use(node: &Node) -> bool {
    let says = !node.label.is_empty() || node.value.is_some();
    query::is_of_use(&node.role, node.states, says)
}

/// One node, as a member of a snapshot.
pub(crate) fn node(shown: Shown<'_>, index: usize) -> Value {
    let mut map = attributes(shown.node);
    map.insert("index".into(), index.into());
    map.insert("depth".into(), shown.depth.into());
    if let Some(parent) = shown.parent {
        map.insert("parentIndex".into(), parent.into());
    }
    Value::Object(map)
}

/// What is known of one element.
pub(crate) fn attributes(node: &Node) -> Map<String, Value> {
    let states = node.states;
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("ref", ref_of(node).into());
    put("type", node.role.clone().into());
    if !node.label.is_empty() {
        put("label", node.label.clone().into());
    }
    if let Some(value) = &node.value {
        put("value", value.clone().into());
    }
    if let Some(identifier) = &node.identifier {
        put("identifier", identifier.clone().into());
    }
    if let Some(rect) = node.rect {
        put("rect", rectangle(rect));
    }
    put("enabled", states.enabled.into());
    put("hittable", states.hittable.into());
    let said = [
        ("focused", states.focused),
        ("selected", states.selected || states.checked),
        ("editable", states.editable),
        ("password", states.secure),
    ];
    for (name, is) in said {
        if is {
            put(name, true.into());
        }
    }
    map
}

fn rectangle(rect: Rect) -> Value {
    json!({ "x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height })
}

/// The longest text that a line shows, in characters.
const SHOWN_CHARS: usize = 120;

/// An element as one line: `@e7 [textbox] "First name" value="Ann"`. Two lines
/// are the same when nothing that matters has changed.
pub(crate) fn line(node: &Node) -> String {
    let mut line = format!("@{} [{}]", ref_of(node), node.role);
    let quoted = |text: &str| format!("{:?}", text.chars().take(SHOWN_CHARS).collect::<String>());
    if !node.label.is_empty() {
        let _ = write!(line, " {}", quoted(&node.label));
    }
    if let Some(value) = node.value.as_ref().filter(|value| **value != node.label) {
        let _ = write!(line, " value={}", quoted(value));
    }
    let states = node.states;
    let said = [
        (" focused", states.focused),
        (" selected", states.selected),
        (" checked", states.checked),
        (" expanded", states.expanded),
        (" disabled", !states.enabled),
    ];
    for (word, is) in said {
        if is {
            line.push_str(word);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use hostler_provider::States;

    use super::*;

    fn made(number: u32, depth: u32, role: &str, label: &str) -> Node {
        Node {
            number,
            depth,
            role: role.into(),
            label: label.into(),
            value: None,
            identifier: None,
            rect: Some(Rect {
                x: 0.0,
                y: 0.0,
                width: 10.0,
                height: 10.0,
            }),
            states: States {
                enabled: true,
                ..States::default()
            },
        }
    }

    fn tree() -> Tree {
        let nodes = vec![
            made(1, 0, "page", "Shop"),
            made(2, 1, "group", ""),
            made(3, 2, "button", "Buy"),
            made(4, 2, "group", ""),
            made(5, 3, "textbox", "Name"),
            made(9, 1, "link", "Help"),
        ];
        Tree {
            nodes,
            ..Tree::default()
        }
    }

    fn refs(view: &View) -> Option<Vec<(u32, usize, Option<usize>)>> {
        let tree = tree();
        let shown = shown(&tree, view)?;
        Some(
            shown
                .iter()
                .map(|shown| (shown.node.number, shown.depth, shown.parent))
                .collect(),
        )
    }

    #[test]
    fn what_is_left_out_hands_its_children_to_its_parent() {
        let view = View {
            interactive: true,
            ..View::default()
        };
        let expected = vec![
            (1, 0, None),
            (3, 1, Some(0)),
            (5, 1, Some(0)),
            (9, 1, Some(0)),
        ];
        assert_eq!(refs(&view), Some(expected));
    }

    #[test]
    fn everything_is_shown_without_a_wish() {
        let all = refs(&View::default()).unwrap();
        assert_eq!(all.len(), 6);
        assert_eq!(all[4], (5, 3, Some(3)));
        let raw = View {
            raw: true,
            interactive: true,
            ..View::default()
        };
        assert_eq!(refs(&raw).unwrap().len(), 6);
    }

    #[test]
    fn depth_and_scope_bound_what_is_shown() {
        let view = View {
            depth: Some(1),
            ..View::default()
        };
        let numbers: Vec<_> = refs(&view)
            .unwrap()
            .iter()
            .map(|(number, ..)| *number)
            .collect();
        assert_eq!(numbers, [1, 2, 9]);
        for scope in ["@e4", "@e4~s7", "e4"] {
            let view = View {
                scope: Some(scope.into()),
                ..View::default()
            };
            assert_eq!(
                refs(&view),
                Some(vec![(4, 0, None), (5, 1, Some(0))]),
                "{scope}"
            );
        }
        let view = View {
            scope: Some("sho".into()),
            depth: Some(0),
            ..View::default()
        };
        assert_eq!(refs(&view), Some(vec![(1, 0, None)]));
        let nothing = View {
            scope: Some("elsewhere".into()),
            ..View::default()
        };
        assert_eq!(refs(&nothing), None);
    }

    #[test]
    fn a_pin_of_a_ref_is_taken_and_anything_else_is_no_ref() {
        assert_eq!(reference("@e12~s4"), Some(12));
        assert_eq!(reference("@e12"), Some(12));
        for bad in [
            "@12",
            "@e",
            "@e1x",
            "@e1~s",
            "@e1~4",
            "@e1~sx",
            "@e-1",
            "@e99999999999",
            "",
        ] {
            assert_eq!(reference(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_node_has_the_members_that_the_client_reads() {
        let tree = tree();
        let shown = shown(&tree, &View::default()).unwrap();
        assert_eq!(
            node(shown[2], 2),
            json!({
                "index": 2, "ref": "e3", "type": "button", "label": "Buy", "depth": 2,
                "parentIndex": 1, "enabled": true, "hittable": false,
                "rect": { "x": 0.0, "y": 0.0, "width": 10.0, "height": 10.0 },
            })
        );
    }
}

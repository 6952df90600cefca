//! What has changed between two snapshots.

use std::collections::HashMap;

use hostler_provider::{Node, Tree};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::tree::{is_active, line, ref_of};

/// Lines of one diff: a screen that changed altogether is better read anew.
const MAX_LINES: usize = 200;

/// Elements that stayed and can be acted on, beside a diff.
const MAX_TAIL: usize = 40;

/// What came, what went.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Diff {
    lines: Vec<Line>,
    additions: usize,
    removals: usize,
    unchanged: usize,
    tail: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    added: bool,
    text: String,
    reference: Option<String>,
}

impl Diff {
    /// Elements are the same by their number; one that looks otherwise went and
    /// came.
    pub(crate) fn between(before: &Tree, after: &Tree) -> Self {
        let of = |tree: &Tree| -> HashMap<u32, String> {
            let lines = tree.nodes.iter().filter(|node| says(node));
            lines.map(|node| (node.number, line(node))).collect()
        };
        let (old, new) = (of(before), of(after));
        let mut diff = Self {
            lines: Vec::new(),
            additions: 0,
            removals: 0,
            unchanged: 0,
            tail: Vec::new(),
        };
        for node in &before.nodes {
            let Some(text) = old.get(&node.number) else {
                continue;
            };
            if new.get(&node.number) != Some(text) {
                diff.removals += 1;
                diff.push(false, text.clone(), None);
            }
        }
        for node in &after.nodes {
            let Some(text) = new.get(&node.number) else {
                continue;
            };
            if old.get(&node.number) != Some(text) {
                diff.additions += 1;
                diff.push(true, text.clone(), Some(ref_of(node)));
                continue;
            }
            diff.unchanged += 1;
            if is_active(node) && !node.states.offscreen && diff.tail.len() < MAX_TAIL {
                let entry = json!({ "ref": ref_of(node), "role": node.role, "label": node.label });
                diff.tail.push(entry);
            }
        }
        diff
    }

    fn push(&mut self, added: bool, text: String, reference: Option<String>) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(Line {
                added,
                text,
                reference,
            });
        }
    }

    /// As the `diff` of what a command saw.
    pub(crate) fn json(&self) -> Value {
        let mut value = json!({ "summary": self.summary(), "lines": self.lines_json() });
        if self.is_cut()
            && let Some(map) = value.as_object_mut()
        {
            map.insert("truncated".into(), true.into());
        }
        value
    }

    /// What stayed and can be acted on.
    pub(crate) fn tail(&self) -> &[Value] {
        &self.tail
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.additions + self.removals > self.lines.len()
    }

    pub(crate) fn summary(&self) -> Value {
        json!({
            "additions": self.additions, "removals": self.removals, "unchanged": self.unchanged,
        })
    }

    pub(crate) fn lines_json(&self) -> Vec<Value> {
        let line = |line: &Line| {
            let kind = if line.added { "added" } else { "removed" };
            let mut value = json!({ "kind": kind, "text": line.text });
            if let (Some(map), Some(reference)) = (value.as_object_mut(), &line.reference) {
                map.insert("ref".into(), reference.clone().into());
            }
            value
        };
        self.lines.iter().map(line).collect()
    }
}

/// Containers that say nothing come and go with every frame.
fn says(node: &Node) -> bool {
    is_active(node) || !node.label.is_empty() || node.value.is_some()
}

/// What tells whether anything has changed: sixteen hexadecimal digits.
pub(crate) fn digest(tree: &Tree) -> String {
    let mut hash = Sha256::new();
    for node in tree.nodes.iter().filter(|node| says(node)) {
        hash.update(line(node).as_bytes());
        hash.update(b"\n");
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use hostler_provider::States;

    use super::*;

    fn tree(nodes: &[(u32, &str, &str)]) -> Tree {
        let node = |(number, role, label): &(u32, &str, &str)| Node {
            number: *number,
            depth: 0,
            role: (*role).into(),
            label: (*label).into(),
            value: None,
            identifier: None,
            rect: None,
            states: States {
                enabled: true,
                ..States::default()
            },
        };
        Tree {
            nodes: nodes.iter().map(node).collect(),
            ..Tree::default()
        }
    }

    #[test]
    fn what_came_went_and_stayed_is_told_apart() {
        let before = tree(&[
            (1, "page", "Shop"),
            (2, "button", "Buy"),
            (3, "link", "Help"),
        ]);
        let after = tree(&[
            (1, "page", "Shop"),
            (2, "button", "Bought"),
            (3, "link", "Help"),
        ]);
        let diff = Diff::between(&before, &after);
        assert_eq!(
            diff.json(),
            json!({
                "summary": { "additions": 1, "removals": 1, "unchanged": 2 },
                "lines": [
                    { "kind": "removed", "text": "@e2 [button] \"Buy\"" },
                    { "kind": "added", "text": "@e2 [button] \"Bought\"", "ref": "e2" },
                ],
            })
        );
        assert_eq!(
            diff.tail(),
            [json!({ "ref": "e3", "role": "link", "label": "Help" })]
        );
        assert_ne!(digest(&before), digest(&after));
        assert_eq!(digest(&before).len(), 16);
    }

    #[test]
    fn a_long_diff_is_cut_and_says_so() {
        let many: Vec<_> = (0..500).map(|number| (number, "button", "x")).collect();
        let diff = Diff::between(&tree(&[]), &tree(&many));
        assert_eq!(diff.json()["truncated"], true);
        assert_eq!(diff.lines_json().len(), MAX_LINES);
        assert_eq!(diff.summary()["additions"], 500);
    }
}

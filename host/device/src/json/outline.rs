use std::fmt::Write as _;

use super::{Node, Snapshot, screen::states};
use crate::query::is_of_use;

/// The longest text that is shown of one label or value, in characters.
const SHOWN: usize = 120;

/// How much of a snapshot is shown as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Only what can be acted on, and what can be read.
    pub interactive: bool,
    /// Also what is not on the screen now.
    pub offscreen: bool,
    /// At most so many lines.
    pub lines: usize,
}

/// The snapshot as text, one line for each node, indented by its depth:
///
/// ```text
/// page "Sign in" https://example.test/
///   @e2 textbox "Name" value="Ann" [focused]
///   @e3 button "Next"
/// ```
///
/// What is left out is counted at the end, so that nobody takes it for all.
#[must_use]
pub fn outline(snapshot: &Snapshot, how: Outline) -> String {
    let mut text = String::new();
    let title = snapshot.title.as_deref().unwrap_or_default();
    let app = snapshot.app.as_deref().unwrap_or("the screen");
    let _ = writeln!(text, "{} {app}", quoted(title));
    // The depths, in the snapshot, of the shown nodes around this one.
    let mut around: Vec<u32> = Vec::new();
    let (mut shown, mut hidden, mut cut) = (0, 0, 0);
    for node in &snapshot.nodes {
        while around.last().is_some_and(|depth| *depth >= node.depth) {
            around.pop();
        }
        if how.interactive && !counts(node) {
            continue;
        }
        if !how.offscreen && is(node, "offscreen") {
            hidden += 1;
            continue;
        }
        if shown == how.lines {
            cut += 1;
            continue;
        }
        shown += 1;
        line(&mut text, node, around.len());
        around.push(node.depth);
    }
    if hidden > 0 {
        let _ = writeln!(text, "({hidden} more off the screen: scroll to them)");
    }
    if cut > 0 {
        let _ = writeln!(text, "({cut} more are left out here)");
    }
    if snapshot.truncated {
        text.push_str("(the device had more than fits into a snapshot)\n");
    }
    if shown + hidden + cut == 0 {
        text.push_str("(nothing here)\n");
    }
    text
}

fn counts(node: &Node) -> bool {
    let says = !node.label.is_empty() || node.value.is_some();
    is_of_use(&node.role, states(&node.states), says)
}

fn is(node: &Node, state: &str) -> bool {
    node.states.iter().any(|one| one == state)
}

fn line(text: &mut String, node: &Node, indent: usize) {
    let _ = write!(
        text,
        "{:indent$}{} {}",
        "",
        node.reference,
        node.role,
        indent = 2 + 2 * indent
    );
    if !node.label.is_empty() {
        let _ = write!(text, " {}", quoted(&node.label));
    }
    if let Some(value) = &node.value {
        let _ = write!(text, " value={}", quoted(value));
    }
    if let Some(identifier) = node.identifier.as_deref().filter(|name| !name.is_empty()) {
        let _ = write!(text, " id={}", quoted(identifier));
    }
    // What is usual is not said.
    let mut states: Vec<&str> = [
        "focused",
        "selected",
        "checked",
        "expanded",
        "secure",
        "scrollable",
        "offscreen",
    ]
    .into_iter()
    .filter(|state| is(node, state))
    .collect();
    if !is(node, "enabled") {
        states.push("disabled");
    }
    if !states.is_empty() {
        let _ = write!(text, " [{}]", states.join(" "));
    }
    text.push('\n');
}

/// On one line, short, and without anything that a terminal would obey.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u32, depth: u32, role: &str, label: &str, states: &[&str]) -> Node {
        Node {
            reference: format!("@e{number}"),
            depth,
            role: role.into(),
            label: label.into(),
            value: None,
            identifier: None,
            rect: None,
            states: states.iter().map(ToString::to_string).collect(),
        }
    }

    fn snapshot() -> Snapshot {
        let field = node(3, 2, "textbox", "Code", &["enabled", "editable", "secure"]);
        Snapshot {
            app: Some("https://example.test/".into()),
            title: Some("Sign in".into()),
            truncated: false,
            nodes: vec![
                node(1, 0, "group", "", &["enabled"]),
                node(2, 1, "form", "", &["enabled"]),
                field,
                node(4, 2, "button", "Next", &["hittable"]),
                node(5, 1, "link", "Far\nbelow", &["enabled", "offscreen"]),
            ],
        }
    }

    const ALL: Outline = Outline {
        interactive: false,
        offscreen: true,
        lines: 100,
    };

    #[test]
    fn a_snapshot_is_a_line_for_each_node_with_its_ref() {
        assert_eq!(
            outline(&snapshot(), ALL),
            "\"Sign in\" https://example.test/\n\
             \x20 @e1 group\n\
             \x20   @e2 form\n\
             \x20     @e3 textbox \"Code\" [secure]\n\
             \x20     @e4 button \"Next\" [disabled]\n\
             \x20   @e5 link \"Far\\nbelow\" [offscreen]\n"
        );
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_what_is_hidden_is_counted() {
        let how = Outline {
            interactive: true,
            offscreen: false,
            lines: 1,
        };
        assert_eq!(
            outline(&snapshot(), how),
            "\"Sign in\" https://example.test/\n\
             \x20 @e3 textbox \"Code\" [secure]\n\
             (1 more off the screen: scroll to them)\n\
             (1 more are left out here)\n"
        );
    }
}

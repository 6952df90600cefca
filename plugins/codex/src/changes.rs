//! `fileChange`: files that are written, changed, moved or deleted.

use hostler_sdk::acp;
use hostler_sdk::text::{one_line, relative};
use serde::Deserialize;
use serde_json::json;

use crate::items::View;

#[derive(Debug, Deserialize)]
struct FileChange {
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    path: String,
    kind: Kind,
    /// Of `update` a unified diff without a head, else the file's content.
    #[serde(default)]
    diff: String,
}

#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
    move_path: Option<String>,
}

pub(crate) fn show(view: &mut View, item: &str, cwd: &str) -> serde_json::Result<()> {
    let FileChange { changes } = serde_json::from_str(item)?;
    view.kind = match changes.as_slice() {
        [change] if change.kind.name == "delete" => acp::ToolKind::Delete,
        _ => acp::ToolKind::Edit,
    };
    view.title = title(&changes, cwd);
    view.locations = changes.iter().flat_map(Change::places).collect();
    view.content = changes.iter().flat_map(Change::diffs).collect();
    let files = changes
        .iter()
        .map(|change| json!({"path": change.path, "kind": change.kind.name}));
    view.raw_input = Some(json!({"changes": files.collect::<Vec<_>>()}));
    Ok(())
}

fn title(changes: &[Change], cwd: &str) -> String {
    let [change] = changes else {
        return format!("Change {} files", changes.len());
    };
    let path = relative(&change.path, cwd);
    one_line(&match (change.kind.name.as_str(), &change.kind.move_path) {
        ("add", _) => format!("Write {path}"),
        ("delete", _) => format!("Delete {path}"),
        (_, Some(to)) => format!("Move {path} to {}", relative(to, cwd)),
        _ => format!("Edit {path}"),
    })
}

impl Change {
    fn path(&self) -> &str {
        self.kind.move_path.as_deref().unwrap_or(&self.path)
    }

    fn diffs(&self) -> Vec<acp::ToolCallContent> {
        let diffs = match self.kind.name.as_str() {
            "add" => vec![acp::Diff::new(&self.path, self.diff.as_str())],
            "delete" => vec![acp::Diff::new(&self.path, "").old_text(self.diff.clone())],
            _ => hunks(&self.diff)
                .map(|hunk| acp::Diff::new(self.path(), hunk.side('+')).old_text(hunk.side('-')))
                .collect(),
        };
        diffs.into_iter().map(acp::ToolCallContent::Diff).collect()
    }

    fn places(&self) -> Vec<acp::ToolCallLocation> {
        let places: Vec<_> = hunks(&self.diff)
            .filter(|_| self.kind.name == "update")
            .map(|hunk| acp::ToolCallLocation::new(self.path()).line(hunk.line))
            .collect();
        match places.as_slice() {
            [] => vec![acp::ToolCallLocation::new(self.path())],
            _ => places,
        }
    }
}

/// A piece of a unified diff.
struct Hunk<'a> {
    /// Where it begins in the new file, counted from 1.
    line: Option<u32>,
    lines: Vec<&'a str>,
}

/// The hunks of a unified diff. Without a head of its own, all of it is one.
fn hunks(diff: &str) -> impl Iterator<Item = Hunk<'_>> {
    let mut hunks: Vec<Hunk<'_>> = Vec::new();
    for line in diff.split_inclusive('\n') {
        match (line.strip_prefix("@@ "), hunks.last_mut()) {
            (Some(head), _) => hunks.push(Hunk {
                line: new_start(head),
                lines: Vec::new(),
            }),
            (None, Some(hunk)) => hunk.lines.push(line),
            (None, None) if line.starts_with([' ', '-', '+']) => hunks.push(Hunk {
                line: None,
                lines: vec![line],
            }),
            (None, None) => {}
        }
    }
    hunks.into_iter()
}

/// The 7 of `-5,3 +7,4 @@`.
fn new_start(head: &str) -> Option<u32> {
    let (_, new) = head.split_once('+')?;
    let digits = new.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

impl Hunk<'_> {
    /// The text of one side: common lines and those marked with `mark`.
    fn side(&self, mark: char) -> String {
        let mut side = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            // Some programs leave the blank of an empty common line away.
            let Some(line) = line
                .strip_prefix([' ', mark])
                .or(line.eq(&"\n").then_some(*line))
            else {
                continue;
            };
            // `\ No newline at end of file` is about the line before it.
            let next = self.lines.get(index + 1);
            let ends = next.is_some_and(|next| next.starts_with('\\'));
            side.push_str(if ends {
                line.trim_end_matches('\n')
            } else {
                line
            });
        }
        side
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::items::tests::view;

    fn show(changes: &Value) -> (String, Value, Value) {
        let view = view(&json!({"type": "fileChange", "id": "i", "changes": changes}));
        let value = |value| serde_json::to_value(value).unwrap();
        (
            view.title,
            serde_json::to_value(view.content).unwrap(),
            value(view.locations),
        )
    }

    #[test]
    fn each_hunk_of_an_update_is_a_diff_at_its_line() {
        let diff = "@@ -1,2 +1,2 @@\n a\n-b\n+B\n@@ -8,1 +9,1 @@ fn x()\n-x\n\\ No newline at end of file\n+y\n";
        let (title, content, places) = show(&json!([
            {"path": "/w/a", "kind": {"type": "update", "move_path": null}, "diff": diff}]));
        assert_eq!(title, "Edit a");
        assert_eq!(
            content,
            json!([
                {"type": "diff", "path": "/w/a", "oldText": "a\nb\n", "newText": "a\nB\n"},
                {"type": "diff", "path": "/w/a", "oldText": "x", "newText": "y\n"},
            ])
        );
        assert_eq!(
            places,
            json!([{"path": "/w/a", "line": 1}, {"path": "/w/a", "line": 9}])
        );
    }

    #[test]
    fn a_new_file_is_all_new_and_a_deleted_one_all_old() {
        let (title, content, _) = show(&json!([
            {"path": "/w/a", "kind": {"type": "add"}, "diff": "x\n"},
            {"path": "/w/b", "kind": {"type": "delete"}, "diff": "y\n"}]));
        assert_eq!(title, "Change 2 files");
        assert_eq!(
            content,
            json!([
                {"type": "diff", "path": "/w/a", "newText": "x\n"},
                {"type": "diff", "path": "/w/b", "oldText": "y\n", "newText": ""},
            ])
        );
    }

    #[test]
    fn a_moved_file_is_shown_where_it_goes() {
        let (title, _, places) = show(&json!([
            {"path": "/w/a", "kind": {"type": "update", "move_path": "/w/b"}, "diff": ""}]));
        assert_eq!(title, "Move a to b");
        assert_eq!(places, json!([{"path": "/w/b"}]));
    }
}

//! What tools bring: nothing of it is done.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

/// Tools that only look: they are never asked about.
const LOOKING: [&str; 6] = [
    "read",
    "grep",
    "glob",
    "web_search",
    "todo_write",
    "subtask",
];

/// Tools whose output is a person's answer.
const OF_PEOPLE: [&str; 2] = ["user_ask", "propose_plan"];

pub(crate) fn is_of_people(tool: &str) -> bool {
    OF_PEOPLE.contains(&tool)
}

pub(crate) fn only_looks(tool: &str) -> bool {
    LOOKING.contains(&tool) || is_of_people(tool)
}

/// How long a tool takes.
pub(crate) fn takes(tool: &str, input: &Value) -> Duration {
    let command = input["command"].as_str().filter(|_| tool == "bash");
    let seconds = command.and_then(|command| command.rsplit_once("sleep ")?.1.parse().ok());
    Duration::from_secs(seconds.unwrap_or_default())
}

/// The output of a tool, or why it failed. `files` are those of the thread.
pub(crate) fn output(
    tool: &str,
    input: &Value,
    files: &mut BTreeMap<String, String>,
) -> Result<Value, String> {
    let text = |member: &str| input[member].as_str().unwrap_or_default().to_owned();
    let missing = |path: &str| format!("there is no file {path}");
    match tool {
        "bash" => {
            let command = text("command");
            let code: i64 = match command.strip_prefix("exit ") {
                Some(code) => code.trim().parse().unwrap_or(1),
                None => 0,
            };
            Ok(json!({"stdout": format!("$ {command}\n"), "stderr": "", "exitCode": code}))
        }
        "read" => {
            let path = text("path");
            let content = files.get(&path).ok_or_else(|| missing(&path))?;
            Ok(json!({"content": content}))
        }
        "write" => {
            files.insert(text("path"), text("content"));
            Ok(json!({"ok": true}))
        }
        "edit" => {
            let path = text("path");
            let content = files.get_mut(&path).ok_or_else(|| missing(&path))?;
            *content = content.replacen(&text("old_string"), &text("new_string"), 1);
            Ok(json!({"ok": true}))
        }
        "todo_write" => {
            let count = input["todos"].as_array().map_or(0, Vec::len);
            Ok(json!({"ok": true, "count": count}))
        }
        _ => Ok(json!({"ok": true})),
    }
}

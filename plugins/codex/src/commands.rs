//! `commandExecution`: a command line and what it printed.

use hostler_sdk::acp;
use hostler_sdk::text::{fenced, one_line, relative};
use serde::Deserialize;
use serde_json::json;

use crate::items::{View, numbers, text};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command {
    command: String,
    #[serde(default)]
    cwd: String,
    #[serde(default)]
    command_actions: Vec<Action>,
    aggregated_output: Option<String>,
    exit_code: Option<i64>,
    duration_ms: Option<u64>,
}

/// What a part of the command line does, as far as Codex can tell.
#[derive(Debug, Deserialize)]
struct Action {
    #[serde(rename = "type")]
    kind: String,
    path: Option<String>,
    query: Option<String>,
}

pub(crate) fn show(view: &mut View, item: &str, cwd: &str) -> serde_json::Result<()> {
    let command: Command = serde_json::from_str(item)?;
    let line = script(&command.command);
    let (kind, title) = nature(&command.command_actions, cwd).unwrap_or_else(|| {
        let title = one_line(&line);
        (acp::ToolKind::Execute, title)
    });
    view.kind = kind;
    // Nobody should see half of a command.
    view.content
        .extend((title != line).then(|| text(fenced("sh", &line))));
    view.title = title;
    let paths = command
        .command_actions
        .iter()
        .filter_map(|action| action.path.as_deref());
    let places = paths.map(|path| acp::ToolCallLocation::new(absolute(path, &command.cwd)));
    view.locations = places.collect();
    view.raw_input = Some(json!({"command": line, "cwd": command.cwd}));
    view.raw_output = numbers(command.exit_code, command.duration_ms);
    if let Some(output) = command
        .aggregated_output
        .filter(|output| !output.is_empty())
    {
        view.content.push(text(fenced("", &output)));
        view.has_output = true;
    }
    if let Some(code) = command.exit_code.filter(|code| *code != 0) {
        view.content.push(text(format!("Exit code {code}")));
    }
    Ok(())
}

/// The command as the model wrote it: Codex puts a shell around it.
pub(crate) fn script(command: &str) -> String {
    match shlex::split(command).as_deref() {
        Some([shell, flag, script]) if is_shell(shell) && matches!(flag.as_str(), "-lc" | "-c") => {
            script.clone()
        }
        _ => command.to_owned(),
    }
}

fn is_shell(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name, "bash" | "sh" | "zsh" | "dash" | "fish")
}

/// Kind and title of a command that only looks at things.
fn nature(actions: &[Action], cwd: &str) -> Option<(acp::ToolKind, String)> {
    let [action] = actions else {
        return None;
    };
    let place = action.path.as_deref().map(|path| relative(path, cwd));
    let of = |verb: &str, place: &str| one_line(&format!("{verb} {place}"));
    match (action.kind.as_str(), place, action.query.as_deref()) {
        ("read", Some(place), _) => Some((acp::ToolKind::Read, of("Read", place))),
        ("listFiles", place, _) => {
            Some((acp::ToolKind::Search, of("List", place.unwrap_or("files"))))
        }
        ("search", place, Some(query)) => {
            let place = place
                .map(|place| format!(" in {place}"))
                .unwrap_or_default();
            Some((
                acp::ToolKind::Search,
                of("Search", &format!("{query}{place}")),
            ))
        }
        _ => None,
    }
}

fn absolute(path: &str, cwd: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{}/{path}", cwd.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::items::tests::view;

    #[test]
    fn the_shell_around_a_command_is_taken_off() {
        for (command, expected) in [
            ("/bin/bash -lc 'touch a && ls'", "touch a && ls"),
            (r#"/bin/bash -lc "echo 'x'""#, "echo 'x'"),
            ("/bin/zsh -c ls", "ls"),
            ("git -c x", "git -c x"),
            ("/bin/bash -lc 'unclosed", "/bin/bash -lc 'unclosed"),
            ("make -c all", "make -c all"),
        ] {
            assert_eq!(script(command), expected);
        }
    }

    #[test]
    fn looking_is_told_apart_from_doing() {
        for (action, kind, title) in [
            (
                json!({"type": "read", "command": "cat a", "name": "a", "path": "/w/a"}),
                acp::ToolKind::Read,
                "Read a",
            ),
            (
                json!({"type": "listFiles", "command": "ls", "path": null}),
                acp::ToolKind::Search,
                "List files",
            ),
            (
                json!({"type": "search", "command": "rg x", "query": "x", "path": "src"}),
                acp::ToolKind::Search,
                "Search x in src",
            ),
            (
                json!({"type": "unknown", "command": "cat a"}),
                acp::ToolKind::Execute,
                "cat a",
            ),
        ] {
            let view = view(
                &json!({"type": "commandExecution", "id": "i", "status": "inProgress",
                "command": "/bin/bash -lc 'cat a'", "cwd": "/w", "commandActions": [action]}),
            );
            assert_eq!((view.kind, view.title.as_str()), (kind, title));
        }
    }

    #[test]
    fn a_command_that_the_title_cannot_hold_is_shown_whole() {
        let view = view(&json!({"type": "commandExecution", "id": "i",
            "command": "/bin/bash -lc 'echo one\nrm -rf /'"}));
        assert_eq!(view.title, "echo one …");
        assert_eq!(view.content, [text("```sh\necho one\nrm -rf /\n```")]);
    }

    #[test]
    fn a_failure_shows_output_and_exit_code() {
        let view = view(
            &json!({"type": "commandExecution", "id": "i", "status": "failed",
            "command": "false", "aggregatedOutput": "no\n", "exitCode": 3, "durationMs": 1}),
        );
        assert_eq!(view.status, acp::ToolCallStatus::Failed);
        assert_eq!(view.content, [text("```\nno\n```"), text("Exit code 3")]);
        assert_eq!(
            view.raw_output,
            Some(json!({"exitCode": 3, "durationMs": 1}))
        );
    }
}

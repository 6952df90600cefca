//! What a tool call looks like before it has run: kind, title, places, preview.

use hostler_sdk::{
    acp,
    text::{fenced, one_line, relative},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The tool by which the model wants to leave the plan mode.
pub(crate) const EXIT_PLAN_MODE: &str = "ExitPlanMode";

/// The kind that ACP has for a tool of Claude Code.
pub(crate) fn kind(tool: &str) -> acp::ToolKind {
    match tool {
        "Bash" | "BashOutput" | "KillShell" | "PowerShell" => acp::ToolKind::Execute,
        "Read" => acp::ToolKind::Read,
        "Edit" | "MultiEdit" | "Write" | "NotebookEdit" => acp::ToolKind::Edit,
        "Grep" | "Glob" | "LS" | "ToolSearch" => acp::ToolKind::Search,
        "WebFetch" | "WebSearch" => acp::ToolKind::Fetch,
        "Agent" | "TodoWrite" => acp::ToolKind::Think,
        "EnterPlanMode" | "ExitPlanMode" => acp::ToolKind::SwitchMode,
        // Task, TaskCreate, TaskUpdate, …
        tool if tool.starts_with("Task") => acp::ToolKind::Think,
        _ => acp::ToolKind::Other,
    }
}

/// The members of an input that say something to a person. Each tool has a few.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Input {
    command: Option<String>,
    description: Option<String>,
    file_path: Option<String>,
    notebook_path: Option<String>,
    path: Option<String>,
    pattern: Option<String>,
    query: Option<String>,
    url: Option<String>,
    prompt: Option<String>,
    plan: Option<String>,
    subject: Option<String>,
    offset: Option<u32>,
    old_string: Option<String>,
    new_string: Option<String>,
    new_source: Option<String>,
    content: Option<String>,
    questions: Vec<Question>,
}

/// Of `AskUserQuestion`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question {
    question: String,
}

/// A tool call as people see it, once its input is known.
#[derive(Debug)]
pub(crate) struct Preview {
    pub kind: acp::ToolKind,
    pub title: String,
    pub locations: Vec<acp::ToolCallLocation>,
    pub content: Vec<acp::ToolCallContent>,
    pub raw_input: Option<serde_json::Value>,
}

impl Preview {
    /// An input that is not as the tool has it gives a plainer preview. Paths
    /// below `cwd` are shown relative to it.
    pub(crate) fn new(tool: &str, input: &RawValue, cwd: &str) -> Self {
        let raw = input.get();
        let input: Input = serde_json::from_str(raw).unwrap_or_default();
        Self {
            kind: kind(tool),
            title: title(tool, &input, cwd),
            locations: locations(&input),
            content: content(tool, &input),
            raw_input: serde_json::from_str(raw).ok(),
        }
    }

    /// Adds a place, unless it is there already.
    pub(crate) fn locate(&mut self, path: &str) {
        if !self.locations.iter().any(|at| at.path.as_os_str() == path) {
            self.locations.push(acp::ToolCallLocation::new(path));
        }
    }

    /// All of it as the members of an update.
    pub(crate) fn fields(self) -> acp::ToolCallUpdateFields {
        acp::ToolCallUpdateFields::new()
            .kind(self.kind)
            .title(self.title)
            .locations(self.locations)
            .content(self.content)
            .raw_input(self.raw_input)
    }
}

fn title(tool: &str, input: &Input, cwd: &str) -> String {
    let file = || {
        let path = input.file_path.as_ref().or(input.notebook_path.as_ref())?;
        Some(relative(path, cwd))
    };
    let subject = match tool {
        "Bash" | "PowerShell" => return input.command.as_deref().map_or(tool.into(), one_line),
        "Read" | "Edit" | "MultiEdit" | "Write" | "NotebookEdit" => file(),
        "Grep" | "Glob" => input.pattern.as_deref(),
        "LS" => input.path.as_deref().map(|path| relative(path, cwd)),
        "WebFetch" => input.url.as_deref(),
        "WebSearch" | "ToolSearch" => input.query.as_deref(),
        "AskUserQuestion" => {
            let question = input.questions.first();
            return question.map_or("Question".into(), |it| one_line(&it.question));
        }
        _ => input.description.as_deref().or(input.subject.as_deref()),
    };
    match (tool, subject) {
        ("ExitPlanMode", _) => "Ready to code?".into(),
        ("EnterPlanMode", _) => "Make a plan first".into(),
        ("Grep" | "Glob", Some(pattern)) => {
            let place = input.path.as_deref().map(|path| relative(path, cwd));
            let place = place.map(|path| format!(" in {path}")).unwrap_or_default();
            one_line(&format!("{tool} {pattern}{place}"))
        }
        (_, Some(subject)) => one_line(&format!("{} {subject}", name(tool))),
        (_, None) => name(tool),
    }
}

/// `mcp__SERVER__TOOL` as `SERVER: TOOL`, other names as they are.
pub(crate) fn name(tool: &str) -> String {
    match tool
        .strip_prefix("mcp__")
        .and_then(|rest| rest.split_once("__"))
    {
        Some((server, tool)) => format!("{server}: {tool}"),
        None => tool.into(),
    }
}

fn locations(input: &Input) -> Vec<acp::ToolCallLocation> {
    [&input.file_path, &input.notebook_path, &input.path]
        .into_iter()
        .flatten()
        .map(|path| acp::ToolCallLocation::new(path.as_str()).line(input.offset))
        .collect()
}

fn content(tool: &str, input: &Input) -> Vec<acp::ToolCallContent> {
    let diff = |old: Option<&String>, new: &String| {
        let path = input.file_path.as_deref()?;
        let diff = acp::Diff::new(path, new.as_str()).old_text(old.cloned());
        Some(acp::ToolCallContent::Diff(diff))
    };
    match tool {
        "Bash" | "PowerShell" => {
            let command = input.command.as_deref().unwrap_or_default();
            // Nobody should allow a command that they have seen half of.
            let whole = (one_line(command) != command).then(|| text(fenced("sh", command)));
            let about = input.description.as_deref().map(text);
            about.into_iter().chain(whole).collect()
        }
        "Edit" => {
            let new = input.new_string.as_ref();
            let diff = new.and_then(|new| diff(input.old_string.as_ref(), new));
            diff.into_iter().collect()
        }
        "Write" => {
            let new = input.content.as_ref();
            new.and_then(|new| diff(None, new)).into_iter().collect()
        }
        "NotebookEdit" => {
            let cell = input.new_source.as_deref();
            cell.map(|cell| text(fenced("", cell)))
                .into_iter()
                .collect()
        }
        _ => {
            let words = input.plan.as_deref().or(input.prompt.as_deref());
            words.map(text).into_iter().collect()
        }
    }
}

/// A text as the content of a tool call.
pub(crate) fn text(text: impl Into<String>) -> acp::ToolCallContent {
    let block = acp::ContentBlock::Text(acp::TextContent::new(text));
    acp::ToolCallContent::Content(acp::Content::new(block))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn preview(tool: &str, input: &serde_json::Value) -> Preview {
        let raw = RawValue::from_string(input.to_string()).unwrap();
        Preview::new(tool, &raw, "/w")
    }

    #[test]
    fn titles_say_what_is_done_to_what() {
        for (tool, input, title) in [
            ("Bash", json!({"command": "ls -l"}), "ls -l"),
            ("Bash", json!({}), "Bash"),
            ("Read", json!({"file_path": "/w/src/a.rs"}), "Read src/a.rs"),
            (
                "Read",
                json!({"file_path": "/wide/a.rs"}),
                "Read /wide/a.rs",
            ),
            (
                "Grep",
                json!({"pattern": "fn", "path": "/w/src"}),
                "Grep fn in src",
            ),
            (
                "WebFetch",
                json!({"url": "http://x/"}),
                "WebFetch http://x/",
            ),
            ("Agent", json!({"description": "look"}), "Agent look"),
            ("mcp__db__query", json!({"sql": 1}), "db: query"),
            ("ExitPlanMode", json!({"plan": "1."}), "Ready to code?"),
        ] {
            assert_eq!(preview(tool, &input).title, title);
        }
    }

    #[test]
    fn kinds_follow_the_tool() {
        assert_eq!(kind("TaskUpdate"), acp::ToolKind::Think);
        assert_eq!(kind("NotebookEdit"), acp::ToolKind::Edit);
        assert_eq!(kind("mcp__db__query"), acp::ToolKind::Other);
    }

    #[test]
    fn a_command_that_the_title_cannot_hold_is_shown_whole() {
        let command = "echo one\nrm -rf /";
        let preview = preview("Bash", &json!({"command": command}));
        assert_eq!(preview.title, "echo one …");
        assert_eq!(preview.content, [text("```sh\necho one\nrm -rf /\n```")]);
    }

    #[test]
    fn an_edit_is_shown_as_a_diff_at_its_place() {
        let input = json!({"file_path": "/w/a", "old_string": "x", "new_string": "y"});
        let preview = preview("Edit", &input);
        let diff = acp::Diff::new("/w/a", "y").old_text("x");
        assert_eq!(preview.content, [acp::ToolCallContent::Diff(diff)]);
        assert_eq!(preview.locations, [acp::ToolCallLocation::new("/w/a")]);
        assert_eq!(preview.raw_input, Some(input));
    }

    #[test]
    fn an_input_of_another_shape_is_shown_as_it_is() {
        let preview = preview("Bash", &json!({"command": 7}));
        assert_eq!(preview.title, "Bash");
        assert_eq!(preview.raw_input, Some(json!({"command": 7})));
    }
}

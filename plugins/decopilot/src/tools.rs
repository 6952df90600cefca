//! What a call of a tool looks like, by the tool's name. Paths are those of the
//! service's sandbox: they stand in titles, and are no places in the workspace.

use hostler_sdk::acp;
use hostler_sdk::text::{fenced, one_line};
use serde_json::Value;

use crate::{
    content::{self, text},
    part::Part,
};

/// A tool call as people see it.
#[derive(Debug)]
pub(crate) struct View {
    pub kind: acp::ToolKind,
    pub title: String,
    pub status: acp::ToolCallStatus,
    pub content: Vec<acp::ToolCallContent>,
    pub raw_input: Option<Value>,
    pub raw_output: Option<Value>,
}

/// The most of an output that is shown as it came, in bytes: it goes to every
/// client and into the journal.
const MAX_RAW: usize = 64 << 10;

/// By the names of Decopilot's own tools. Tools of connections have names of
/// their own.
pub(crate) fn kind(tool: &str) -> acp::ToolKind {
    match tool {
        "read" | "read_tool_output" | "read_resource" | "read_prompt" | "open" => {
            acp::ToolKind::Read
        }
        "write" | "edit" => acp::ToolKind::Edit,
        "bash" => acp::ToolKind::Execute,
        "grep" | "glob" | "search_tool" | "enable_tool" | "enable_tools" => acp::ToolKind::Search,
        "web_search" | "deep_research" | "scrape_url" | "inspect_page" | "take_screenshot"
        | "fetch" => acp::ToolKind::Fetch,
        "subtask" | "todo_write" => acp::ToolKind::Think,
        "propose_plan" => acp::ToolKind::SwitchMode,
        "copy_to_sandbox" | "share_with_user" => acp::ToolKind::Move,
        _ => acp::ToolKind::Other,
    }
}

impl View {
    pub(crate) fn new(part: &Part) -> Self {
        let tool = part.tool();
        let input = &part.json["input"];
        let output = part.json.get("output").filter(|output| !output.is_null());
        let preliminary = part.json["preliminary"] == true;
        let mut view = Self {
            kind: kind(tool),
            title: title(tool, part.text("title"), input),
            status: match part.text("state") {
                "input-streaming" | "approval-requested" => acp::ToolCallStatus::Pending,
                "output-available" if preliminary => acp::ToolCallStatus::InProgress,
                "output-available" => acp::ToolCallStatus::Completed,
                "output-error" | "output-denied" => acp::ToolCallStatus::Failed,
                _ => acp::ToolCallStatus::InProgress,
            },
            content: before(tool, input),
            raw_input: small(input),
            raw_output: output.and_then(small),
        };
        if let Some(output) = output {
            let (shown, failed) = content::output(output);
            view.content.extend(shown);
            if failed && !preliminary {
                view.status = acp::ToolCallStatus::Failed;
            }
        }
        match part.text("state") {
            "output-error" => view.content.push(text(part.text("errorText"))),
            "output-denied" => view.content.push(text("Denied.")),
            _ => {}
        }
        view
    }

    /// All of it as the first sign of a call.
    pub(crate) fn call(self, id: &str) -> acp::ToolCall {
        let mut call = acp::ToolCall::new(id.to_owned(), self.title)
            .kind(self.kind)
            .status(self.status);
        call.content = self.content;
        call.raw_input = self.raw_input;
        call.raw_output = self.raw_output;
        call
    }

    /// The same as an update.
    pub(crate) fn update(self, id: &str) -> acp::ToolCallUpdate {
        let fields = acp::ToolCallUpdateFields::new()
            .kind(self.kind)
            .title(self.title)
            .status(self.status)
            .content(self.content)
            .raw_input(self.raw_input)
            .raw_output(self.raw_output);
        acp::ToolCallUpdate::new(id.to_owned(), fields)
    }
}

fn small(value: &Value) -> Option<Value> {
    let fits = !value.is_null() && value.to_string().len() <= MAX_RAW;
    fits.then(|| value.clone())
}

fn title(tool: &str, given: &str, input: &Value) -> String {
    let text = |member: &str| input[member].as_str().filter(|text| !text.is_empty());
    let about = |word: &str, member: &str| Some(format!("{word} {}", text(member)?));
    let title = match tool {
        "read" => about("Read", "path"),
        "write" => about("Write", "path"),
        "edit" => about("Edit", "path"),
        "bash" => text("command").map(ToOwned::to_owned),
        "grep" => about("Search for", "pattern"),
        "glob" => about("Find", "pattern"),
        "web_search" | "deep_research" => about("Search the web for", "query"),
        "scrape_url" | "inspect_page" | "take_screenshot" => about("Look at", "url"),
        "subtask" => about("Subtask:", "prompt"),
        "generate_image" => about("Draw", "prompt"),
        "user_ask" => text("prompt").map(ToOwned::to_owned),
        "propose_plan" => Some("Plan".to_owned()),
        _ => None,
    };
    let words = || match given {
        "" if tool.is_empty() => "Tool".to_owned(),
        "" => tool.replace('_', " "),
        given => given.to_owned(),
    };
    one_line(&title.unwrap_or_else(words))
}

/// What a call is going to do.
fn before(tool: &str, input: &Value) -> Vec<acp::ToolCallContent> {
    let text_of = |member: &str| input[member].as_str().unwrap_or_default();
    let path = || text_of("path");
    match tool {
        "write" if !path().is_empty() => {
            let diff = acp::Diff::new(path(), text_of("content"));
            vec![acp::ToolCallContent::Diff(diff)]
        }
        "edit" if !path().is_empty() => {
            let diff = acp::Diff::new(path(), text_of("new_string"));
            let diff = diff.old_text(text_of("old_string").to_owned());
            vec![acp::ToolCallContent::Diff(diff)]
        }
        "bash" if one_line(text_of("command")) != text_of("command") => {
            vec![text(fenced("sh", text_of("command")))]
        }
        "subtask" | "propose_plan" => {
            let words = [text_of("prompt"), text_of("plan")].concat();
            (!words.is_empty())
                .then(|| text(words))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

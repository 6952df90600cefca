//! A permission that was asked for, and how the question looks.

use agent_client_protocol_schema::v1::{PermissionOption, ToolCall};
use hostler_wire::Id;

use super::{
    lines::{diff_lines, title_of},
    text::{clean, one_line},
};

/// Lines of a diff in a question. Who decides should see the whole of a usual
/// edit.
const DIFF_LINES: usize = 60;

/// Characters of a tool's title or input in a question; the question shows when
/// there are more.
const INPUT_CHARS: usize = 4000;

/// A permission that was asked for.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) id: Id,
    pub(crate) call: ToolCall,
    pub(crate) options: Vec<PermissionOption>,
}

impl Question {
    /// The question as it is shown: what would be done, and the choices. The
    /// last line waits for an answer.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "? May it do this: {}",
            title_of(&self.call, INPUT_CHARS)
        )];
        let mut details = diff_lines(&self.call, DIFF_LINES);
        if details.is_empty() {
            details = input_lines(&self.call);
        }
        lines.extend(details.into_iter().map(|line| format!("    {line}")));
        for (at, option) in self.options.iter().enumerate() {
            lines.push(format!("  {}) {}", at + 1, one_line(&option.name, 80)));
        }
        lines.push(format!("Choose 1 to {}: ", self.options.len()));
        lines
    }
}

/// What the tool is called with, a member a line.
fn input_lines(call: &ToolCall) -> Vec<String> {
    let text = match &call.raw_input {
        Some(serde_json::Value::Object(members)) => {
            let members = members.iter().map(|(name, value)| match value {
                serde_json::Value::String(text) => format!("{name}: {text}"),
                other => format!("{name}: {other}"),
            });
            members.collect::<Vec<_>>().join("\n")
        }
        Some(other) => other.to_string(),
        None => return Vec::new(),
    };
    let shown: String = text.chars().take(INPUT_CHARS).collect();
    let mut lines: Vec<_> = shown.lines().map(|line| clean(line).into_owned()).collect();
    let more = text.chars().count().saturating_sub(INPUT_CHARS);
    if more > 0 {
        lines.push(format!("… and {more} characters more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_long_input_is_cut_and_the_question_says_so() {
        let call = ToolCall::new("t", "Bash").raw_input(json!("x".repeat(INPUT_CHARS)));
        let lines = input_lines(&call);
        assert_eq!(lines.last().unwrap(), "… and 2 characters more");
    }
}

//! What arrives, shown. The agent's message goes to stdout and everything else
//! to stderr, so that `hostler prompt … > answer.txt` gets the answer alone.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use agent_client_protocol_schema::v1::{
    ContentChunk, Notice, NoticeSeverity, Plan, PlanEntry, SessionUpdate, ToolCall, ToolCallId,
    ToolCallStatus, ToolCallUpdate,
};

use super::{
    lines::{content, diff_lines, plan_line, reason, title},
    text::clean,
};

/// Lines of a diff below its tool call.
const DIFF_LINES: usize = 12;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Where the two streams lead.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// Someone reads stdout on a terminal.
    pub(crate) out_terminal: bool,
    /// Someone reads stderr on a terminal.
    pub(crate) err_terminal: bool,
    /// Colours are wanted.
    pub(crate) colour: bool,
}

/// Shows one turn.
pub(crate) struct Renderer<O, E> {
    out: O,
    err: E,
    style: Style,
    tools: HashMap<ToolCallId, ToolCall>,
    plan: Vec<PlanEntry>,
    /// Stdout is in the middle of a line.
    text_open: bool,
    /// Stderr is in the middle of a line of thoughts.
    thought_open: bool,
    /// Stderr is in the middle of a question's last line.
    asking: bool,
    /// What comes next on stdout is another message.
    next_message: bool,
    /// The message that was shown last.
    message: Option<String>,
}

impl<O: Write, E: Write> Renderer<O, E> {
    pub(crate) fn new(out: O, err: E, style: Style) -> Self {
        Self {
            out,
            err,
            style,
            tools: HashMap::new(),
            plan: Vec::new(),
            text_open: false,
            thought_open: false,
            asking: false,
            next_message: false,
            message: None,
        }
    }

    pub(crate) fn update(&mut self, update: SessionUpdate) -> io::Result<()> {
        match update {
            SessionUpdate::AgentMessageChunk(chunk) => self.message(&chunk),
            SessionUpdate::AgentThoughtChunk(chunk) => self.thought(&chunk),
            SessionUpdate::ToolCall(call) => {
                let before = self.tools.get(&call.tool_call_id).map(|call| call.status);
                self.tools.insert(call.tool_call_id.clone(), call.clone());
                self.tool(&call, before)
            }
            SessionUpdate::ToolCallUpdate(update) => {
                let before = self.tools.get(&update.tool_call_id).map(|call| call.status);
                let call = self.known(update);
                self.tool(&call, before)
            }
            SessionUpdate::Plan(plan) => self.plan(plan),
            SessionUpdate::Notice(notice) => self.notice(&notice),
            // The prompt is the user's own; commands, modes, options and usage
            // are for clients that offer a choice.
            _ => Ok(()),
        }
    }

    /// A tool call with all that is known of it. It is kept.
    pub(crate) fn known(&mut self, update: ToolCallUpdate) -> ToolCall {
        let call = self
            .tools
            .entry(update.tool_call_id.clone())
            .or_insert_with(|| ToolCall::new(update.tool_call_id, ""));
        call.update(update.fields);
        call.clone()
    }

    /// What the agent says next is another message.
    pub(crate) fn next_message(&mut self) {
        self.next_message = true;
    }

    /// One line that is not the agent's.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        self.aside()?;
        writeln!(self.err, "{line}")
    }

    /// Like [`say`](Self::say), for a question: the cursor stays on the line.
    pub(crate) fn question(&mut self, lines: &[String]) -> io::Result<()> {
        self.aside()?;
        self.asking = true;
        write!(self.err, "{}", lines.join("\n"))?;
        self.err.flush()
    }

    /// A line was typed, so that the terminal is at the start of the next.
    pub(crate) fn typed(&mut self) {
        self.asking = false;
    }

    /// Ends the last line.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.end_thought()?;
        self.end_text()?;
        self.out.flush()
    }

    fn message(&mut self, chunk: &ContentChunk) -> io::Result<()> {
        self.end_thought()?;
        let id = chunk.message_id.as_ref().map(ToString::to_string);
        self.next_message |= id.is_some() && self.message.is_some() && id != self.message;
        if self.next_message {
            self.end_text()?;
        }
        self.next_message = false;
        if id.is_some() {
            self.message = id;
        }
        let shown = content(&chunk.content);
        if shown.is_empty() {
            return Ok(());
        }
        self.text_open = !shown.ends_with('\n');
        if self.style.out_terminal {
            write!(self.out, "{}", clean(&shown))?;
        } else {
            write!(self.out, "{shown}")?;
        }
        self.out.flush()
    }

    /// Thoughts are for someone who watches; a log is better without them.
    fn thought(&mut self, chunk: &ContentChunk) -> io::Result<()> {
        if !self.style.err_terminal {
            return Ok(());
        }
        let shown = content(&chunk.content);
        if shown.is_empty() {
            return Ok(());
        }
        if !self.thought_open {
            self.aside()?;
        }
        self.thought_open = !shown.ends_with('\n');
        let (dim, plain) = self.dim();
        write!(self.err, "{dim}{}{plain}", clean(&shown))?;
        self.err.flush()
    }

    /// One line when it begins to run and one when it has ended.
    fn tool(&mut self, call: &ToolCall, before: Option<ToolCallStatus>) -> io::Result<()> {
        self.next_message = true;
        let (mark, word) = match call.status {
            ToolCallStatus::InProgress => ("…", "running"),
            ToolCallStatus::Completed => ("✓", "done"),
            ToolCallStatus::Failed => ("✗", "failed"),
            _ => return Ok(()),
        };
        if before == Some(call.status) {
            return Ok(());
        }
        self.aside()?;
        writeln!(self.err, "{mark} {} ({word})", title(call))?;
        if call.status == ToolCallStatus::Completed {
            self.diffs(call)?;
        }
        if call.status == ToolCallStatus::Failed
            && let Some(reason) = reason(call)
        {
            writeln!(self.err, "    {reason}")?;
        }
        Ok(())
    }

    fn diffs(&mut self, call: &ToolCall) -> io::Result<()> {
        for line in diff_lines(call, DIFF_LINES) {
            let colour = match line.chars().next() {
                Some('+') => "\x1b[32m",
                Some('-') => "\x1b[31m",
                _ => "",
            };
            if self.coloured() && !colour.is_empty() {
                writeln!(self.err, "    {colour}{line}{PLAIN}")?;
            } else {
                writeln!(self.err, "    {line}")?;
            }
        }
        Ok(())
    }

    /// The whole plan once, then what changes.
    fn plan(&mut self, plan: Plan) -> io::Result<()> {
        let changed: Vec<_> = plan
            .entries
            .iter()
            .enumerate()
            .filter(|(at, entry)| {
                self.plan
                    .get(*at)
                    .is_none_or(|old| old.content != entry.content || old.status != entry.status)
            })
            .map(|(_, entry)| plan_line(entry))
            .collect();
        self.plan = plan.entries;
        for line in changed {
            self.say(&line)?;
        }
        Ok(())
    }

    fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        let mark = match notice.severity {
            NoticeSeverity::Info => "i",
            _ => "!",
        };
        self.say(&format!("{mark} {}", clean(&notice.title)))?;
        match &notice.description {
            Some(description) => self.say(&format!("    {}", clean(description))),
            None => Ok(()),
        }
    }

    /// Gets stderr to the start of a line; on a terminal that takes ending the
    /// line of stdout.
    fn aside(&mut self) -> io::Result<()> {
        self.end_thought()?;
        if std::mem::take(&mut self.asking) {
            writeln!(self.err)?;
        }
        if self.style.out_terminal && self.style.err_terminal {
            self.end_text()?;
        }
        Ok(())
    }

    fn end_text(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.text_open) {
            writeln!(self.out)?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn end_thought(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.thought_open) {
            writeln!(self.err)?;
        }
        Ok(())
    }

    fn coloured(&self) -> bool {
        self.style.err_terminal && self.style.colour
    }

    fn dim(&self) -> (&'static str, &'static str) {
        if self.coloured() {
            (DIM, PLAIN)
        } else {
            ("", "")
        }
    }
}

#[cfg(test)]
mod tests;

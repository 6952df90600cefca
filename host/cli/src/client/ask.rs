//! Permissions: who decides, and the questions that are open.

use std::collections::VecDeque;

use agent_client_protocol_schema::v1::{
    PermissionOption, PermissionOptionKind, RequestPermissionOutcome, RequestPermissionResponse,
    SelectedPermissionOutcome, ToolCall,
};
use hostler_wire::Id;

use super::{
    render::{diff_lines, title},
    terminal::Terminal,
    text::{clean, one_line},
};

/// Lines of a diff in a question. Who decides should see the whole of a usual
/// edit.
const DIFF_LINES: usize = 60;

/// Characters of a tool's input in a question; the question says when there is
/// more.
const INPUT_CHARS: usize = 4000;

/// Who answers.
#[derive(Debug)]
pub(super) enum Decider {
    /// `--yes`.
    Yes,
    /// Someone at a terminal.
    Person(Terminal),
    /// Nobody can be asked.
    Nobody,
}

/// A permission that was asked for.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) id: Id,
    pub(super) call: ToolCall,
    pub(super) options: Vec<PermissionOption>,
}

/// A decision: the answer to send, and the line that says so.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) id: Id,
    pub(super) response: RequestPermissionResponse,
    pub(super) line: String,
}

/// The questions that are open, the first of them on the terminal.
#[derive(Debug)]
pub(super) struct Asks {
    decider: Decider,
    open: VecDeque<Question>,
    shown: bool,
}

impl Asks {
    pub(super) fn new(decider: Decider) -> Self {
        Self {
            decider,
            open: VecDeque::new(),
            shown: false,
        }
    }

    /// Takes a question; the decision, if it takes nobody's time.
    pub(super) fn add(&mut self, question: Question) -> Option<Decision> {
        match &self.decider {
            Decider::Yes => Some(allow(question)),
            Decider::Nobody => Some(refuse(
                question,
                "nobody is at a terminal to ask; --yes would allow it",
            )),
            Decider::Person(_) => {
                self.open.push_back(question);
                None
            }
        }
    }

    /// The lines of a question that is to be shown now. From then on a line of
    /// the terminal answers it.
    pub(super) fn due(&mut self) -> Option<Vec<String>> {
        let (Decider::Person(terminal), Some(question), false) =
            (&mut self.decider, self.open.front(), self.shown)
        else {
            return None;
        };
        terminal.read_line();
        self.shown = true;
        Some(lines(question))
    }

    /// What was typed; `None` when the terminal has ended. Waits for ever while
    /// there is no question.
    pub(super) async fn typed(&mut self) -> Option<String> {
        match &mut self.decider {
            Decider::Person(terminal) => terminal.line().await,
            Decider::Yes | Decider::Nobody => std::future::pending().await,
        }
    }

    /// Takes what was typed. `Err`: it is no answer, and the question is due
    /// again after this line.
    pub(super) fn answer(&mut self, typed: Option<&str>) -> Result<Option<Decision>, String> {
        if !self.shown {
            // It was for a question that is gone.
            return Ok(None);
        }
        let Some(question) = self.open.pop_front() else {
            return Ok(None);
        };
        self.shown = false;
        let Some(typed) = typed else {
            return Ok(Some(refuse(question, "the terminal was closed")));
        };
        let choice = typed.trim().parse::<usize>().ok();
        let chosen = choice.and_then(|number| question.options.get(number.checked_sub(1)?));
        match chosen.cloned() {
            Some(option) => Ok(Some(select(question, &option))),
            None => {
                let count = question.options.len();
                self.open.push_front(question);
                Err(format!("Please type a number from 1 to {count}."))
            }
        }
    }

    /// The question was answered elsewhere or is not asked any more. The line
    /// to show if it was on the terminal.
    pub(super) fn withdraw(&mut self, id: &Id) -> Option<&'static str> {
        let at = self.open.iter().position(|question| question.id == *id)?;
        self.open.remove(at);
        let was_shown = at == 0 && std::mem::take(&mut self.shown);
        was_shown.then_some("(not asked any more)")
    }

    /// The turn is being cancelled: all open questions, to be answered so.
    pub(super) fn cancel(&mut self) -> Vec<Id> {
        self.shown = false;
        self.open.drain(..).map(|question| question.id).collect()
    }
}

/// The answer of the protocol for a question of a cancelled turn.
pub(super) fn cancelled() -> RequestPermissionResponse {
    RequestPermissionResponse::new(RequestPermissionOutcome::Cancelled)
}

fn select(question: Question, option: &PermissionOption) -> Decision {
    let outcome = SelectedPermissionOutcome::new(option.option_id.clone());
    Decision {
        line: format!(
            "→ {}: {}",
            one_line(&option.name, 80),
            title(&question.call)
        ),
        id: question.id,
        response: RequestPermissionResponse::new(RequestPermissionOutcome::Selected(outcome)),
    }
}

fn allow(question: Question) -> Decision {
    match of_kind(&question, PermissionOptionKind::AllowOnce) {
        Some(option) => {
            let mut decision = select(question, &option);
            decision.line.push_str(" (--yes)");
            decision
        }
        None => refuse(question, "--yes allows only once, and that is not offered"),
    }
}

fn refuse(question: Question, why: &str) -> Decision {
    let line = format!("✗ not allowed: {}: {why}", title(&question.call));
    let decision = match of_kind(&question, PermissionOptionKind::RejectOnce) {
        Some(option) => select(question, &option),
        None => Decision {
            id: question.id,
            response: cancelled(),
            line: String::new(),
        },
    };
    Decision { line, ..decision }
}

fn of_kind(question: &Question, kind: PermissionOptionKind) -> Option<PermissionOption> {
    let mut options = question.options.iter();
    options.find(|option| option.kind == kind).cloned()
}

/// The question as it is shown: what would be done, and the choices.
fn lines(question: &Question) -> Vec<String> {
    let mut lines = vec![format!("? May it do this: {}", title(&question.call))];
    let mut details = diff_lines(&question.call, DIFF_LINES);
    if details.is_empty() {
        details = input_lines(&question.call);
    }
    lines.extend(details.into_iter().map(|line| format!("    {line}")));
    for (at, option) in question.options.iter().enumerate() {
        lines.push(format!("  {}) {}", at + 1, one_line(&option.name, 80)));
    }
    lines.push(format!("Choose 1 to {}: ", question.options.len()));
    lines
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

    fn question(id: u64, kinds: &[&str]) -> Question {
        let option = |kind: &&str| json!({"optionId": kind, "name": kind, "kind": kind});
        let options = json!(kinds.iter().map(option).collect::<Vec<_>>());
        Question {
            id: Id::number(id),
            call: ToolCall::new("t", "Bash")
                .raw_input(json!({"command": "rm\u{1b} x\nls", "n": 1})),
            options: serde_json::from_value(options).unwrap(),
        }
    }

    const USUAL: &[&str] = &["allow_always", "allow_once", "reject_once"];

    fn outcome(decision: &Decision) -> serde_json::Value {
        serde_json::to_value(&decision.response).unwrap()["outcome"].clone()
    }

    #[test]
    fn yes_allows_once_and_never_always() {
        let mut asks = Asks::new(Decider::Yes);
        let decision = asks.add(question(1, USUAL)).unwrap();
        assert_eq!(outcome(&decision)["optionId"], "allow_once");
        let decision = asks
            .add(question(2, &["allow_always", "reject_once"]))
            .unwrap();
        assert_eq!(outcome(&decision)["optionId"], "reject_once");
    }

    #[test]
    fn without_anyone_to_ask_it_is_refused_and_said_so() {
        let mut asks = Asks::new(Decider::Nobody);
        let decision = asks.add(question(1, USUAL)).unwrap();
        assert_eq!(outcome(&decision)["optionId"], "reject_once");
        assert!(decision.line.contains("--yes"), "{}", decision.line);
        let decision = asks.add(question(2, &["allow_once"])).unwrap();
        assert_eq!(outcome(&decision)["outcome"], "cancelled");
    }

    fn asked(questions: Vec<Question>) -> Asks {
        let mut asks = Asks::new(Decider::Person(Terminal::deaf()));
        for question in questions {
            assert!(asks.add(question).is_none());
        }
        asks
    }

    #[test]
    fn a_person_chooses_by_number_one_question_at_a_time() {
        let mut asks = asked(vec![question(1, USUAL), question(2, USUAL)]);
        let lines = asks.due().unwrap();
        assert!(
            lines.contains(&"    command: rm\\u{1b} x".to_owned()),
            "{lines:?}"
        );
        assert!(lines.contains(&"  2) allow_once".to_owned()), "{lines:?}");
        assert!(asks.due().is_none());
        let decision = asks.answer(Some("3\n")).unwrap().unwrap();
        assert_eq!(decision.id, Id::number(1));
        assert_eq!(outcome(&decision)["optionId"], "reject_once");
        assert!(asks.due().is_some());
        let decision = asks.answer(Some("1")).unwrap().unwrap();
        assert_eq!(decision.id, Id::number(2));
        assert!(asks.due().is_none());
    }

    #[test]
    fn what_is_no_choice_allows_nothing_and_asks_again() {
        let mut asks = asked(vec![question(1, USUAL)]);
        for typed in ["", "0", "4", "-1", "y", "1 2", "99999999999999999999"] {
            assert!(asks.due().is_some());
            let again = asks.answer(Some(typed)).unwrap_err();
            assert!(again.contains("1 to 3"), "{again}");
        }
        assert!(asks.due().is_some());
        let decision = asks.answer(None).unwrap().unwrap();
        assert_eq!(outcome(&decision)["optionId"], "reject_once");
    }

    #[test]
    fn an_answer_to_a_question_that_is_gone_counts_for_no_other() {
        let mut asks = asked(vec![question(1, USUAL), question(2, USUAL)]);
        assert!(asks.due().is_some());
        assert!(asks.withdraw(&Id::number(1)).is_some());
        assert!(asks.answer(Some("1")).unwrap().is_none());
        assert!(asks.due().is_some());
        assert!(asks.withdraw(&Id::number(9)).is_none());
        assert_eq!(asks.cancel(), [Id::number(2)]);
        assert!(asks.due().is_none());
    }

    #[test]
    fn a_long_input_is_cut_and_the_question_says_so() {
        let call = ToolCall::new("t", "Bash").raw_input(json!("x".repeat(INPUT_CHARS)));
        let lines = input_lines(&call);
        assert_eq!(lines.last().unwrap(), "… and 2 characters more");
    }
}

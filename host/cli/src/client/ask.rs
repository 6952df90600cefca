//! Permissions: who decides, and the questions that are open.

use std::collections::VecDeque;

use agent_client_protocol_schema::v1::{
    PermissionOption, PermissionOptionKind, RequestPermissionOutcome, RequestPermissionResponse,
    SelectedPermissionOutcome,
};
use hostler_wire::Id;

use super::{lines::title, question::Question, terminal::Terminal, text::one_line};

/// Who answers.
#[derive(Debug)]
pub(crate) enum Decider {
    /// `--yes`.
    Yes,
    /// Someone at a terminal.
    Person(Terminal),
    /// Nobody can be asked.
    Nobody,
}

/// A decision: the answer to send, and the line that says so.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) id: Id,
    pub(crate) response: RequestPermissionResponse,
    pub(crate) line: String,
}

/// The questions that are open, the first of them on the terminal.
#[derive(Debug)]
pub(crate) struct Asks {
    decider: Decider,
    open: VecDeque<Question>,
    shown: bool,
}

impl Asks {
    pub(crate) fn new(decider: Decider) -> Self {
        Self {
            decider,
            open: VecDeque::new(),
            shown: false,
        }
    }

    /// Takes a question; the decision, if it takes nobody's time.
    pub(crate) fn add(&mut self, question: Question) -> Option<Decision> {
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
    pub(crate) fn due(&mut self) -> Option<Vec<String>> {
        let (Decider::Person(terminal), Some(question), false) =
            (&mut self.decider, self.open.front(), self.shown)
        else {
            return None;
        };
        terminal.read_line();
        self.shown = true;
        Some(question.lines())
    }

    /// What was typed; `None` when the terminal has ended. Waits for ever while
    /// there is no question.
    pub(crate) async fn typed(&mut self) -> Option<String> {
        match &mut self.decider {
            Decider::Person(terminal) => terminal.line().await,
            Decider::Yes | Decider::Nobody => std::future::pending().await,
        }
    }

    /// A line of the terminal is wanted though nothing is asked.
    pub(crate) fn listen(&mut self) {
        if let Decider::Person(terminal) = &mut self.decider {
            terminal.listen();
        }
    }

    /// A question is on the terminal, so that a line answers it.
    pub(crate) fn is_asking(&self) -> bool {
        self.shown
    }

    /// Takes what was typed. `Err`: it is no answer, and this asks for another.
    pub(crate) fn answer(&mut self, typed: Option<&str>) -> Result<Option<Decision>, String> {
        if !self.shown {
            // It was for a question that is gone.
            return Ok(None);
        }
        let Some(question) = self.open.pop_front() else {
            return Ok(None);
        };
        let Some(typed) = typed else {
            self.shown = false;
            return Ok(Some(refuse(question, "the terminal was closed")));
        };
        let choice = typed.trim().parse::<usize>().ok();
        let chosen = choice.and_then(|number| question.options.get(number.checked_sub(1)?));
        if let Some(option) = chosen.cloned() {
            self.shown = false;
            return Ok(Some(select(question, &option)));
        }
        let again = format!("Type a number, 1 to {}: ", question.options.len());
        self.open.push_front(question);
        if let Decider::Person(terminal) = &mut self.decider {
            terminal.read_line();
        }
        Err(again)
    }

    /// The question was answered elsewhere or is not asked any more. The line
    /// to show if it was on the terminal.
    pub(crate) fn withdraw(&mut self, id: &Id) -> Option<&'static str> {
        let at = self.open.iter().position(|question| question.id == *id)?;
        self.open.remove(at);
        let was_shown = at == 0 && std::mem::take(&mut self.shown);
        was_shown.then_some("(not asked any more)")
    }

    /// The turn is being cancelled: all open questions, to be answered so.
    pub(crate) fn cancel(&mut self) -> Vec<Id> {
        self.shown = false;
        self.open.drain(..).map(|question| question.id).collect()
    }
}

/// The answer of the protocol for a question of a cancelled turn.
pub(crate) fn cancelled() -> RequestPermissionResponse {
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

#[cfg(test)]
mod tests {
    use super::*;
    use agent_client_protocol_schema::v1::ToolCall;
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
        assert!(asks.due().is_some());
        for typed in ["", "0", "4", "-1", "y", "1 2", "99999999999999999999"] {
            let again = asks.answer(Some(typed)).unwrap_err();
            assert!(again.contains("1 to 3"), "{again}");
        }
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
}

//! What a call asks, as a permission with options: each is the reply that the
//! service gets. A permission has no room for words: whoever wants to answer in
//! words does so with the next prompt.

use hostler_sdk::acp::{self, PermissionOptionKind as Kind};
use serde_json::{Value, json};

use crate::{content::text, message::Message, part::Part, tools::View};

/// The tool that asks something, and the one that proposes a plan.
pub(crate) const ASK: &str = "user_ask";
pub(crate) const PLAN: &str = "propose_plan";

/// What a call gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Approval(bool),
    Output(Value),
    /// The next prompt is the output.
    InWords,
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub id: String,
    pub name: String,
    kind: Kind,
    pub reply: Reply,
    /// What follows for the session's mode.
    pub then: Then,
}

/// What a choice means beyond its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    /// Nobody is asked about tools any more.
    AskNoMore,
    /// The plan is carried out.
    CarryOut,
}

#[derive(Debug)]
pub(crate) struct Form {
    pub call: acp::ToolCallUpdate,
    pub choices: Vec<Choice>,
}

impl Choice {
    fn new(id: impl Into<String>, name: impl Into<String>, kind: Kind, reply: Reply) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind,
            reply,
            then: Then::Nothing,
        }
    }

    pub(crate) fn option(&self) -> acp::PermissionOption {
        acp::PermissionOption::new(self.id.clone(), self.name.clone(), self.kind)
    }
}

/// Whether a part waits for people.
pub(crate) fn waits(part: &Part) -> bool {
    match part.text("state") {
        "approval-requested" => true,
        "input-available" => matches!(part.tool(), ASK | PLAN),
        _ => false,
    }
}

/// `may_always`: asking no more changes nothing else than that.
pub(crate) fn form(part: &Value, tool: &str, may_always: bool) -> Form {
    let id = part["toolCallId"].as_str().unwrap_or_default();
    let input = &part["input"];
    let choices = match tool {
        _ if part["state"] == "approval-requested" => approval(may_always),
        PLAN => plan(),
        _ => question(input),
    };
    let view = Message::kept("", std::slice::from_ref(part));
    let mut call = match view.parts.first() {
        Some(part) => View::new(part).update(id),
        None => acp::ToolCallUpdate::new(id.to_owned(), acp::ToolCallUpdateFields::new()),
    };
    call.fields.status = Some(acp::ToolCallStatus::Pending);
    if tool == ASK {
        let words = input["prompt"].as_str().unwrap_or_default();
        call.fields.content = Some(vec![text(words)]);
    }
    Form { call, choices }
}

fn approval(may_always: bool) -> Vec<Choice> {
    let mut always = Choice::new(
        "allow_always",
        "Allow, and do not ask again in this session",
        Kind::AllowAlways,
        Reply::Approval(true),
    );
    always.then = Then::AskNoMore;
    let allow = Choice::new(
        "allow_once",
        "Allow",
        Kind::AllowOnce,
        Reply::Approval(true),
    );
    let reject = Choice::new(
        "reject_once",
        "Reject",
        Kind::RejectOnce,
        Reply::Approval(false),
    );
    match may_always {
        true => vec![allow, always, reject],
        false => vec![allow, reject],
    }
}

fn plan() -> Vec<Choice> {
    let reply = |approved: bool| Reply::Output(json!({"approved": approved}));
    let mut go = Choice::new("allow_once", "Carry it out", Kind::AllowOnce, reply(true));
    go.then = Then::CarryOut;
    vec![
        go,
        Choice::new(
            "reject_once",
            "Not like this",
            Kind::RejectOnce,
            reply(false),
        ),
    ]
}

/// One without options is answered in words.
fn question(input: &Value) -> Vec<Choice> {
    let reply = |words: &str| Reply::Output(json!({"response": words}));
    let mut choices = Vec::new();
    match input["type"].as_str().unwrap_or_default() {
        "confirm" => {
            choices.push(Choice::new("yes", "Yes", Kind::AllowOnce, reply("yes")));
            choices.push(Choice::new("no", "No", Kind::RejectOnce, reply("no")));
        }
        "choice" => {
            let options = input["options"].as_array().into_iter().flatten();
            let options = options.filter_map(Value::as_str).enumerate();
            choices.extend(options.map(|(index, option)| {
                Choice::new(
                    format!("option_{index}"),
                    option,
                    Kind::AllowOnce,
                    reply(option),
                )
            }));
        }
        _ => {
            let usual = input["default"].as_str().filter(|words| !words.is_empty());
            choices.extend(
                usual.map(|words| Choice::new("default", words, Kind::AllowOnce, reply(words))),
            );
        }
    }
    if !choices.is_empty() {
        let name = "Answer in words, with the next prompt";
        choices.push(Choice::new(
            "in_words",
            name,
            Kind::RejectOnce,
            Reply::InWords,
        ));
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(input: Value) -> Vec<String> {
        question(&input)
            .into_iter()
            .map(|choice| choice.id)
            .collect()
    }

    #[test]
    fn each_kind_of_question_has_its_options() {
        assert_eq!(
            ids(json!({"type": "confirm", "prompt": "?"})),
            ["yes", "no", "in_words"]
        );
        let choice = json!({"type": "choice", "prompt": "?", "options": ["a", "b"]});
        assert_eq!(ids(choice), ["option_0", "option_1", "in_words"]);
        assert_eq!(
            ids(json!({"type": "text", "prompt": "?"})),
            Vec::<String>::new()
        );
        let usual = json!({"type": "text", "prompt": "?", "default": "main"});
        assert_eq!(ids(usual), ["default", "in_words"]);
        assert_eq!(
            ids(json!({"type": "later", "prompt": "?"})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_question_shows_its_words_and_an_approval_what_would_run() {
        let part = json!({"type": "tool-user_ask", "toolCallId": "c", "state": "input-available",
            "input": {"type": "confirm", "prompt": "Delete it?"}});
        let form = form(&part, ASK, true);
        assert_eq!(form.call.fields.title.as_deref(), Some("Delete it?"));
        let part = json!({"type": "tool-bash", "toolCallId": "c", "state": "approval-requested",
            "approval": {"id": "a"}, "input": {"command": "rm x"}});
        let form = super::form(&part, "bash", true);
        assert_eq!(form.call.fields.title.as_deref(), Some("rm x"));
        assert_eq!(form.choices.len(), 3);
    }
}

//! What people are asked: whether a tool may run, what the model wants to know,
//! and whether a plan is good. The answers go back in the message, patched, when
//! all of them are there.

use hostler_sdk::{Failure, Pending, Result, acp, client, log};
use serde_json::{Value, json};

use crate::questions::{self, Choice, Reply};

/// How many questions may be open: more at once no person can answer.
const MAX_OPEN: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Asks {
    /// Which need an ask is about.
    open: Pending<String>,
    needs: Vec<Need>,
}

/// A call that does not go on without people.
#[derive(Debug)]
struct Need {
    call: String,
    choices: Vec<Choice>,
    reply: Option<Reply>,
}

impl Asks {
    /// Asks about a call, once.
    pub(crate) fn ask(&mut self, part: &Value, tool: &str, may_always: bool) -> Result {
        let call = part["toolCallId"].as_str().unwrap_or_default();
        if self.needs.iter().any(|need| need.call == call) {
            return Ok(());
        }
        let form = questions::form(part, tool, may_always);
        let mut need = Need {
            call: call.to_owned(),
            choices: form.choices,
            reply: None,
        };
        if need.choices.is_empty() {
            need.reply = Some(Reply::InWords);
            self.needs.push(need);
            return Ok(());
        }
        if self.open.len() == MAX_OPEN {
            log::warn("too many questions are open at once: one is refused");
            need.reply = need.choices.pop().map(|choice| choice.reply);
            self.needs.push(need);
            return Ok(());
        }
        let options: Vec<_> = need.choices.iter().map(Choice::option).collect();
        self.needs.push(need);
        let ask = self.open.insert(call.to_owned());
        client::request_permission(ask, &form.call, &options)
    }

    /// Somebody answered: the call, and what was chosen. None: nobody did, and
    /// nobody will.
    pub(crate) fn answered(
        &mut self,
        ask: u64,
        outcome: &Result<String, Failure>,
    ) -> Option<(String, Option<Choice>)> {
        let call = self.open.take(ask)?;
        if let Err(failure) = outcome {
            log::error(format_args!("asking people failed: {failure}"));
        }
        let need = self.needs.iter_mut().find(|need| need.call == call)?;
        let chosen = client::selected(outcome).and_then(|chosen| {
            let mut choices = need.choices.iter();
            choices.find(|choice| *choice.id == *chosen.0).cloned()
        });
        need.reply = chosen.as_ref().map(|choice| choice.reply.clone());
        Some((call, chosen))
    }

    /// A call gets this reply.
    pub(crate) fn resolve(&mut self, call: &str, reply: Reply) {
        match self.needs.iter_mut().find(|need| need.call == call) {
            Some(need) => need.reply = Some(reply),
            None => self.needs.push(Need {
                call: call.to_owned(),
                choices: Vec::new(),
                reply: Some(reply),
            }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// All of them have a reply.
    pub(crate) fn are_answered(&self) -> bool {
        self.needs.iter().all(|need| need.reply.is_some())
    }

    /// The call whose reply will be a prompt.
    pub(crate) fn in_words(&self) -> Option<&str> {
        let mut needs = self.needs.iter();
        let need = needs.find(|need| need.reply == Some(Reply::InWords))?;
        Some(&need.call)
    }

    /// Writes the replies into the parts of a message and forgets them.
    pub(crate) fn patch<'a>(&mut self, parts: impl Iterator<Item = &'a mut Value>) {
        let needs = std::mem::take(&mut self.needs);
        for part in parts {
            let of = |need: &&Need| part["toolCallId"] == need.call.as_str();
            match needs.iter().find(of).and_then(|need| need.reply.as_ref()) {
                Some(Reply::Approval(approved)) => {
                    part["state"] = "approval-responded".into();
                    // Whatever shape the service's own has.
                    let id = part.pointer("/approval/id").cloned().unwrap_or_default();
                    let mut approval = json!({"id": id, "approved": approved});
                    if !approved {
                        approval["reason"] = "The user said no.".into();
                    }
                    part["approval"] = approval;
                }
                Some(Reply::Output(output)) => {
                    part["state"] = "output-available".into();
                    part["output"] = output.clone();
                }
                Some(Reply::InWords) | None => {}
            }
        }
    }

    /// The turn is over, or somebody else answered.
    pub(crate) fn withdraw_all(&mut self) -> Result {
        self.needs.clear();
        self.open
            .drain()
            .map(|(ask, _)| client::withdraw(ask))
            .fold(Ok(()), Result::and)
    }
}

/// A reply in words.
pub(crate) fn words(words: &str) -> Reply {
    Reply::Output(json!({"response": words}))
}

/// How a call stands after its answer, for people.
pub(crate) fn shown(call: &str, status: acp::ToolCallStatus, words: Option<&str>) -> Result {
    let mut fields = acp::ToolCallUpdateFields::new().status(status);
    if let Some(words) = words {
        fields = fields.content(vec![crate::content::text(words)]);
    }
    let update = acp::ToolCallUpdate::new(call.to_owned(), fields);
    client::update(&acp::SessionUpdate::ToolCallUpdate(update))
}

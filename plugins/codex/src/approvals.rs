//! Asking people on behalf of Codex: every request that it makes is a
//! permission with options, and each option is the answer that Codex gets.

use hostler_sdk::{Failure, Pending, Result, acp, client, log};
use serde_json::{Value, json, value::RawValue};

use crate::{
    agents::By,
    calls::{self, Calls},
    cli::Cli,
    elicitation,
    items::text,
    questions::Questions,
    requests::{self, Form},
};

/// How many asks may be open: more at once no person can answer.
const MAX_OPEN: usize = 64;

/// The asks that are open.
#[derive(Debug, Default)]
pub(crate) struct Asks(Pending<Ask>);

#[derive(Debug)]
struct Ask {
    id: Box<RawValue>,
    form: Form,
    /// The sub-agent that asks.
    by: Option<By>,
}

impl Asks {
    /// Codex wants something. Requests that are not known are refused, because
    /// an unanswered one would stop it.
    pub(crate) fn ask(
        &mut self,
        id: &RawValue,
        method: &str,
        params: &str,
        by: Option<By>,
        calls: &mut Calls,
        cli: &mut Cli,
    ) -> Result {
        let form = match method {
            "item/commandExecution/requestApproval" => requests::command(params, calls),
            "item/fileChange/requestApproval" => requests::file_change(params, calls),
            "item/permissions/requestApproval" => requests::permissions(params),
            "mcpServer/elicitation/request" => elicitation::form(params, calls),
            "item/tool/requestUserInput" => Questions::form(params),
            "currentTime/read" => {
                let now = hostler_sdk::clock::wall()?.as_secs();
                return cli.reply(id, &json!({"currentTimeAt": now}));
            }
            other => {
                log::warn(format_args!("refused a request of Codex: {other}"));
                let message = format!("this client does not support {other}");
                return cli.refuse(id, &message);
            }
        };
        let form = match form {
            Ok(form) => form,
            Err(error) => {
                log::warn(format_args!(
                    "refused {method} of Codex, which is not understood: {error}"
                ));
                return cli.refuse(id, &format!("{method}: {error}"));
            }
        };
        self.put(id.to_owned(), form, by, calls, cli)
    }

    /// Asks people, or answers at once when nobody can be asked.
    fn put(
        &mut self,
        id: Box<RawValue>,
        mut form: Form,
        by: Option<By>,
        calls: &mut Calls,
        cli: &mut Cli,
    ) -> Result {
        if let Some(by) = by.as_ref().filter(|_| form.call.meta.is_none()) {
            form.call.meta = Some(by.meta());
            let asks = text(format!("The sub-agent {} asks.", by.name()));
            form.call.fields.content.get_or_insert_default().push(asks);
        }
        if form.options.is_empty() && form.words.is_none() {
            return unasked(&id, &form, cli);
        }
        if self.0.len() == MAX_OPEN {
            log::warn("too many permissions are being asked for at once: one is refused");
            return cli.reply(&id, &form.unasked);
        }
        if let Some(mut params) = form.words.take() {
            if let Some(by) = &by {
                params["_meta"] = Value::Object(by.meta());
            }
            let ask = self.0.insert(Ask { id, form, by });
            return match client::ask(ask, "elicitation/create", &params) {
                Ok(()) => Ok(()),
                Err(error) => {
                    log::error(format_args!("nobody can be asked for words: {error}"));
                    let ask = self.0.take(ask);
                    ask.map_or(Ok(()), |ask| unasked(&ask.id, &ask.form, cli))
                }
            };
        }
        let shown = match form.announce {
            true => client::update(&acp::SessionUpdate::ToolCall(announced(&form.call))),
            false => calls.asked(&form.call.tool_call_id.0),
        };
        let options: Vec<_> = form
            .options
            .iter()
            .map(|choice| {
                acp::PermissionOption::new(choice.id.clone(), choice.name.clone(), choice.kind)
            })
            .collect();
        let call = form.call.clone();
        let ask = self.0.insert(Ask { id, form, by });
        let Err(error) = client::request_permission(ask, &call, &options) else {
            return shown;
        };
        log::error(format_args!("nobody can be asked for permission: {error}"));
        let replied = self
            .0
            .take(ask)
            .map_or(Ok(()), |ask| cli.reply(&ask.id, &ask.form.unasked));
        shown.and(replied)
    }

    /// Somebody answered, or the ask was cancelled: then the turn ends.
    pub(crate) fn answered(
        &mut self,
        ask: u64,
        outcome: &Result<String, Failure>,
        calls: &mut Calls,
        cli: Option<&mut Cli>,
    ) -> Result {
        let (Some(Ask { id, form, by }), Some(cli)) = (self.0.take(ask), cli) else {
            return Ok(()); // Codex took it back, or is gone.
        };
        if form.options.is_empty() {
            return worded(&id, &form, outcome, cli);
        }
        let chosen = client::selected(outcome);
        let choice = chosen.and_then(|chosen| {
            let mut options = form.options.iter();
            options.find(|choice| *choice.id == *chosen.0)
        });
        let call = form.call.tool_call_id.0.to_string();
        let Some(choice) = choice else {
            let answer = match outcome {
                Ok(_) => &form.cancelled,
                Err(failure) => {
                    log::error(format_args!("asking for permission failed: {failure}"));
                    &form.unasked
                }
            };
            let replied = cli.reply(&id, answer);
            return replied.and(closed(&form, &call, "No answer."));
        };
        if let Some(questions) = form.questions {
            let shown = answer_shown(&call, &choice.name);
            return shown.and(match questions.answered(&choice.answer) {
                Ok(next) => self.put(id, next, by, calls, cli),
                Err(answers) => cli.reply(&id, &answers),
            });
        }
        cli.reply(&id, &choice.answer)?;
        if form.announce {
            return answer_shown(&call, &choice.name);
        }
        match choice.kind {
            acp::PermissionOptionKind::AllowOnce | acp::PermissionOptionKind::AllowAlways => {
                calls.running(&call)
            }
            _ => Ok(()),
        }
    }

    /// Codex no longer wants the answer to its request.
    pub(crate) fn withdraw(&mut self, id: &RawValue) -> Result {
        match self.0.find(|ask| ask.id.get() == id.get()) {
            Some(ask) => self.take_back(ask),
            None => Ok(()),
        }
    }

    /// The turn is over: what sub-agents ask stays open, they go on.
    pub(crate) fn withdraw_own(&mut self) -> Result {
        self.withdraw_those(|ask| ask.by.is_none())
    }

    /// Codex is gone.
    pub(crate) fn withdraw_all(&mut self) -> Result {
        self.withdraw_those(|_| true)
    }

    fn withdraw_those(&mut self, those: impl Fn(&Ask) -> bool) -> Result {
        let mut done = Ok(());
        while let Some(ask) = self.0.find(&those) {
            done = done.and(self.take_back(ask));
        }
        done
    }

    fn take_back(&mut self, ask: u64) -> Result {
        let closed = match self.0.take(ask) {
            Some(Ask { form, .. }) => {
                let call = form.call.tool_call_id.0.to_string();
                closed(&form, &call, "No answer is needed any more.")
            }
            None => Ok(()),
        };
        client::withdraw(ask).and(closed)
    }
}

/// Nobody can be asked, and people should know.
fn unasked(id: &RawValue, form: &Form, cli: &mut Cli) -> Result {
    let told = form.unaskable.as_ref().map_or(Ok(()), |why| {
        client::notice(acp::NoticeSeverity::Warning, why)
    });
    told.and(cli.reply(id, &form.unasked))
}

/// A form is filled in, or is not. Those who were not asked are told which, and
/// nothing of the words: they may be secrets.
fn worded(id: &RawValue, form: &Form, outcome: &Result<String, Failure>, cli: &mut Cli) -> Result {
    let answer = match outcome {
        Ok(answer) => elicitation::filled_in(answer),
        Err(failure) => {
            log::debug(format_args!("a form was declined: {failure}"));
            None
        }
    };
    let Some((answer, accepted)) = answer else {
        return unasked(id, form, cli);
    };
    let shown = match form.announce {
        true => {
            let call = announced(&form.call).status(match accepted {
                true => acp::ToolCallStatus::Completed,
                false => acp::ToolCallStatus::Failed,
            });
            client::update(&acp::SessionUpdate::ToolCall(call))
        }
        // It is of a call that is shown and goes on.
        false => Ok(()),
    };
    cli.reply(id, &answer).and(shown)
}

/// A tool call that stands for a question of its own.
fn announced(update: &acp::ToolCallUpdate) -> acp::ToolCall {
    let fields = &update.fields;
    let title = fields.title.clone().unwrap_or_default();
    let mut call = acp::ToolCall::new(update.tool_call_id.clone(), title)
        .meta(update.meta.clone())
        .kind(fields.kind.unwrap_or_default())
        .status(acp::ToolCallStatus::Pending);
    call.content = fields.content.clone().unwrap_or_default();
    call
}

fn closed(form: &Form, call: &str, why: &str) -> Result {
    // The item itself will say, or nothing was shown.
    if !form.announce || form.options.is_empty() {
        return Ok(());
    }
    let fields = acp::ToolCallUpdateFields::new().status(acp::ToolCallStatus::Failed);
    calls::update(call, fields.content(vec![text(why)]))
}

fn answer_shown(call: &str, answer: &str) -> Result {
    let fields = acp::ToolCallUpdateFields::new()
        .status(acp::ToolCallStatus::Completed)
        .raw_output(Value::from(answer));
    calls::update(call, fields.content(vec![text(answer)]))
}

//! What the agent asks of its client becomes an ask of the host, and the answer
//! goes back.

use hostler_sdk::{Failure, Result, client, log};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::elicitation::{self, Form};
use crate::extension::is_extension;
use crate::message::{SESSION_ID, session_of, without};

/// What an agent may ask of its client, and the host answers.
const ASKS: [&str; 8] = [
    "session/request_permission",
    "fs/read_text_file",
    "fs/write_text_file",
    "terminal/create",
    "terminal/output",
    "terminal/release",
    "terminal/wait_for_exit",
    "terminal/kill",
];

/// What a message is about: the host says it in its own words.
const SCOPE: [&str; 2] = [SESSION_ID, "requestId"];

/// JSON-RPC: the request was cancelled (ACP, `$/cancel_request`).
const REQUEST_CANCELLED: i32 = -32800;

/// A request of the agent that the host has not answered yet.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The agent's own id of it.
    id: Box<RawValue>,
    as_what: As,
}

/// How it is asked.
#[derive(Debug)]
enum As {
    /// As it is.
    Itself,
    /// As a permission, and this is what the answers mean.
    Permission(Form),
    /// As a form, of those who show them.
    Form(Form),
}

impl AcpAgent {
    /// A request of the agent.
    pub(crate) fn asked(&mut self, id: &RawValue, method: &str, params: &str) -> Result {
        let foreign = self.is_foreign(session_of(params).as_deref());
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let known = ASKS.contains(&method) || method == elicitation::METHOD || is_extension(method);
        if !known {
            let failure = Failure::new(
                Failure::METHOD_NOT_FOUND,
                format!("this client does not support {method}"),
            );
            return link.reply(id, Err(failure));
        }
        if foreign {
            let failure = Failure::invalid_params("this client knows no such session");
            return link.reply(id, Err(failure));
        }
        let login = link.login && elicitation::is_address(params);
        if method == elicitation::METHOD && !login {
            return self.elicit(id, params);
        }
        // What an extension says is not ours to take out.
        let params = match is_extension(method) {
            true => Ok(params.to_owned()),
            false => without(params, &SCOPE),
        };
        match params {
            Ok(params) => self.ask(id, As::Itself, method, &params),
            Err(error) => link.reply(id, Err(error.into())),
        }
    }

    fn ask(&mut self, id: &RawValue, as_what: As, method: &str, params: &str) -> Result {
        let ask = self.asks.insert(Ask {
            id: id.to_owned(),
            as_what,
        });
        self.sent(ask, client::ask_raw(ask, method, params))
    }

    /// What cannot be asked is refused at once.
    fn sent(&mut self, ask: u64, sent: Result) -> Result {
        match (sent, &mut self.link) {
            (Err(error), Some(link)) => match self.asks.take(ask) {
                Some(Ask { id, .. }) => link.reply(&id, Err(error.into())),
                None => Ok(()),
            },
            (sent, _) => sent,
        }
    }

    /// A form of the agent becomes a permission with options, where that can be:
    /// every client knows those. One that needs words goes to those who show forms.
    fn elicit(&mut self, id: &RawValue, params: &str) -> Result {
        let form = match Form::read(self.settings.name(), params) {
            Ok(form) => form,
            Err(error) => {
                let failure = Failure::invalid_params(error.to_string());
                return self.refuse(id, failure);
            }
        };
        if form.needs_words() {
            return match without(params, &SCOPE) {
                Ok(params) => self.ask(id, As::Form(form), elicitation::METHOD, &params),
                Err(error) => self.refuse(id, error.into()),
            };
        }
        let shown = form.announce();
        let params = serde_json::to_string(&form.params())?;
        let method = "session/request_permission";
        shown.and(self.ask(id, As::Permission(form), method, &params))
    }

    fn refuse(&mut self, id: &RawValue, failure: Failure) -> Result {
        match &mut self.link {
            Some(link) => link.reply(id, Err(failure)),
            None => Ok(()),
        }
    }

    /// The host's answer to an ask.
    pub(crate) fn answered(&mut self, ask: u64, outcome: Result<String, Failure>) -> Result {
        let (Some(Ask { id, as_what }), Some(link)) = (self.asks.take(ask), &mut self.link) else {
            return Ok(());
        };
        match (as_what, outcome) {
            (As::Itself, outcome) => link.reply(&id, outcome),
            (As::Permission(form), outcome) => {
                let (answer, done) = form.answer(&outcome);
                link.reply(&id, Ok(answer)).and(done)
            }
            (As::Form(form), Ok(answer)) => {
                let told = form.tell(&answer);
                link.reply(&id, Ok(answer)).and(told)
            }
            (As::Form(form), Err(failure)) => {
                log::debug(format_args!("a form was declined: {failure}"));
                let replied = link.reply(&id, Ok(Form::declined()));
                let name = self.settings.name();
                let message = form.message();
                replied.and(self.notices.warn(format!(
                    "{name} wants an answer in words, which no client here takes, and was told \
                     that it is declined: {message}"
                )))
            }
        }
    }

    /// The agent does not want the answer to one of its requests any more.
    pub(crate) fn cancel_ask(&mut self, params: &str) -> Result {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, rename = "requestId")]
            request: &'a RawValue,
        }
        let (Some(link), Ok(Params { request })) = (&mut self.link, serde_json::from_str(params))
        else {
            return Ok(());
        };
        let Some(ask) = self.asks.find(|ask| ask.id.get() == request.get()) else {
            return Ok(());
        };
        let taken = self.asks.take(ask);
        client::withdraw(ask)?;
        let failure = Failure::new(REQUEST_CANCELLED, "cancelled by the agent");
        let replied = link.reply(request, Err(failure));
        match taken.map(|ask| ask.as_what) {
            Some(As::Permission(form)) => replied.and(form.end(false)),
            _ => replied,
        }
    }

    /// The agent is gone, and nobody needs to answer it.
    pub(crate) fn withdraw_all(&mut self) -> Result {
        let asks = self.asks.drain().map(|(ask, _)| client::withdraw(ask));
        asks.fold(Ok(()), Result::and)
    }
}

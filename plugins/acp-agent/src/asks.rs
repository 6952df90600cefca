//! What the agent asks of its client becomes an ask of the host, and the answer
//! goes back.

use hostler_sdk::{Failure, Result, client};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::elicitation::{self, Form};
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

/// Methods of extensions begin with it. The host knows which it answers.
const EXTENSION: char = '_';

/// JSON-RPC: the request was cancelled (ACP, `$/cancel_request`).
const REQUEST_CANCELLED: i32 = -32800;

/// A request of the agent that the host has not answered yet.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The agent's own id of it.
    id: Box<RawValue>,
    /// It is asked as a permission, and this is what the answers mean.
    form: Option<Form>,
}

impl AcpAgent {
    /// A request of the agent.
    pub(crate) fn asked(&mut self, id: &RawValue, method: &str, params: &str) -> Result {
        let foreign = self.is_foreign(session_of(params).as_deref());
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let known = ASKS.contains(&method)
            || method == elicitation::METHOD
            || method.starts_with(EXTENSION);
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
        let params = match without(params, &[SESSION_ID, "requestId"]) {
            Ok(params) => params,
            Err(error) => return link.reply(id, Err(error.into())),
        };
        let ask = self.asks.insert(Ask {
            id: id.to_owned(),
            form: None,
        });
        self.sent(ask, client::ask_raw(ask, method, &params))
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
    /// every client knows those.
    fn elicit(&mut self, id: &RawValue, params: &str) -> Result {
        let (form, text) = match Form::read(self.settings.name(), params) {
            Ok(read) => read,
            Err(error) => {
                let failure = Failure::invalid_params(error.to_string());
                return self.refuse(id, failure);
            }
        };
        if form.is_empty() {
            let name = self.settings.name();
            let told = self.notices.warn(format!(
                "{name} wants an answer in words, which cannot be given here, and was told that \
                 it is declined: {text}"
            ));
            return told.and(match &mut self.link {
                Some(link) => link.reply(id, Ok(Form::declined())),
                None => Ok(()),
            });
        }
        let shown = form.announce();
        let params = form.params();
        let ask = self.asks.insert(Ask {
            id: id.to_owned(),
            form: Some(form),
        });
        let sent = client::ask(ask, "session/request_permission", &params);
        shown.and(self.sent(ask, sent))
    }

    fn refuse(&mut self, id: &RawValue, failure: Failure) -> Result {
        match &mut self.link {
            Some(link) => link.reply(id, Err(failure)),
            None => Ok(()),
        }
    }

    /// The host's answer to an ask.
    pub(crate) fn answered(&mut self, ask: u64, outcome: Result<String, Failure>) -> Result {
        let (Some(Ask { id, form }), Some(link)) = (self.asks.take(ask), &mut self.link) else {
            return Ok(());
        };
        match form {
            None => link.reply(&id, outcome),
            Some(form) => {
                let (answer, done) = form.answer(&outcome);
                link.reply(&id, Ok(answer)).and(done)
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
        match taken.and_then(|ask| ask.form) {
            Some(form) => replied.and(form.end(false)),
            None => replied,
        }
    }

    /// The agent is gone, and nobody needs to answer it.
    pub(crate) fn withdraw_all(&mut self) -> Result {
        let asks = self.asks.drain().map(|(ask, _)| client::withdraw(ask));
        asks.fold(Ok(()), Result::and)
    }
}

//! Logging in, on an instance that is there for nothing else: Codex is started
//! and asked for a login in place of a thread.

use hostler_sdk::{AuthMethod, Failure, RequestId, Result, client, timer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cli::{Cli, Request},
    session::Codex,
    start::{self, Reply},
};

/// The ACP request.
pub(crate) const METHOD: &str = "authenticate";

/// What people are asked to open. Nothing else is asked on such an instance, and
/// nothing can be asked after it.
pub(crate) const ASK: u64 = u64::MAX;

/// The ways there are: id, name, what it takes and does.
const METHODS: [(&str, &str, &str); 3] = [
    (
        "chatgpt",
        "ChatGPT",
        "Log in with a browser on the host's own machine",
    ),
    (
        "chatgpt-device-code",
        "ChatGPT, with a code",
        "Log in with a browser anywhere, where a code is typed in",
    ),
    (
        "api-key",
        "API key of OpenAI",
        "Codex keeps it; it is given as `_meta[\"api-key\"].apiKey`, or typed into `hostler login`",
    ),
];

/// A login that runs.
#[derive(Debug)]
pub(crate) struct Login {
    request: RequestId,
    /// What Codex is asked for.
    params: Value,
    /// Codex was asked.
    begun: bool,
    /// Codex's own id of it, by which it is cancelled.
    id: Option<String>,
    /// A person has been asked to open something.
    shown: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    method_id: String,
    #[serde(default, rename = "_meta")]
    meta: Value,
}

/// The reply to `account/login/start`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Started {
    #[serde(rename_all = "camelCase")]
    Chatgpt { login_id: String, auth_url: String },
    #[serde(rename_all = "camelCase")]
    ChatgptDeviceCode {
        login_id: String,
        verification_url: String,
        user_code: String,
    },
    /// It is done.
    #[serde(other)]
    Done,
}

/// `account/login/completed`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Completed {
    login_id: Option<String>,
    success: bool,
    error: Option<String>,
}

/// What a person made of the address.
#[derive(Deserialize)]
struct Opened {
    action: String,
}

pub(crate) fn methods() -> Vec<AuthMethod> {
    let method = |(id, name, description): &(&str, &str, &str)| AuthMethod {
        id: (*id).into(),
        name: (*name).into(),
        description: (*description).into(),
    };
    METHODS.iter().map(method).collect()
}

impl Codex {
    pub(crate) fn log_in(&mut self, request: RequestId, params: &str) -> Result {
        let asked: Asked = serde_json::from_str(params)?;
        let params = match asked.method_id.as_str() {
            "chatgpt" => json!({"type": "chatgpt"}),
            "chatgpt-device-code" => json!({"type": "chatgptDeviceCode"}),
            "api-key" => match asked.meta["api-key"]["apiKey"].as_str() {
                // A handle: only Codex gets the key.
                Some(key) => json!({"type": "apiKey", "apiKey": key}),
                None => return client::fail(request, no_key()),
            },
            other => {
                let known = METHODS.map(|(id, ..)| id).join(", ");
                let message = format!("there is no method {other:?} to log in to Codex: {known}");
                return client::fail(request, Failure::invalid_params(message));
            }
        };
        self.login = Some(Login {
            request,
            params,
            begun: false,
            id: None,
            shown: false,
        });
        match &self.cli {
            Some(cli) if cli.greeted => self.begin_login(),
            Some(_) => Ok(()),
            None => self.start(),
        }
    }

    /// Codex has said hello: a login that waits comes in place of a thread.
    pub(crate) fn begin_login(&mut self) -> Result {
        let (Some(login), Some(cli)) = (&mut self.login, &mut self.cli) else {
            return Ok(());
        };
        login.begun = true;
        let asked = cli.request(Request::Login, "account/login/start", &login.params);
        // From here on it takes as long as a person takes; the host has a limit.
        asked.and(timer::cancel(start::TIMER))
    }

    pub(crate) fn login_started(&mut self, reply: Reply<'_>) -> Result {
        let Some(login) = &mut self.login else {
            return Ok(());
        };
        let started = match reply {
            Ok(reply) => serde_json::from_str::<Started>(reply.get()),
            Err(error) => {
                let message = format!("Codex refused the login: {}", error.message.trim_end());
                return self.login_ended(Err(Failure::auth_required(message)));
            }
        };
        let (id, url, message) = match started {
            Ok(Started::Chatgpt { login_id, auth_url }) => (
                login_id,
                auth_url,
                "Log in to ChatGPT for Codex. The address leads back to the host's own machine: \
                 open it in a browser there"
                    .to_owned(),
            ),
            Ok(Started::ChatgptDeviceCode {
                login_id,
                verification_url,
                user_code,
            }) => (
                login_id,
                verification_url,
                format!(
                    "Log in to ChatGPT for Codex, in any browser, and type in the code {user_code}"
                ),
            ),
            Ok(Started::Done) => return self.login_ended(Ok(())),
            Err(error) => {
                let message = format!("this version of Codex is not understood: {error}");
                return self.login_ended(Err(Failure::internal(message)));
            }
        };
        login.id = Some(id.clone());
        login.shown = true;
        let page = json!({"mode": "url", "elicitationId": id, "url": url, "message": message});
        client::ask(ASK, "elicitation/create", &page)
    }

    /// A person has opened the address, or does not want to.
    pub(crate) fn login_shown(&mut self, outcome: &Result<String, Failure>) -> Result {
        let Some(login) = &mut self.login else {
            return Ok(());
        };
        login.shown = false;
        let action = match outcome {
            Ok(answer) => serde_json::from_str::<Opened>(answer)?.action,
            Err(failure) => return self.give_login_up(failure.clone()),
        };
        match action.as_str() {
            "accept" => Ok(()),
            _ => self.give_login_up(Failure::auth_required("the login was declined")),
        }
    }

    fn give_login_up(&mut self, failure: Failure) -> Result {
        let id = self.login.as_mut().and_then(|login| login.id.take());
        let cancelled = match (id, &mut self.cli) {
            (Some(id), Some(cli)) => {
                let params = json!({"loginId": id});
                cli.request(Request::CancelLogin, "account/login/cancel", &params)
            }
            _ => Ok(()),
        };
        cancelled.and(self.login_ended(Err(failure)))
    }

    pub(crate) fn login_completed(&mut self, completed: Completed) -> Result {
        let Some(login) = &self.login else {
            return Ok(());
        };
        if completed.login_id != login.id {
            return Ok(());
        }
        if completed.success {
            return self.login_ended(Ok(()));
        }
        let why = completed.error.as_deref().unwrap_or("it did not say why");
        self.login_ended(Err(Failure::auth_required(format!(
            "Codex is not logged in: {why}"
        ))))
    }

    /// Answers the login, if one runs.
    pub(crate) fn login_ended(&mut self, outcome: Result<(), Failure>) -> Result {
        let Some(login) = self.login.take() else {
            return Ok(());
        };
        let withdrawn = match login.shown {
            true => client::withdraw(ASK),
            false => Ok(()),
        };
        withdrawn.and(match outcome {
            Ok(()) => client::answer(login.request, &json!({})),
            Err(failure) => client::fail(login.request, failure),
        })
    }
}

impl Login {
    pub(crate) fn waits(&self) -> bool {
        !self.begun
    }
}

impl Cli {
    /// It has answered `initialize`.
    pub(crate) fn greet(&mut self) -> Result {
        self.greeted = true;
        self.notify("initialized")
    }
}

fn no_key() -> Failure {
    Failure::invalid_params(
        "the method \"api-key\" needs the key in `_meta[\"api-key\"].apiKey`; `hostler login` \
         asks for it and shows it to nobody",
    )
}

//! Modes, options and models: chosen by people, remembered for an agent that was
//! started again.

use std::fmt;

use hostler_sdk::{RequestId, Result, client, log};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::AcpAgent;
use crate::checkpoint::{Chosen, Remembered};
use crate::extension::{is_extension, scoped};
use crate::link::{Call, Choice, Link, Stage};
use crate::message::with_session;
use crate::models::Models;
use crate::standing::Standing;
use crate::timers::{self, Timer};

const SET_MODE: &str = "session/set_mode";
const SET_OPTION: &str = "session/set_config_option";

impl Choice {
    /// What a request of the host chooses; `None` when it is another request, or
    /// makes no sense, which the agent then says.
    pub(crate) fn of_request(standing: &Standing, method: &str, params: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mode {
            mode_id: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Setting {
            config_id: String,
            value: Value,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Model {
            model_id: String,
        }
        Some(match method {
            SET_MODE => Self::Mode(serde_json::from_str::<Mode>(params).ok()?.mode_id),
            Models::METHOD => Self::Model(serde_json::from_str::<Model>(params).ok()?.model_id),
            SET_OPTION => {
                let Setting { config_id, value } = serde_json::from_str(params).ok()?;
                Self::of_option(standing, &config_id, &value)
            }
            _ => return None,
        })
    }

    /// An option that is chosen.
    pub(crate) fn of_option(standing: &Standing, id: &str, value: &Value) -> Self {
        match (standing.models_behind(id), value.as_str()) {
            (Some(_), Some(model)) => Self::Model(model.to_owned()),
            _ => Self::Option {
                id: id.to_owned(),
                value: value.clone(),
            },
        }
    }

    /// Asks the agent for it once more.
    pub(crate) fn send(self, link: &mut Link, session: &str) -> Result {
        let (method, params) = match &self {
            Self::Mode(mode) => (SET_MODE, json!({ "modeId": mode })),
            Self::Model(model) => (Models::METHOD, json!({ "modelId": model })),
            Self::Option { id, value } => (SET_OPTION, option_params(id, value)),
        };
        let params = with_session(&params.to_string(), session)?;
        link.call(Call::Choose(None, self), method, params)
            .map(drop)
    }

    /// It cannot be chosen any more.
    pub(crate) fn forget(&self, chosen: &mut Chosen) {
        match self {
            Self::Mode(_) => chosen.mode = None,
            Self::Model(_) => drop(chosen.options.remove(Models::OPTION)),
            Self::Option { id, .. } => drop(chosen.options.remove(id)),
        }
    }

    fn remember(&self, chosen: &mut Chosen) {
        match self {
            Self::Mode(mode) => chosen.mode = Some(mode.clone()),
            Self::Model(model) => {
                chosen
                    .options
                    .insert(Models::OPTION.to_owned(), json!(model));
            }
            Self::Option { id, value } => {
                chosen.options.insert(id.clone(), value.clone());
            }
        }
    }
}

/// What is not a value's name says so.
fn option_params(id: &str, value: &Value) -> Value {
    match value {
        Value::Bool(_) => json!({ "configId": id, "type": "boolean", "value": value }),
        _ => json!({ "configId": id, "value": value }),
    }
}

/// As people read it: `mode "plan"`.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode) => write!(f, "the mode {mode:?}"),
            Self::Model(model) => write!(f, "the model {model:?}"),
            Self::Option { id, value } => write!(f, "{value} for the option {id:?}"),
        }
    }
}

impl AcpAgent {
    /// Hands a request of the host on to the agent.
    pub(crate) fn forward(
        link: &mut Link,
        session: &str,
        request: RequestId,
        method: &str,
        params: &str,
    ) -> Result {
        let limit = match method.starts_with("session/") {
            true => timers::SETTING,
            false => timers::CALL,
        };
        let choice = Choice::of_request(&link.standing, method, params);
        let sent = match choice {
            // What the client named is no option of the agent's.
            Some(choice @ Choice::Model(_)) if method == SET_OPTION => {
                let Choice::Model(model) = &choice else {
                    return Ok(());
                };
                let params = with_session(&json!({ "modelId": model }).to_string(), session)?;
                link.call(Call::Choose(Some(request), choice), Models::METHOD, params)
            }
            choice => {
                let call = match choice {
                    Some(choice) => Call::Choose(Some(request), choice),
                    None => Call::Forward(request),
                };
                let params = match is_extension(method) {
                    true => scoped(params, session)?,
                    false => with_session(params, session)?,
                };
                link.call(call, method, params)
            }
        };
        Timer::Call(sent?).set(limit)
    }

    /// A choice was made: how the agent stands now, which is also the answer to
    /// whoever made it.
    pub(crate) fn chose(&mut self, choice: &Choice, result: &str) -> String {
        let mut answer = result.to_owned();
        if let Some(link) = &mut self.link {
            match choice {
                Choice::Mode(mode) => link.standing.set_mode(mode),
                Choice::Option { .. } => link.standing.note_answer(result),
                Choice::Model(model) => {
                    if let Ok(options) = link.standing.set_model(model) {
                        answer = options;
                    }
                }
            }
        }
        let before = self.chosen.clone();
        choice.remember(&mut self.chosen);
        self.keep(&before);
        answer
    }

    /// The agent says how it stands now. Before it can be prompted that is how it
    /// comes up, and no choice: what people chose is chosen again then.
    pub(crate) fn stands(&mut self, mode: Option<String>, options: Option<&RawValue>) {
        let before = self.chosen.clone();
        let Some(link) = &mut self.link else {
            return;
        };
        let counts = link.stage == Stage::Ready;
        if let Some(mode) = mode {
            link.standing.set_mode(&mode);
            if counts && self.chosen.mode.is_some() {
                self.chosen.mode = Some(mode);
            }
        }
        if let Some(options) = options {
            link.standing.set_options(options);
            if !counts {
                return;
            }
            for (id, value) in &mut self.chosen.options {
                if let Some(present) = link.standing.option(id) {
                    *value = present;
                }
            }
        }
        self.keep(&before);
    }

    /// Remembers what is chosen, if that has changed.
    pub(crate) fn keep(&self, before: &Chosen) {
        let Some(session) = self.session.clone().filter(|_| self.chosen != *before) else {
            return;
        };
        let chosen = self.chosen.clone();
        if let Err(error) = (Remembered { session, chosen }).keep() {
            log::warn(format_args!(
                "what was chosen will not outlive the agent: {error}"
            ));
        }
    }

    /// A choice was answered.
    pub(crate) fn choice_answered(
        &mut self,
        request: RequestId,
        choice: &Choice,
        outcome: Result<&str, hostler_sdk::Failure>,
    ) -> Result {
        match outcome {
            Ok(result) => {
                let answer = self.chose(choice, result);
                self.hand_back(request, Ok(&answer))
            }
            Err(failure) => client::fail(request, failure),
        }
    }
}

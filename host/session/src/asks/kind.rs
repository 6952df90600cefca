//! What can be asked of clients.

use hostler_runtime::Failure;
use hostler_wire::{Fault, codes, methods};
use serde::Deserialize;

use crate::{Client, SessionError, error::failure, frames};

/// What the agent is told: the JSON of a result, or an error.
pub(crate) type Outcome = Result<String, Failure>;

/// `{"action":"cancel"}`, for a form that nobody will answer any more.
const CANCELLED_FORM: &str = r#"{"action":"cancel"}"#;

/// A question of the agent.
#[derive(Debug)]
pub(crate) enum Kind {
    /// `session/request_permission`.
    Permission {
        /// The ids of its options, in order.
        options: Vec<String>,
        /// What it is about.
        tool: Option<Tool>,
    },
    /// `elicitation/create` of the mode `form`.
    Form {
        /// What it says.
        message: String,
        /// The fields that an answer must have.
        required: Vec<String>,
    },
    /// A request of an extension: only clients know what it means.
    Extension {
        /// Its name.
        method: String,
    },
}

/// The tool call that a permission is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tool {
    pub(crate) tool_call_id: String,
    pub(crate) title: Option<String>,
}

impl Kind {
    /// Reads a question of the agent.
    ///
    /// # Errors
    /// The params do not fit the method, or it is none that people are asked.
    pub(crate) fn read(method: &str, params: &str) -> Result<Self, SessionError> {
        match method {
            methods::SESSION_REQUEST_PERMISSION => permission(params),
            methods::ELICITATION_CREATE => form(params),
            method => Ok(Self::Extension {
                method: method.to_owned(),
            }),
        }
    }

    pub(crate) fn method(&self) -> &str {
        match self {
            Self::Permission { .. } => methods::SESSION_REQUEST_PERMISSION,
            Self::Form { .. } => methods::ELICITATION_CREATE,
            Self::Extension { method } => method,
        }
    }

    /// What becomes of it is told to positioned clients by this method.
    pub(crate) fn told_by(&self) -> &'static str {
        match self {
            Self::Permission { .. } => methods::hostler::PERMISSION,
            Self::Form { .. } | Self::Extension { .. } => methods::hostler::QUESTION,
        }
    }

    /// What it is about, for people.
    pub(crate) fn title(&self) -> Option<String> {
        match self {
            Self::Permission { tool, .. } => tool.as_ref()?.title.clone(),
            Self::Form { message, .. } => Some(message.clone()),
            Self::Extension { .. } => None,
        }
    }

    /// It is asked of people. Otherwise a program may answer it.
    pub(crate) fn is_for_people(&self) -> bool {
        !self.is_extension()
    }

    pub(crate) fn is_permission(&self) -> bool {
        matches!(self, Self::Permission { .. })
    }

    pub(crate) fn is_extension(&self) -> bool {
        matches!(self, Self::Extension { .. })
    }

    /// Whether the client can answer it, if it may. Of extensions it says so when
    /// it is asked.
    pub(crate) fn is_known_to(&self, client: &Client) -> bool {
        client.forms || !matches!(self, Self::Form { .. })
    }

    /// What the agent is told when the turn was cancelled, or when nobody has
    /// answered in time: never that it may.
    pub(crate) fn cancelled(&self) -> Outcome {
        match self {
            Self::Permission { .. } => Ok(frames::CANCELLED_PERMISSION.to_owned()),
            Self::Form { .. } => Ok(CANCELLED_FORM.to_owned()),
            Self::Extension { method } => {
                let message = format!("{method} was cancelled: nobody waits for it any more");
                Err(failure(&Fault::new(codes::CANCELLED, message)))
            }
        }
    }

    /// What the agent is told when there is nobody who could answer.
    pub(crate) fn nobody(&self) -> Outcome {
        let method = self.method();
        let message = match self {
            Self::Form { .. } => {
                format!("{method}: no client of the session that may answer shows forms")
            }
            _ => format!("{method}: no client that may drive the session answers it"),
        };
        Err(failure(&Fault::new(codes::NOBODY_TO_ANSWER, message)))
    }
}

fn permission(params: &str) -> Result<Kind, SessionError> {
    #[derive(Deserialize)]
    struct Params {
        options: Vec<Offered>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Offered {
        option_id: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct About {
        tool_call: Tool,
    }
    let Params { options } = serde_json::from_str(params).map_err(|error| {
        SessionError::Params(format!("not the params of a permission request: {error}"))
    })?;
    if options.is_empty() {
        return Err(SessionError::Params(
            "`options` is empty: a permission that offers nothing cannot be answered".to_owned(),
        ));
    }
    let about = serde_json::from_str::<About>(params).ok();
    Ok(Kind::Permission {
        options: options
            .into_iter()
            .map(|offered| offered.option_id)
            .collect(),
        tool: about.map(|about| about.tool_call),
    })
}

fn form(params: &str) -> Result<Kind, SessionError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params {
        mode: Option<String>,
        #[serde(default)]
        message: String,
        #[serde(default)]
        requested_schema: Schema,
    }
    #[derive(Default, Deserialize)]
    struct Schema {
        #[serde(default)]
        required: Vec<String>,
    }
    let Params {
        mode,
        message,
        requested_schema,
    } = serde_json::from_str(params).map_err(|error| {
        SessionError::Params(format!("not the params of an elicitation: {error}"))
    })?;
    match mode.as_deref() {
        None | Some("form") => Ok(Kind::Form {
            message,
            required: requested_schema.required,
        }),
        Some(other) => Err(SessionError::Params(format!(
            "in a session only elicitations of the mode `form` are asked, and not {other:?}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, params: &str) -> Kind {
        Kind::read(method, params).unwrap()
    }

    #[test]
    fn what_nobody_answers_ends_with_a_stable_error_and_is_never_allowed() {
        let permission = of(
            "session/request_permission",
            r#"{"options":[{"optionId":"y"}]}"#,
        );
        assert!(permission.cancelled().unwrap().contains("cancelled"));
        let form = of("elicitation/create", "{}");
        assert_eq!(form.cancelled().unwrap(), CANCELLED_FORM);
        let extension = of("_vendor/thing", "{}");
        assert_eq!(extension.cancelled().unwrap_err().code, -32800);
        let nobody = extension.nobody().unwrap_err();
        assert_eq!(nobody.code, -32601);
        assert_eq!(
            nobody.data.as_deref(),
            Some(r#"{"code":"NOBODY_TO_ANSWER"}"#)
        );
    }

    #[test]
    fn a_question_without_options_is_refused() {
        for params in [
            "{}",
            r#"{"options":[]}"#,
            r#"{"options":[{}]}"#,
            r#"{"options":3}"#,
        ] {
            let read = Kind::read("session/request_permission", params);
            assert!(read.is_err(), "{params}");
        }
    }
}

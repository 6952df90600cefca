//! What clients sent in answer to a question.

use hostler_runtime::{EXTENSION_BYTES, Failure};
use hostler_wire::codes;
use serde::Deserialize;

use super::kind::{Kind, Outcome};

/// What a client's answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judged {
    /// An answer.
    Answer {
        /// For the agent.
        outcome: Outcome,
        /// What was chosen, in a word; `None`: nothing, the question was put away.
        choice: Option<String>,
    },
    /// The client cannot answer it, or has let go of it.
    Unable,
    /// It is no answer; a sentence for whoever sent it.
    Wrong(String),
}

impl Kind {
    /// What a client sent.
    pub(crate) fn judge(&self, outcome: &Result<String, String>) -> Judged {
        match (self, outcome) {
            (Self::Permission { options, .. }, Ok(result)) => judge_permission(options, result),
            (Self::Form { required, .. }, Ok(result)) => judge_form(required, result),
            (Self::Extension { method }, Ok(result)) if result.len() > EXTENSION_BYTES => {
                Judged::Wrong(format!(
                    "the result of {method} has more than {EXTENSION_BYTES} bytes"
                ))
            }
            (Self::Extension { .. }, Ok(result)) => answered(Ok(result.clone()), "answered"),
            (Self::Extension { .. }, Err(error)) => match refusal(error) {
                Some(refusal) => answered(Err(refusal), "refused"),
                None => Judged::Unable,
            },
            // Also how a client acknowledges that a question was taken back.
            (Self::Permission { .. } | Self::Form { .. }, Err(_)) => Judged::Unable,
        }
    }
}

fn answered(outcome: Outcome, choice: &str) -> Judged {
    let choice = Some(choice.to_owned());
    Judged::Answer { outcome, choice }
}

fn judge_permission(options: &[String], result: &str) -> Judged {
    #[derive(Deserialize)]
    struct Answer {
        outcome: Chosen,
    }
    #[derive(Deserialize)]
    #[serde(tag = "outcome", rename_all = "snake_case")]
    enum Chosen {
        #[serde(rename_all = "camelCase")]
        Selected {
            option_id: String,
        },
        Cancelled,
    }
    let choice = match serde_json::from_str(result) {
        Ok(Answer {
            outcome: Chosen::Cancelled,
        }) => None,
        Ok(Answer {
            outcome: Chosen::Selected { option_id },
        }) if options.contains(&option_id) => Some(option_id),
        Ok(Answer {
            outcome: Chosen::Selected { option_id },
        }) => {
            let offered = options.join(", ");
            return Judged::Wrong(format!(
                "the option {option_id:?} was not offered ({offered})"
            ));
        }
        Err(error) => {
            return Judged::Wrong(format!(
                "it is not the result of a permission request: {error}"
            ));
        }
    };
    let outcome = Ok(result.to_owned());
    Judged::Answer { outcome, choice }
}

fn judge_form(required: &[String], result: &str) -> Judged {
    #[derive(Deserialize)]
    struct Answer {
        action: Action,
        content: Option<serde_json::Map<String, serde_json::Value>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Action {
        Accept,
        Decline,
        Cancel,
    }
    let Answer { action, content } = match serde_json::from_str(result) {
        Ok(answer) => answer,
        Err(error) => {
            return Judged::Wrong(format!("it is not the result of an elicitation: {error}"));
        }
    };
    let content = content.unwrap_or_default();
    let choice = match action {
        Action::Accept => {
            let missing = required.iter().find(|name| !content.contains_key(*name));
            if let Some(name) = missing {
                return Judged::Wrong(format!("the field {name:?} of the form is missing"));
            }
            Some("accept".to_owned())
        }
        Action::Decline => Some("decline".to_owned()),
        Action::Cancel => None,
    };
    let outcome = Ok(result.to_owned());
    Judged::Answer { outcome, choice }
}

/// The error of a client that knows the method; `None`: it does not, or has let go
/// of the question.
fn refusal(error: &str) -> Option<Failure> {
    #[derive(Deserialize)]
    struct Refusal<'a> {
        code: i32,
        #[serde(default)]
        message: String,
        #[serde(borrow)]
        data: Option<&'a serde_json::value::RawValue>,
    }
    let Refusal {
        code,
        message,
        data,
    } = serde_json::from_str(error).ok()?;
    let unable = [codes::NUMBER_METHOD_NOT_FOUND, codes::NUMBER_CANCELLED];
    (!unable.contains(&code)).then(|| Failure {
        code,
        message,
        data: data.map(|data| data.get().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, params: &str) -> Kind {
        Kind::read(method, params).unwrap()
    }

    fn ok(result: &str) -> Result<String, String> {
        Ok(result.to_owned())
    }

    #[test]
    fn a_form_is_answered_by_an_action_with_all_that_it_needs() {
        let schema = r#"{"message":"?","requestedSchema":{"required":["name"]}}"#;
        let form = of("elicitation/create", schema);
        for (result, choice) in [
            (
                r#"{"action":"accept","content":{"name":1}}"#,
                Some("accept"),
            ),
            (r#"{"action":"decline"}"#, Some("decline")),
            (r#"{"action":"cancel","content":null}"#, None),
        ] {
            let outcome = Ok(result.to_owned());
            let choice = choice.map(str::to_owned);
            assert_eq!(form.judge(&ok(result)), Judged::Answer { outcome, choice });
        }
        for wrong in [
            r#"{"action":"accept"}"#,
            r#"{"action":"accept","content":[]}"#,
            r#"{"action":"maybe"}"#,
            "{}",
            "null",
        ] {
            let judged = form.judge(&ok(wrong));
            assert!(
                matches!(judged, Judged::Wrong(_)),
                "{wrong} is no answer: {judged:?}"
            );
        }
        assert_eq!(form.judge(&Err("{}".to_owned())), Judged::Unable);
        assert!(Kind::read("elicitation/create", r#"{"mode":"url"}"#).is_err());
    }

    #[test]
    fn of_an_extension_every_answer_counts_but_that_it_is_not_known() {
        let kind = of("_vendor/thing", "{}");
        let answer = |outcome: Result<String, String>| kind.judge(&outcome);
        for result in [r#"{"a":1}"#, "[1]", "null"] {
            let judged = answer(ok(result));
            assert!(matches!(judged, Judged::Answer { outcome: Ok(_), .. }));
        }
        let refused = answer(Err(r#"{"code":7,"message":"no","data":[1]}"#.to_owned()));
        let Judged::Answer {
            outcome: Err(failure),
            ..
        } = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!((failure.code, failure.message.as_str()), (7, "no"));
        assert_eq!(failure.data.as_deref(), Some("[1]"));
        for code in [-32601, -32800] {
            let error = format!(r#"{{"code":{code},"message":"?"}}"#);
            assert_eq!(answer(Err(error)), Judged::Unable);
        }
        assert_eq!(answer(Err("{}".to_owned())), Judged::Unable);
        let large = "x".repeat(EXTENSION_BYTES + 1);
        assert!(matches!(answer(ok(&large)), Judged::Wrong(_)));
    }

    #[test]
    fn only_an_offered_option_or_cancelled_is_an_answer() {
        let options = r#"{"options":[{"optionId":"yes"},{"optionId":"no"}]}"#;
        let ask = of("session/request_permission", options);
        for (result, valid) in [
            (
                r#"{"outcome":{"outcome":"selected","optionId":"no"}}"#,
                true,
            ),
            (
                r#"{"outcome":{"outcome":"selected","optionId":"no","_meta":{}},"x":1}"#,
                true,
            ),
            (r#"{"outcome":{"outcome":"cancelled"}}"#, true),
            (
                r#"{"outcome":{"outcome":"selected","optionId":"maybe"}}"#,
                false,
            ),
            (r#"{"outcome":{"outcome":"selected"}}"#, false),
            (r#"{"outcome":"cancelled"}"#, false),
            ("null", false),
            ("[]", false),
        ] {
            let judged = ask.judge(&ok(result));
            assert_eq!(matches!(judged, Judged::Answer { .. }), valid, "{result}");
        }
        let maybe = r#"{"outcome":{"outcome":"selected","optionId":"maybe"}}"#;
        let Judged::Wrong(reason) = ask.judge(&ok(maybe)) else {
            panic!("it was not offered");
        };
        assert!(
            reason.contains("\"maybe\"") && reason.contains("yes, no"),
            "{reason}"
        );
    }
}

//! What an HTTP status of the service means, and what to do about it.

use hostler_sdk::{Error, Failure, text::one_line};
use serde_json::{Value, json};

use crate::service::Service;

/// What was asked for, as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Models,
    Thread,
    Prompt,
    Stream,
    State,
    Messages,
    Cancel,
}

impl Asked {
    fn words(self) -> &'static str {
        match self {
            Self::Models => "the check of the API key",
            Self::Thread => "a new thread",
            Self::Prompt => "the prompt",
            Self::Stream => "the stream of the thread",
            Self::State => "the state of the thread",
            Self::Messages => "the messages of the thread",
            Self::Cancel => "the cancellation",
        }
    }
}

/// A response that is none of those that were hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    /// In the service's own words.
    said: String,
    /// `error.code` of some.
    code: String,
    /// Seconds to wait.
    pub after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: u16, headers: &[(String, String)], body: &str) -> Self {
        let json: Value = serde_json::from_str(body).unwrap_or_default();
        let words = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let said = words(&json["error"])
            .or_else(|| words(&json["error"]["message"]))
            .or_else(|| words(&json["message"]));
        let after = headers.iter().find(|(name, _)| name == "retry-after");
        Self {
            status,
            said: one_line(&said.unwrap_or_else(|| body.to_owned())),
            code: words(&json["code"]).unwrap_or_default(),
            after: after.and_then(|(_, value)| value.trim().parse().ok()),
        }
    }

    /// Whether the same request may do better in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500 | 502..=504 | 520..=530)
    }

    /// Status and words, for a notice.
    pub(crate) fn words(&self) -> String {
        match self.said.as_str() {
            "" => format!("status {}", self.status),
            said => format!("status {}: {said}", self.status),
        }
    }

    /// `-32000` when the key is refused, `-32603` for everything else.
    pub(crate) fn failure(&self, asked: Asked, service: &Service) -> Failure {
        let said = match self.said.as_str() {
            "" => String::new(),
            said => format!(": {said}"),
        };
        let message = format!(
            "Decopilot answered {} with {}{said}. {}",
            asked.words(),
            self.status,
            self.remedy(asked, service)
        );
        let failure = match self.status {
            401 => Failure::auth_required(message),
            _ => Failure::internal(message),
        };
        let data = json!({"status": self.status, "error": self.said, "code": self.code});
        failure.with_data(data.to_string())
    }

    fn remedy(&self, asked: Asked, service: &Service) -> String {
        let says = |word: &str| self.said.to_lowercase().contains(word);
        let org = &service.org;
        match self.status {
            300..400 => "It redirects: set base_url in [plugins.decopilot.config] to where".into(),
            400 if says("tier") => "Choose another tier with the option `model`".into(),
            400 if says("toolapprovallevel") => {
                "This service does not ask before tools: choose the mode `auto`".into()
            }
            400 if says("mode") => "Choose another mode".into(),
            400 => "If its version is newer than this plugin, the plugin has to be updated".into(),
            401 => key_refused(&service.secret),
            403 if asked == Asked::Prompt => format!(
                "Choose another tier, or let an administrator of {org} allow the model for your role"
            ),
            403 => format!("The key lacks the right to it: make one in {org} that has it"),
            404 if asked == Asked::Thread => {
                "Look at org and agent in [plugins.decopilot.config]".into()
            }
            404 if asked == Asked::Models => {
                "Look at base_url and org in [plugins.decopilot.config]".into()
            }
            404 => "The conversation is not there any more: start a new session".into(),
            409 if self.code.contains("link") || says("link") => {
                "The agent works on somebody's own machine, which is not connected: start its \
                 link there, or choose an agent that works in the cluster"
                    .into()
            }
            409 => "Another run has the thread: wait for its end, or cancel it".into(),
            413 => "Send less at once".into(),
            429 => match self.after {
                Some(seconds) => format!("Too much was asked: prompt again in {seconds} s"),
                None => "Too much was asked: prompt again in a minute".into(),
            },
            500.. => "The fault is the service's: prompt again later".into(),
            _ => "Look at base_url in [plugins.decopilot.config]".into(),
        }
    }
}

/// What to do when the key is refused.
pub(crate) fn key_refused(secret: &str) -> String {
    format!("Make an API key in the organization and store it: `hostler secret set {secret}`")
}

/// A request that did not come through.
pub(crate) fn failed(asked: Asked, error: &Error) -> Failure {
    let words = asked.words();
    match error {
        // The host's words name the line of the configuration.
        Error::Denied(why) => Failure::internal(format!("{words} is not allowed: {why}")),
        Error::Invalid(why) => Failure::internal(format!("{words} could not be sent: {why}")),
        error => Failure::internal(format!(
            "Decopilot could not be reached for {words}: {error}"
        )),
    }
}

/// Whether trying again makes sense.
pub(crate) fn may_pass(error: &Error) -> bool {
    !matches!(error, Error::Denied(_) | Error::Invalid(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service {
            base: "https://deco.example".into(),
            org: "acme".into(),
            agent: "vir_1".into(),
            secret: "decopilot".into(),
        }
    }

    fn told(status: u16, asked: Asked, body: &str) -> Failure {
        Refusal::new(status, &[("retry-after".into(), "7".into())], body).failure(asked, &service())
    }

    #[test]
    fn each_status_says_what_to_do() {
        for (status, asked, body, says) in [
            (302, Asked::Models, "", "base_url"),
            (
                400,
                Asked::Prompt,
                r#"{"error":"Tier unavailable: thinking"}"#,
                "another tier",
            ),
            (
                400,
                Asked::Prompt,
                r#"{"error":"Unrecognized key: toolApprovalLevel"}"#,
                "`auto`",
            ),
            (
                400,
                Asked::Prompt,
                r#"{"error":"Expected exactly one"}"#,
                "Expected exactly one",
            ),
            (
                401,
                Asked::Models,
                r#"{"error":"Unauthorized"}"#,
                "hostler secret set decopilot",
            ),
            (
                403,
                Asked::Prompt,
                r#"{"error":"Model not allowed for your role"}"#,
                "administrator",
            ),
            (404, Asked::Thread, "", "agent in"),
            (404, Asked::Models, "", "org in"),
            (404, Asked::Stream, "", "start a new session"),
            (
                409,
                Asked::Prompt,
                r#"{"error":"link_unavailable","code":"x"}"#,
                "its link",
            ),
            (409, Asked::Prompt, "", "Another run"),
            (429, Asked::Prompt, "", "in 7 s"),
            (500, Asked::Prompt, "<html>", "later"),
            (503, Asked::Prompt, "", "later"),
        ] {
            let failure = told(status, asked, body);
            assert!(failure.message.contains(says), "{status}: {failure}");
            assert!(failure.message.contains(&status.to_string()));
        }
    }

    #[test]
    fn a_refused_key_is_a_missing_login() {
        assert_eq!(told(401, Asked::Prompt, "").code, Failure::AUTH_REQUIRED);
        assert_eq!(told(403, Asked::Prompt, "").code, Failure::INTERNAL);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let may = |status| Refusal::new(status, &[], "").may_pass();
        assert!([429, 500, 502, 503, 504].into_iter().all(may));
        assert!(![400, 401, 403, 404, 409, 413].into_iter().any(may));
    }
}

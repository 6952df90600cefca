//! A client chooses a mode, a model or another setting.

use hostler_sdk::{Failure, RequestId, Result, acp, client};
use serde::{Deserialize, Serialize};

use crate::{cli::Request, session::Codex, settings::Patch};

/// Settings on their way to Codex.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub patch: Patch,
    /// None when they are set again after a new start.
    pub caller: Option<Caller>,
}

/// Who waits for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub request: RequestId,
    /// The answer holds all options: that of `set_mode` holds nothing.
    wants_options: bool,
}

/// `session/set_mode`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetMode {
    mode_id: String,
}

/// `session/set_config_option`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetConfigOption {
    config_id: String,
    value: String,
}

/// The option and the value that a request asks for, and whether its answer
/// holds all options.
fn read(method: &str, params: &str) -> Result<(String, String, bool), Failure> {
    let malformed = |error| Failure::invalid_params(format!("{method}: {error}"));
    match method {
        "session/set_mode" => {
            let params: SetMode = serde_json::from_str(params).map_err(malformed)?;
            Ok(("mode".into(), params.mode_id, false))
        }
        "session/set_config_option" => {
            let params: SetConfigOption = serde_json::from_str(params).map_err(malformed)?;
            Ok((params.config_id, params.value, true))
        }
        other => Err(Failure::method_not_found(other)),
    }
}

impl Codex {
    /// Any request but a prompt. Codex applies a choice from the next turn on.
    pub(crate) fn choose(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        let checked = read(method, params).and_then(|(option, value, wants_options)| {
            let patch = self.settings.patch(&option, &value)?;
            let caller = Some(Caller {
                request,
                wants_options,
            });
            Ok(Change { patch, caller })
        });
        match checked {
            Err(failure) => client::fail(request, failure),
            Ok(change) if self.is_ready() => self.send_change(change),
            // The next process is told when it has started.
            Ok(change) => self.decided(change, None),
        }
    }

    pub(crate) fn send_change(&mut self, change: Change) -> Result {
        let (Some(cli), Some(thread)) = (&mut self.cli, &self.thread) else {
            return Ok(());
        };
        let params = self.settings.params(thread, &change.patch);
        cli.request(Request::Choose(change), "thread/settings/update", &params)
    }

    /// Codex has made a change, or refused it with `error`.
    pub(crate) fn decided(&mut self, change: Change, error: Option<String>) -> Result {
        match (error, change.caller) {
            (None, caller) => {
                self.chosen.merge(&change.patch);
                let told = if self.settings.apply(change.patch) {
                    self.settings_changed()
                } else {
                    Ok(())
                };
                told.and(caller.map_or(Ok(()), |caller| self.answer(caller)))
            }
            (Some(error), Some(caller)) => {
                let message = format!("Codex refused the choice: {error}");
                client::fail(caller.request, Failure::internal(message))
            }
            (Some(error), None) => {
                // It is not tried again, and people look before they go on.
                self.chosen = Patch::default();
                self.checkpoint();
                let text = format!("Codex does not take the settings of before: {error}");
                self.notices.say(acp::NoticeSeverity::Warning, text)
            }
        }
    }

    /// Settings are in force, whoever changed them.
    pub(crate) fn settings_changed(&mut self) -> Result {
        self.checkpoint();
        self.settings.tell()
    }

    fn answer(&self, caller: Caller) -> Result {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            #[serde(skip_serializing_if = "Option::is_none")]
            config_options: Option<Vec<acp::SessionConfigOption>>,
        }
        let config_options = caller.wants_options.then(|| self.settings.options());
        client::answer(caller.request, &Answer { config_options })
    }
}

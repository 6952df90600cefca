//! A client chooses a mode, a model or an effort.

use hostler_sdk::{Failure, RequestId, Result, client, log};
use serde::{Deserialize, Serialize};

use crate::{
    cli::Request,
    outgoing::{Control, FlagSettings},
    session::ClaudeCode,
};

/// Which of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Mode,
    Model,
    Effort,
}

/// A setting on its way to Claude Code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub setting: Setting,
    pub value: String,
    /// None when it is set again after a new start.
    pub caller: Option<Caller>,
}

/// Who waits for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub request: RequestId,
    /// The answer holds all options: that of `set_mode` holds nothing.
    wants_options: bool,
}

impl Change {
    /// What was in force before Claude Code was started again.
    pub(crate) fn again(setting: Setting, value: &str) -> Self {
        Self {
            setting,
            value: value.into(),
            caller: None,
        }
    }

    /// How Claude Code is asked for it.
    pub(crate) fn control(&self) -> Control<'_> {
        match self.setting {
            Setting::Mode => Control::SetPermissionMode { mode: &self.value },
            Setting::Model => Control::SetModel { model: &self.value },
            Setting::Effort => Control::ApplyFlagSettings {
                settings: FlagSettings::EffortLevel(&self.value),
            },
        }
    }
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

/// The change that a request asks for.
fn change(request: RequestId, method: &str, params: &str) -> Result<Change, Failure> {
    let malformed = |error| Failure::invalid_params(format!("{method}: {error}"));
    let (setting, value, wants_options) = match method {
        "session/set_mode" => {
            let params: SetMode = serde_json::from_str(params).map_err(malformed)?;
            (Setting::Mode, params.mode_id, false)
        }
        "session/set_config_option" => {
            let params: SetConfigOption = serde_json::from_str(params).map_err(malformed)?;
            let setting = match params.config_id.as_str() {
                "mode" => Setting::Mode,
                "model" => Setting::Model,
                "effort" => Setting::Effort,
                other => {
                    return Err(Failure::invalid_params(format!(
                        "there is no option \"{other}\"; there are mode, model, effort"
                    )));
                }
            };
            (setting, params.value, true)
        }
        other => return Err(Failure::method_not_found(other)),
    };
    let caller = Caller {
        request,
        wants_options,
    };
    Ok(Change {
        setting,
        value,
        caller: Some(caller),
    })
}

impl ClaudeCode {
    /// Any request but a prompt. Without a process that listens, the next one
    /// is told when it starts.
    pub(crate) fn choose(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        let checked = change(request, method, params).and_then(|change| {
            self.settings.check(change.setting, &change.value)?;
            Ok(change)
        });
        match (checked, &mut self.cli) {
            (Err(failure), _) => client::fail(request, failure),
            (Ok(change), Some(cli)) if cli.ready => cli.request(Request::Set(change)),
            (Ok(change), _) => self.chosen(change, None),
        }
    }

    /// Claude Code has made a change, or refused it with `error`.
    pub(crate) fn chosen(&mut self, change: Change, error: Option<String>) -> Result {
        let value = &change.value;
        match (error, change.caller) {
            (None, caller) => {
                if change.setting == Setting::Effort {
                    self.settings.chosen_effort = Some(value.clone());
                }
                let set = self.now_set(change.setting, value);
                let set = set.and(caller.map_or(Ok(()), |caller| self.answer(caller)));
                // Each model has an effort of its own.
                match &mut self.cli {
                    Some(cli) if cli.ready && change.setting == Setting::Model => {
                        set.and(cli.request(Request::InForce))
                    }
                    _ => set,
                }
            }
            (Some(error), Some(caller)) => {
                let message = format!("Claude Code refused \"{value}\": {error}");
                client::fail(caller.request, Failure::internal(message))
            }
            (Some(error), None) => {
                log::warn(format_args!("Claude Code refused \"{value}\": {error}"));
                Ok(())
            }
        }
    }

    fn answer(&self, caller: Caller) -> Result {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            #[serde(skip_serializing_if = "Option::is_none")]
            config_options: Option<Vec<hostler_sdk::acp::SessionConfigOption>>,
        }
        let config_options = caller.wants_options.then(|| self.settings.options());
        client::answer(caller.request, &Answer { config_options })
    }

    /// A setting is in force, whoever changed it.
    pub(crate) fn now_set(&mut self, setting: Setting, value: &str) -> Result {
        if self.settings.set(setting, value)? {
            self.checkpoint();
        }
        Ok(())
    }
}

//! Model, effort, approval, sandbox and collaboration: what is in force, and what
//! a choice changes. A mode is a pair of approval and sandbox, or Codex's own plan
//! mode, in which it asks and plans.

use hostler_sdk::{Failure, Result, acp, client};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    incoming::{Model, Reported},
    options::{APPROVALS, COLLABORATIONS, MODES, PLAN, SANDBOXES, WORK},
};

/// The sandbox that is none.
const UNCONFINED: &str = "danger-full-access";

/// What is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub model: String,
    /// None when it is the model's own.
    pub effort: Option<String>,
    pub approval: String,
    pub sandbox: String,
    /// None when Codex has not told of it.
    pub collaboration: Option<String>,
}

impl Values {
    pub(crate) fn plans(&self) -> bool {
        self.collaboration.as_deref() == Some(PLAN)
    }

    fn works(&self) -> bool {
        self.collaboration.as_deref() == Some(WORK)
    }

    /// Whether commands can be refused by the sandbox.
    pub(crate) fn confines(&self) -> bool {
        self.sandbox != UNCONFINED
    }
}

/// Values to be changed, or those that were chosen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub model: Option<String>,
    pub effort: Option<String>,
    pub approval: Option<String>,
    pub sandbox: Option<String>,
    pub collaboration: Option<String>,
}

impl Patch {
    /// Takes over what `later` changes.
    pub(crate) fn merge(&mut self, later: &Self) {
        let or = |later: &Option<String>, now: &mut Option<String>| {
            *now = later.clone().or(now.take());
        };
        or(&later.model, &mut self.model);
        or(&later.effort, &mut self.effort);
        or(&later.approval, &mut self.approval);
        or(&later.sandbox, &mut self.sandbox);
        or(&later.collaboration, &mut self.collaboration);
    }
}

/// The settings of one conversation.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub values: Values,
    pub(crate) models: Vec<Model>,
    /// The `workspaceWrite` policy as Codex's config.toml has it, to come back
    /// to.
    workspace: Option<Value>,
}

impl Settings {
    pub(crate) fn offer(&mut self, models: Vec<Model>) {
        self.models = models.into_iter().filter(|model| !model.hidden).collect();
    }

    /// A process has a thread: one that it has just begun does not plan.
    pub(crate) fn begin(&mut self, new: bool) {
        self.values.collaboration = new.then(|| WORK.to_owned());
    }

    /// Takes over what Codex says; whether anything is new.
    pub(crate) fn take(&mut self, reported: Reported) -> bool {
        if reported.sandbox["type"] == "workspaceWrite" {
            self.workspace = Some(reported.sandbox.clone());
        }
        let mut values = reported.values();
        let before = self.values.collaboration.take();
        values.collaboration = values.collaboration.or_else(|| before.clone());
        self.values.collaboration = before;
        let changed = values != self.values;
        self.values = values;
        changed
    }

    /// Checks a choice and says what it changes.
    ///
    /// # Errors
    /// `-32602` with the options or values that there are.
    pub(crate) fn patch(&self, option: &str, value: &str) -> Result<Patch, Failure> {
        let ids = |offered: &[(&str, &str, &str)]| {
            offered.iter().map(|offered| offered.0.to_owned()).collect()
        };
        let chosen = Some(value.to_owned());
        let mut patch = Patch::default();
        let offered: Vec<String> = match option {
            "mode" => {
                let mode = MODES.iter().find(|mode| mode.0 == value);
                patch.approval = mode.map(|mode| mode.3.to_owned());
                patch.sandbox = mode.map(|mode| mode.4.to_owned());
                patch.collaboration = match value {
                    PLAN => Some(PLAN.to_owned()),
                    // It may have been begun by hand, and plan.
                    _ => Some(WORK.to_owned()).filter(|_| !self.values.works()),
                };
                let modes = MODES.iter().map(|mode| mode.0);
                modes.chain([PLAN]).map(ToOwned::to_owned).collect()
            }
            "model" => {
                patch.effort = self.effort_for(value);
                patch.model = chosen;
                let models = self.models.iter().map(|model| model.model.clone());
                models.chain([self.values.model.clone()]).collect()
            }
            "effort" => {
                patch.effort = chosen;
                self.efforts(&self.values.model)
            }
            "approval" => {
                patch.approval = chosen;
                ids(&APPROVALS)
            }
            "sandbox" => {
                patch.sandbox = chosen;
                ids(&SANDBOXES)
            }
            "collaboration" => {
                patch.collaboration = chosen;
                ids(&COLLABORATIONS)
            }
            other => {
                return Err(Failure::invalid_params(format!(
                    "there is no option \"{other}\"; there are mode, model, effort, approval, \
                     sandbox, collaboration"
                )));
            }
        };
        if offered.iter().any(|offered| offered == value) {
            return Ok(patch);
        }
        Err(Failure::invalid_params(format!(
            "there is no {option} \"{value}\"; there are {}",
            offered.join(", ")
        )))
    }

    /// What must be changed so that all of `chosen` is in force.
    pub(crate) fn towards(&self, chosen: &Patch) -> Option<Patch> {
        let now = &self.values;
        let differs =
            |chosen: &Option<String>, now: &str| chosen.clone().filter(|chosen| chosen != now);
        let patch = Patch {
            model: differs(&chosen.model, &now.model),
            effort: chosen
                .effort
                .clone()
                .filter(|_| chosen.effort != now.effort),
            approval: differs(&chosen.approval, &now.approval),
            sandbox: differs(&chosen.sandbox, &now.sandbox),
            collaboration: chosen
                .collaboration
                .clone()
                .filter(|_| chosen.collaboration != now.collaboration),
        };
        (patch != Patch::default()).then_some(patch)
    }

    /// A patch is in force; whether anything is new.
    pub(crate) fn apply(&mut self, patch: Patch) -> bool {
        let before = self.values.clone();
        let values = &mut self.values;
        values.model = patch.model.unwrap_or_else(|| before.model.clone());
        values.effort = patch.effort.or_else(|| before.effort.clone());
        values.approval = patch.approval.unwrap_or_else(|| before.approval.clone());
        values.sandbox = patch.sandbox.unwrap_or_else(|| before.sandbox.clone());
        values.collaboration = patch.collaboration.or_else(|| before.collaboration.clone());
        *values != before
    }

    /// The clients are told what is in force now.
    pub(crate) fn tell(&self) -> Result {
        let mode = acp::CurrentModeUpdate::new(self.mode().to_owned());
        let told = client::update(&acp::SessionUpdate::CurrentModeUpdate(mode));
        let options = acp::ConfigOptionUpdate::new(self.options());
        told.and(client::update(&acp::SessionUpdate::ConfigOptionUpdate(
            options,
        )))
    }

    /// The members of `thread/settings/update` for a patch.
    pub(crate) fn params(&self, thread: &str, patch: &Patch) -> Value {
        let mut params = json!({"threadId": thread});
        let mut add = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                params[name] = json!(value);
            }
        };
        add("model", &patch.model);
        add("effort", &patch.effort);
        add("approvalPolicy", &patch.approval);
        if let Some(collaboration) = &patch.collaboration {
            // It names model and effort too, and those count.
            let model = patch.model.as_ref().unwrap_or(&self.values.model);
            let effort = patch.effort.as_ref().or(self.values.effort.as_ref());
            params["collaborationMode"] = json!({"mode": collaboration, "settings": {
                "model": model, "reasoning_effort": effort, "developer_instructions": null,
            }});
        }
        if let Some(sandbox) = &patch.sandbox {
            params["sandboxPolicy"] = match sandbox.as_str() {
                "read-only" => json!({"type": "readOnly"}),
                UNCONFINED => json!({"type": "dangerFullAccess"}),
                _ => {
                    let own = self.workspace.clone();
                    own.unwrap_or_else(|| json!({"type": "workspaceWrite"}))
                }
            };
        }
        params
    }

    pub(crate) fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.model == name)
    }

    fn efforts(&self, model: &str) -> Vec<String> {
        let model = self.model(model);
        let efforts = model.map(|model| model.supported_reasoning_efforts.as_slice());
        let efforts = efforts.unwrap_or_default().iter();
        let efforts = efforts.map(|effort| effort.reasoning_effort.clone());
        efforts.chain(self.values.effort.clone()).collect()
    }

    /// The effort that must be set together with `model`, which may not have
    /// the one in force.
    fn effort_for(&self, model: &str) -> Option<String> {
        let effort = self.values.effort.as_ref()?;
        let model = self.model(model)?;
        let mut offered = model.supported_reasoning_efforts.iter();
        let fits = offered.any(|offered| offered.reasoning_effort == *effort);
        (!fits).then(|| model.default_reasoning_effort.clone())
    }
}

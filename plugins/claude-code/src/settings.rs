//! Mode and model: what there is to choose, and what is chosen.

use hostler_sdk::{Failure, Result, acp, client};

use crate::{
    choice::{Change, Setting},
    cli::Request,
    control::{Initialized, Model},
};

/// Modes as Claude Code spells them, with their names and meanings for people.
/// The first three are always offered.
const MODES: [(&str, &str, &str); 6] = [
    ("default", "Manual", "Ask before anything is changed"),
    ("acceptEdits", "Accept edits", "Change files without asking"),
    ("plan", "Plan", "Look and plan, change nothing"),
    ("auto", "Auto", "Claude decides when to ask"),
    (
        "dontAsk",
        "Don't ask",
        "Refuse whatever is not allowed already",
    ),
    ("bypassPermissions", "Bypass", "Never ask"),
];

/// Always offered; the others only under conditions.
const ALWAYS: [&str; 3] = ["default", "acceptEdits", "plan"];

/// The settings of one conversation.
#[derive(Debug)]
pub(crate) struct Settings {
    mode: String,
    /// What `set_model` takes; Claude Code's own default has the value
    /// `default`.
    model: String,
    models: Vec<Model>,
    /// Whether Claude Code, when it starts, has to be set as this says; else it
    /// is the other way round.
    kept: bool,
}

impl Settings {
    /// As they were left, or as Claude Code has them when it starts.
    pub(crate) fn new(mode: Option<String>, model: Option<String>) -> Self {
        Self {
            kept: mode.is_some(),
            mode: mode.unwrap_or_else(|| "default".into()),
            model: model.unwrap_or_else(|| "default".into()),
            models: Vec::new(),
        }
    }

    pub(crate) fn mode(&self) -> &str {
        &self.mode
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// Claude Code has started: what must be requested so that it is set as it
    /// was before.
    pub(crate) fn start(&mut self, started: Initialized) -> Vec<Request> {
        self.models = started.models;
        let mode = started.current_permission_mode;
        if !std::mem::replace(&mut self.kept, true) {
            self.mode = mode.unwrap_or_else(|| "default".into());
            return Vec::new();
        }
        let mut requests = Vec::new();
        if mode.as_ref() != Some(&self.mode) {
            requests.push(Request::Set(Change::again(Setting::Mode, &self.mode)));
        }
        if self.model != "default" {
            requests.push(Request::Set(Change::again(Setting::Model, &self.model)));
        }
        requests
    }

    /// Checks that `value` is one of those offered.
    ///
    /// # Errors
    /// `-32602` with the values that are.
    pub(crate) fn check(&self, setting: Setting, value: &str) -> Result<(), Failure> {
        let (what, offered): (_, Vec<&str>) = match setting {
            Setting::Mode => ("mode", self.offered().map(|mode| mode.0).collect()),
            Setting::Model => {
                let models = self.models.iter().map(|model| model.value.as_str());
                ("model", models.collect())
            }
        };
        if offered.contains(&value) {
            return Ok(());
        }
        Err(Failure::invalid_params(format!(
            "there is no {what} \"{value}\"; there are {}",
            offered.join(", ")
        )))
    }

    /// `value` is in force now: the clients are told, if it was not before. Says
    /// whether that was so.
    pub(crate) fn set(&mut self, setting: Setting, value: &str) -> Result<bool> {
        let current = match setting {
            Setting::Mode => &mut self.mode,
            Setting::Model => &mut self.model,
        };
        if current == value {
            return Ok(false);
        }
        value.clone_into(current);
        if setting == Setting::Mode {
            let mode = acp::CurrentModeUpdate::new(value.to_owned());
            client::update(&acp::SessionUpdate::CurrentModeUpdate(mode))?;
        }
        let options = acp::ConfigOptionUpdate::new(self.options());
        client::update(&acp::SessionUpdate::ConfigOptionUpdate(options))?;
        Ok(true)
    }

    /// What to call the model that answers, from its full name. Of several
    /// values for it the current one stays; a model that is not in the list
    /// joins it.
    pub(crate) fn value_of(&mut self, name: &str) -> String {
        let is = |model: &&Model| model.resolved_model.as_deref().unwrap_or(&model.value) == name;
        let current = |model: &&Model| model.value == self.model;
        let mut fitting = self.models.iter().filter(is);
        let first = fitting.clone().next();
        if let Some(model) = fitting.find(current).or(first) {
            return model.value.clone();
        }
        self.models.push(Model {
            value: name.into(),
            resolved_model: None,
            display_name: None,
            description: None,
            supports_auto_mode: false,
        });
        name.into()
    }

    /// For clients that know modes only.
    pub(crate) fn modes(&self) -> acp::SessionModeState {
        let modes = self.offered().map(|(id, name, description)| {
            acp::SessionMode::new(id.to_owned(), name).description(description)
        });
        acp::SessionModeState::new(self.mode.clone(), modes.collect())
    }

    /// Both settings, with all that can be chosen.
    pub(crate) fn options(&self) -> Vec<acp::SessionConfigOption> {
        let modes = self.offered().map(|(id, name, description)| {
            acp::SessionConfigSelectOption::new(id.to_owned(), name).description(description)
        });
        let modes: Vec<_> = modes.collect();
        let models = self.models.iter().map(|model| {
            let name = model.display_name.as_deref().unwrap_or(&model.value);
            acp::SessionConfigSelectOption::new(model.value.clone(), name)
                .description(model.description.clone())
        });
        let models: Vec<_> = models.collect();
        vec![
            acp::SessionConfigOption::select("mode", "Mode", self.mode.clone(), modes)
                .description("When Claude Code asks before it acts")
                .category(acp::SessionConfigOptionCategory::Mode),
            acp::SessionConfigOption::select("model", "Model", self.model.clone(), models)
                .description("Which model answers")
                .category(acp::SessionConfigOptionCategory::Model),
        ]
    }

    /// The mode in force is always among them.
    fn offered(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let auto = self.models.iter().any(|model| model.supports_auto_mode);
        let modes = MODES.into_iter().filter(move |(id, ..)| {
            ALWAYS.contains(id) || (*id == "auto" && auto) || *id == self.mode
        });
        let known = MODES.iter().any(|(id, ..)| *id == self.mode);
        let unknown = (!known).then_some((self.mode.as_str(), self.mode.as_str(), ""));
        modes.chain(unknown)
    }
}

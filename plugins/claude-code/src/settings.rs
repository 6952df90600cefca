//! Mode, model and effort: what is in force, and what there is to choose.
//! `options` shows both to clients.

use hostler_sdk::{Failure, Result, acp, client};

use crate::{
    choice::{Change, Setting},
    cli::Request,
    control::Model,
    options::{BYPASS, MODES},
};

/// Always offered; the others only under conditions.
pub(crate) const ALWAYS: [&str; 3] = ["default", "acceptEdits", "plan"];

/// The settings of one conversation.
#[derive(Debug)]
pub(crate) struct Settings {
    pub mode: String,
    /// What `set_model` takes; Claude Code's own default has the value
    /// `default`.
    pub model: String,
    /// How long the model thinks; none when it does not have levels.
    pub effort: Option<String>,
    /// The effort that a client chose: Claude Code does not keep it.
    pub chosen_effort: Option<String>,
    pub models: Vec<Model>,
    /// The operator allows the mode [`BYPASS`].
    bypass: bool,
    /// Whether Claude Code, when it starts, has to be set as this says; else it
    /// is the other way round.
    kept: bool,
}

impl Settings {
    /// As they were left, or as Claude Code has them when it starts.
    pub(crate) fn new(
        mode: Option<String>,
        model: Option<String>,
        chosen_effort: Option<String>,
        bypass: bool,
    ) -> Self {
        // It may have been allowed once.
        let lapsed = !bypass && mode.as_deref() == Some(BYPASS);
        let mode = mode.map(|mode| if lapsed { "default".into() } else { mode });
        Self {
            bypass,
            kept: mode.is_some(),
            mode: mode.unwrap_or_else(|| "default".into()),
            model: model.unwrap_or_else(|| "default".into()),
            effort: None,
            chosen_effort,
            models: Vec::new(),
        }
    }

    /// Claude Code has started: what must be requested so that it is set as it
    /// was before.
    pub(crate) fn start(&mut self, models: Vec<Model>, mode: Option<String>) -> Vec<Request> {
        self.models = models;
        if !std::mem::replace(&mut self.kept, true) {
            self.mode = mode.unwrap_or_else(|| "default".into());
            return Vec::new();
        }
        let mut changes = Vec::new();
        if mode.as_ref() != Some(&self.mode) {
            changes.push(Change::again(Setting::Mode, &self.mode));
        }
        if self.model != "default" {
            changes.push(Change::again(Setting::Model, &self.model));
        }
        if let Some(effort) = &self.chosen_effort {
            changes.push(Change::again(Setting::Effort, effort));
        }
        changes.into_iter().map(Request::Set).collect()
    }

    /// Checks that `value` is one of those offered.
    ///
    /// # Errors
    /// `-32602` with the values that are.
    pub(crate) fn check(&self, setting: Setting, value: &str) -> Result<(), Failure> {
        let (what, offered): (_, Vec<&str>) = match setting {
            Setting::Mode => ("mode", self.modes_offered().map(|mode| mode.0).collect()),
            Setting::Model => {
                let models = self.models.iter().map(|model| model.value.as_str());
                ("model", models.collect())
            }
            Setting::Effort => {
                let efforts = self.efforts().iter().map(String::as_str);
                ("effort", efforts.collect())
            }
        };
        if offered.contains(&value) {
            return Ok(());
        }
        let offered = match offered.is_empty() {
            true => "this model has none".to_owned(),
            false => format!("there are {}", offered.join(", ")),
        };
        Err(Failure::invalid_params(format!(
            "there is no {what} \"{value}\"; {offered}"
        )))
    }

    /// `value` is in force now: the clients are told, if it was not before. Says
    /// whether that was so.
    pub(crate) fn set(&mut self, setting: Setting, value: &str) -> Result<bool> {
        let current = match setting {
            Setting::Mode => &mut self.mode,
            Setting::Model => &mut self.model,
            Setting::Effort => self.effort.get_or_insert_default(),
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
        self.models.push(Model::named(name));
        name.into()
    }

    /// The levels of effort that the current model has.
    pub(crate) fn efforts(&self) -> &[String] {
        let model = self.models.iter().find(|model| model.value == self.model);
        model.map_or(&[], |model| &model.supported_effort_levels)
    }

    /// Ids, names and meanings; the mode in force is always among them.
    pub(crate) fn modes_offered(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let auto = self.models.iter().any(|model| model.supports_auto_mode);
        let modes = MODES.into_iter().filter(move |(id, ..)| {
            ALWAYS.contains(id)
                || (*id == "auto" && auto)
                || (*id == BYPASS && self.bypass)
                || *id == self.mode
        });
        let known = MODES.iter().any(|(id, ..)| *id == self.mode);
        let unknown = (!known).then_some((self.mode.as_str(), self.mode.as_str(), ""));
        modes.chain(unknown)
    }
}

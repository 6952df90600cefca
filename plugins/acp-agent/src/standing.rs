//! How the agent's session stands: its modes, its options, and whatever else it
//! answered when the session began.

use std::collections::BTreeMap;

use hostler_sdk::{PromptCapabilities, Result, client};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use crate::about::About;
use crate::models::Models;

const OPTIONS: &str = "configOptions";
const MODES: &str = "modes";
const META: &str = "_meta";

type Object = BTreeMap<String, Box<RawValue>>;

/// The result of `session/new`, `load` or `resume`, with later changes.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    members: Object,
    /// Of an agent that has models and no options: they are shown as one.
    models: Option<Models>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modes {
    current_mode_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Setting {
    id: String,
    current_value: Value,
}

impl Standing {
    /// The agent's session, if the result names one, and how that stands.
    pub(crate) fn read(result: &str) -> serde_json::Result<(Option<String>, Self)> {
        let members: Option<Object> = serde_json::from_str(result)?;
        let mut members = members.unwrap_or_default();
        members.retain(|_, value| value.get() != "null");
        let session = members.remove("sessionId");
        let session = session
            .map(|id| serde_json::from_str(id.get()))
            .transpose()?;
        let models = (!members.contains_key(OPTIONS))
            .then(|| members.get("models"))
            .flatten()
            .and_then(|models| serde_json::from_str(models.get()).ok());
        let mut standing = Self { members, models };
        standing.show_models();
        Ok((session, standing))
    }

    /// The answer to `open`.
    pub(crate) fn opened(&self, about: &About) -> Result<String> {
        let mut members = self.members.clone();
        if !about.is_empty() {
            let meta = members.get(META).map(|meta| meta.get());
            let mut meta: Object = meta
                .and_then(|meta| serde_json::from_str(meta).ok())
                .unwrap_or_default();
            let PromptCapabilities {
                image,
                audio,
                embedded_context,
            } = about.can.prompts();
            let prompts =
                json!({ "image": image, "audio": audio, "embeddedContext": embedded_context });
            meta.insert("promptCapabilities".to_owned(), to_raw_value(&prompts)?);
            meta.insert("acpAgent".to_owned(), to_raw_value(about)?);
            members.insert(META.to_owned(), to_raw_value(&meta)?);
        }
        Ok(serde_json::to_string(&members)?)
    }

    pub(crate) fn mode(&self) -> Option<String> {
        let modes: Modes = serde_json::from_str(self.members.get(MODES)?.get()).ok()?;
        Some(modes.current_mode_id)
    }

    pub(crate) fn set_mode(&mut self, mode: &str) {
        let changed = self.members.get(MODES).and_then(|modes| {
            let mut modes: Object = serde_json::from_str(modes.get()).ok()?;
            modes.insert("currentModeId".to_owned(), to_raw_value(mode).ok()?);
            to_raw_value(&modes).ok()
        });
        if let Some(modes) = changed {
            self.members.insert(MODES.to_owned(), modes);
        }
    }

    /// The present value of an option.
    pub(crate) fn option(&self, id: &str) -> Option<Value> {
        let options: Vec<Setting> = serde_json::from_str(self.members.get(OPTIONS)?.get()).ok()?;
        let option = options.into_iter().find(|option| option.id == id)?;
        Some(option.current_value)
    }

    pub(crate) fn set_options(&mut self, options: &RawValue) {
        self.members.insert(OPTIONS.to_owned(), options.to_owned());
    }

    /// What an answer to a change says of options.
    pub(crate) fn note_answer(&mut self, result: &str) {
        let members = serde_json::from_str::<Object>(result).unwrap_or_default();
        if let Some(options) = members.get(OPTIONS) {
            self.set_options(options);
        }
    }

    /// The models, if the option of this name is made of them.
    pub(crate) fn models_behind(&self, option: &str) -> Option<&Models> {
        self.models.as_ref().filter(|_| option == Models::OPTION)
    }

    /// A model was chosen; the answer to whoever chose it.
    pub(crate) fn set_model(&mut self, model: &str) -> Result<String> {
        if let Some(models) = &mut self.models {
            model.clone_into(&mut models.current_model_id);
        }
        self.show_models();
        let options = self.members.get(OPTIONS);
        Ok(serde_json::to_string(
            &options
                .map(|options| BTreeMap::from([(OPTIONS, options)]))
                .unwrap_or_default(),
        )?)
    }

    fn show_models(&mut self) {
        let option = self
            .models
            .as_ref()
            .map(|models| to_raw_value(&[models.as_option()]));
        if let Some(Ok(options)) = option {
            self.members.insert(OPTIONS.to_owned(), options);
        }
    }

    /// Tells clients that know the session already how the restarted agent stands.
    pub(crate) fn announce(&self) -> Result {
        #[derive(Serialize)]
        #[serde(
            tag = "sessionUpdate",
            rename_all = "snake_case",
            rename_all_fields = "camelCase"
        )]
        enum Update<'a> {
            ConfigOptionUpdate { config_options: &'a RawValue },
            CurrentModeUpdate { current_mode_id: String },
        }
        if let Some(config_options) = self.members.get(OPTIONS) {
            client::update(&Update::ConfigOptionUpdate { config_options })?;
        }
        match self.mode() {
            Some(current_mode_id) => client::update(&Update::CurrentModeUpdate { current_mode_id }),
            None => Ok(()),
        }
    }
}

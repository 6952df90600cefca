//! Agents that have `models` and `session/set_model`, which ACP has given up for
//! options. Clients know options, so the models are shown as one.

use serde::Deserialize;
use serde_json::{Value, json};

/// `models` of `session/new`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Models {
    pub(crate) current_model_id: String,
    #[serde(default)]
    available_models: Vec<Model>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
}

impl Models {
    /// The id of the option.
    pub(crate) const OPTION: &str = "model";

    /// The method that chooses one.
    pub(crate) const METHOD: &str = "session/set_model";

    /// As an option of the session.
    pub(crate) fn as_option(&self) -> Value {
        let models = self.available_models.iter().map(|model| {
            let name = if model.name.is_empty() {
                &model.model_id
            } else {
                &model.name
            };
            let mut option = json!({ "value": model.model_id, "name": name });
            if let Some(description) = &model.description {
                option["description"] = json!(description);
            }
            option
        });
        json!({
            "id": Self::OPTION, "name": "Model", "category": "model", "type": "select",
            "currentValue": self.current_model_id, "options": models.collect::<Vec<_>>(),
        })
    }
}

//! What there is to choose before a session begins.

use std::time::Duration;

use hostler_sdk::{
    Choices, Mode, Result, Tier, TierKind, log,
    process::{Command, Output},
};
use serde::Deserialize;

use crate::{
    login,
    options::{COLLABORATIONS, MODES},
};

/// It takes some 0.2 s, and a start of Node.js.
const LIMIT: Duration = Duration::from_secs(10);

/// What `codex debug models` prints.
#[derive(Debug, Deserialize)]
struct Catalogue {
    models: Vec<Model>,
}

#[derive(Debug, Deserialize)]
struct Model {
    slug: String,
    display_name: String,
    description: Option<String>,
    #[serde(default)]
    visibility: String,
    /// The lower, the further up in Codex's own list.
    #[serde(default)]
    priority: u32,
}

impl Model {
    fn is_fast(&self) -> bool {
        self.says("fast") || self.slug.ends_with("-mini")
    }

    fn is_for_hard_work(&self) -> bool {
        self.says("frontier") || self.says("most demanding")
    }

    fn says(&self, word: &str) -> bool {
        let description = self.description.as_deref().unwrap_or_default();
        description.to_lowercase().contains(word)
    }
}

/// Modes, ways to log in, and the tiers of the models that `program` knows. A Codex that cannot
/// list its models has none.
pub(crate) fn offer(program: &str) -> Choices {
    let output = Command::new(program).args(["debug", "models"]).run(LIMIT);
    let models = output.map_err(|error| error.to_string());
    let models = models.and_then(|output| read(&output));
    let models = models.unwrap_or_else(|why| {
        log::info(format_args!("`{program} debug models`: {why}"));
        Vec::new()
    });
    let modes = MODES.iter().map(|mode| (mode.0, mode.1, mode.2));
    let modes = modes.chain([COLLABORATIONS[1]]).map(|mode| Mode {
        id: mode.0.into(),
        name: mode.1.into(),
        description: mode.2.into(),
    });
    Choices {
        local: true,
        tiers: tiers(&models),
        modes: modes.collect(),
        auth_methods: login::methods(),
        prompt: None,
    }
}

fn read(output: &Output) -> Result<Vec<Model>, String> {
    if !output.exit.success() {
        return Err(output.exit.to_string());
    }
    let read: Catalogue = serde_json::from_str(&output.stdout).map_err(|it| it.to_string())?;
    let mut models = read.models;
    models.retain(|model| model.visibility == "list");
    models.sort_by_key(|model| model.priority);
    Ok(models)
}

/// The first of the list is for ordinary work; which are fast and which are for
/// hard work, only their descriptions say.
fn tiers(models: &[Model]) -> Vec<Tier> {
    let found = [
        (TierKind::Fast, models.iter().find(|model| model.is_fast())),
        (
            TierKind::Smart,
            models
                .iter()
                .find(|model| !model.is_fast() && !model.is_for_hard_work()),
        ),
        (
            TierKind::Thinking,
            models.iter().find(|model| model.is_for_hard_work()),
        ),
    ];
    let tier = |(kind, model): (TierKind, Option<&Model>)| {
        let model = model?;
        Some(Tier {
            kind,
            model: model.slug.clone(),
            name: model.display_name.clone(),
            description: model.description.clone().unwrap_or_default(),
        })
    };
    found.into_iter().filter_map(tier).collect()
}

//! Mode and tier: what there is, what is in force, and what a client chooses.
//! A mode is a pair of Decopilot's own mode and of its approval level.

use hostler_sdk::{Failure, RequestId, Result, TierKind, acp, client};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something that sessions can be in.
#[derive(Debug)]
pub(crate) struct Mode {
    pub id: &'static str,
    pub name: &'static str,
    pub meaning: &'static str,
    /// Decopilot's own.
    own: &'static str,
    /// Whether it asks before tools that change something.
    level: &'static str,
}

const fn mode(
    id: &'static str,
    name: &'static str,
    meaning: &'static str,
    own: &'static str,
    level: &'static str,
) -> Mode {
    Mode {
        id,
        name,
        meaning,
        own,
        level,
    }
}

pub(crate) const MODES: [Mode; 5] = [
    mode(
        "readonly",
        "Ask",
        "Ask before a tool changes anything",
        "default",
        "readonly",
    ),
    mode(
        "auto",
        "Auto",
        "Use all tools without asking",
        "default",
        "auto",
    ),
    mode(
        "plan",
        "Plan",
        "Look and propose a plan, change nothing",
        "plan",
        "readonly",
    ),
    mode(
        "web-search",
        "Web search",
        "Search the web for the answer",
        "web-search",
        "readonly",
    ),
    mode(
        "gen-image",
        "Image",
        "Make an image",
        "gen-image",
        "readonly",
    ),
];

/// The mode in which nothing is asked.
pub(crate) const AUTO: &str = "auto";
/// The mode that ends with a plan, and the one that carries it out.
pub(crate) const PLAN: &str = "plan";
pub(crate) const CAREFUL: &str = "readonly";

/// A class of models: which one it is, the service decides.
#[derive(Debug)]
pub(crate) struct Tier {
    pub kind: TierKind,
    pub id: &'static str,
    pub name: &'static str,
    pub meaning: &'static str,
}

pub(crate) const TIERS: [Tier; 3] = [
    Tier {
        kind: TierKind::Fast,
        id: "fast",
        name: "Fast",
        meaning: "Answers soon and costs little",
    },
    Tier {
        kind: TierKind::Smart,
        id: "smart",
        name: "Smart",
        meaning: "For ordinary work",
    },
    Tier {
        kind: TierKind::Thinking,
        id: "thinking",
        name: "Thinking",
        meaning: "For hard work; slow and dear",
    },
];

/// What is in force. Stored in the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub mode: String,
    pub tier: String,
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

impl Settings {
    /// Any request but a prompt. A choice counts from the next message on.
    ///
    /// # Errors
    /// `-32602` with the options or values that there are, `-32601` for another
    /// method.
    fn choose(&mut self, method: &str, params: &str) -> Result<bool, Failure> {
        let malformed = |error| Failure::invalid_params(format!("{method}: {error}"));
        let (option, value, wants_options) = match method {
            "session/set_mode" => {
                let params: SetMode = serde_json::from_str(params).map_err(malformed)?;
                ("mode".to_owned(), params.mode_id, false)
            }
            "session/set_config_option" => {
                let params: SetConfigOption = serde_json::from_str(params).map_err(malformed)?;
                (params.config_id, params.value, true)
            }
            other => return Err(Failure::method_not_found(other)),
        };
        let (known, place): (Vec<_>, _) = match option.as_str() {
            "mode" => (MODES.iter().map(|mode| mode.id).collect(), &mut self.mode),
            // The tier's id is what there is of a model.
            "model" | "tier" => (TIERS.iter().map(|tier| tier.id).collect(), &mut self.tier),
            other => {
                return Err(Failure::invalid_params(format!(
                    "there is no option \"{other}\"; there are mode, model"
                )));
            }
        };
        if !known.contains(&value.as_str()) {
            return Err(Failure::invalid_params(format!(
                "there is no {option} \"{value}\"; there are {}",
                known.join(", ")
            )));
        }
        *place = value;
        Ok(wants_options)
    }

    /// Answers a request; whether anything has changed.
    pub(crate) fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result<bool> {
        let before = self.clone();
        match self.choose(method, params) {
            Err(failure) => client::fail(request, failure).map(|()| false),
            Ok(wants_options) => {
                let changed = *self != before;
                let told = if changed { self.tell() } else { Ok(()) };
                let answer = match wants_options {
                    true => json!({"configOptions": self.options()}),
                    false => json!({}),
                };
                told.and(client::answer(request, &answer)).map(|()| changed)
            }
        }
    }

    /// The clients are told what is in force now.
    pub(crate) fn tell(&self) -> Result {
        let mode = acp::CurrentModeUpdate::new(self.mode.clone());
        let told = client::update(&acp::SessionUpdate::CurrentModeUpdate(mode));
        let options = acp::ConfigOptionUpdate::new(self.options());
        told.and(client::update(&acp::SessionUpdate::ConfigOptionUpdate(
            options,
        )))
    }

    pub(crate) fn opened(&self) -> client::Opened {
        let modes = MODES.iter().map(|mode| {
            acp::SessionMode::new(mode.id, mode.name).description(mode.meaning.to_owned())
        });
        client::Opened {
            modes: Some(acp::SessionModeState::new(
                self.mode.clone(),
                modes.collect(),
            )),
            config_options: Some(self.options()),
        }
    }

    fn options(&self) -> Vec<acp::SessionConfigOption> {
        use acp::SessionConfigOptionCategory as Category;
        let choice = |id: &'static str, name: &'static str, meaning: &'static str| {
            acp::SessionConfigSelectOption::new(id, name).description(meaning.to_owned())
        };
        let modes = MODES
            .iter()
            .map(|mode| choice(mode.id, mode.name, mode.meaning));
        let tiers = TIERS
            .iter()
            .map(|tier| choice(tier.id, tier.name, tier.meaning));
        let (modes, tiers): (Vec<_>, Vec<_>) = (modes.collect(), tiers.collect());
        let mode = acp::SessionConfigOption::select("mode", "Mode", self.mode.clone(), modes)
            .description("What it does, and whether it asks before it changes anything".to_owned());
        let tier = acp::SessionConfigOption::select("model", "Tier", self.tier.clone(), tiers)
            .description("Which class of models answers".to_owned());
        vec![
            mode.category(Category::Mode),
            tier.category(Category::Model),
        ]
    }

    /// What they are in the body of a message. What is the service's own default
    /// is left out, because some versions refuse members that they do not know.
    pub(crate) fn put_into(&self, body: &mut Value) {
        body["tier"] = self.tier.clone().into();
        if let Some(mode) = MODES.iter().find(|mode| mode.id == self.mode) {
            if mode.level != "auto" {
                body["toolApprovalLevel"] = mode.level.into();
            }
            if mode.own != "default" {
                body["mode"] = mode.own.into();
            }
        }
    }
}

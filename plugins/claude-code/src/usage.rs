//! How full the context window is, and what the conversation has cost.

use std::collections::BTreeMap;

use hostler_sdk::{Result, acp, client};

use crate::incoming::{TurnResult, Usage};

/// The tokens of the last answer, and the model that gave it: windows differ,
/// and a conversation may use several.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    model: Option<String>,
    usage: Usage,
    /// By model, as far as a turn's end has told.
    windows: BTreeMap<String, u64>,
    /// Of all turns, also those before a restart, in US dollars.
    cost: Option<f64>,
    /// What the clients know: the same again is no news.
    told: Option<(u64, u64, Option<f64>)>,
}

impl Meter {
    /// An answer of `model` has begun.
    pub(crate) fn begin(&mut self, model: Option<String>, usage: Usage) {
        self.model = model;
        self.usage = usage;
    }

    /// There is more of it: the clients see it grow, if the window is known.
    pub(crate) fn raise(&mut self, usage: Usage) -> Result {
        self.usage.raise(usage);
        self.tell()
    }

    /// The conversation was summarised: this is what is left.
    pub(crate) fn compacted(&mut self, tokens: u64) -> Result {
        self.usage = Usage {
            input_tokens: tokens,
            ..Usage::default()
        };
        self.tell()
    }

    /// Tells the clients after a turn.
    pub(crate) fn report(&mut self, result: &TurnResult) -> Result {
        for (model, usage) in &result.model_usage {
            if let Some(window) = usage.context_window {
                self.windows.insert(model.clone(), window);
            }
        }
        self.cost = result.total_cost_usd.or(self.cost);
        self.tell()
    }

    fn tell(&mut self) -> Result {
        let model = self.model.as_ref();
        let Some(size) = model.and_then(|model| self.windows.get(model)) else {
            return Ok(());
        };
        let told = (self.usage.total(), *size, self.cost);
        if self.told.replace(told) == Some(told) {
            return Ok(());
        }
        let cost = self.cost.map(|usd| acp::Cost::new(usd, "USD"));
        let usage = acp::UsageUpdate::new(self.usage.total(), *size).cost(cost);
        client::update(&acp::SessionUpdate::UsageUpdate(usage))
    }
}

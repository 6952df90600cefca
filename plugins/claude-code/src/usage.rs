//! How full the context window is, and what the conversation has cost.

use hostler_sdk::{Result, acp, client};

use crate::incoming::{TurnResult, Usage};

/// The tokens of the last answer, and the model that gave it: windows differ,
/// and a conversation may use several.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    model: Option<String>,
    usage: Usage,
}

impl Meter {
    /// An answer of `model` has begun.
    pub(crate) fn begin(&mut self, model: Option<String>, usage: Usage) {
        self.model = model;
        self.usage = usage;
    }

    /// There is more of it.
    pub(crate) fn raise(&mut self, usage: Usage) {
        self.usage.raise(usage);
    }

    /// Tells the clients after a turn.
    pub(crate) fn report(&self, result: &TurnResult) -> Result {
        let model = self.model.as_ref();
        let window = model.and_then(|model| result.model_usage.get(model)?.context_window);
        let Some(size) = window else {
            return Ok(());
        };
        // What all turns have cost, also those before a restart.
        let cost = result.total_cost_usd.map(|usd| acp::Cost::new(usd, "USD"));
        let usage = acp::UsageUpdate::new(self.usage.total(), size).cost(cost);
        client::update(&acp::SessionUpdate::UsageUpdate(usage))
    }
}

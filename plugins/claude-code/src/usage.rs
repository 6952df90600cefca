//! How full the context window is, and what the conversation has cost.

use hostler_sdk::{Result, acp, client};

use crate::incoming::TurnResult;

/// Knows the model that answers: windows differ, and a turn may use several.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    model: Option<String>,
}

impl Meter {
    /// The model that answers, by its full name.
    pub(crate) fn answering(&mut self, model: &str) {
        self.model = Some(model.to_owned());
    }

    /// Tells the clients after a turn, with `used` tokens in the window.
    pub(crate) fn report(&self, result: &TurnResult, used: u64) -> Result {
        let model = self.model.as_ref();
        let usage = model.and_then(|model| result.model_usage.get(model));
        let Some(size) = usage.and_then(|usage| usage.context_window) else {
            return Ok(());
        };
        // What all turns have cost, also those before a restart.
        let cost = result.total_cost_usd.map(|usd| acp::Cost::new(usd, "USD"));
        let usage = acp::UsageUpdate::new(used, size).cost(cost);
        client::update(&acp::SessionUpdate::UsageUpdate(usage))
    }
}

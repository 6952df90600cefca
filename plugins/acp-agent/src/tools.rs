//! Tool calls that are open: an agent that is gone will not end them.

use std::collections::BTreeSet;

use hostler_sdk::{Result, client};
use serde_json::json;

/// Tool calls that are remembered as open. Agents run a handful at a time.
const MAX_OPEN: usize = 1024;

/// The ids of those that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Tools(BTreeSet<String>);

impl Tools {
    /// Notes an update of one; `status` is missing where it stays as it was.
    pub(crate) fn note(&mut self, id: &str, status: Option<&str>, new: bool) {
        match status {
            Some("completed" | "failed") => drop(self.0.remove(id)),
            None if !new => {}
            _ if self.0.len() < MAX_OPEN => drop(self.0.insert(id.to_owned())),
            _ => {}
        }
    }

    /// None of them goes on.
    pub(crate) fn fail_all(&mut self) -> Result {
        let failed = std::mem::take(&mut self.0).into_iter().map(|id| {
            client::update(&json!({
                "sessionUpdate": "tool_call_update",
                "toolCallId": id,
                "status": "failed",
            }))
        });
        failed.fold(Ok(()), Result::and)
    }
}

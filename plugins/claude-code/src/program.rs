//! `[plugins.claude-code.config]`, and the program that it says to run.

use std::{collections::BTreeMap, num::NonZeroU16};

use hostler_sdk::{
    Error, Result, log,
    process::{Child, Command},
};
use serde::Deserialize;

use crate::start;

/// Lets the model write plans. Without it there are no tools for that.
const PLANS: (&str, &str) = ("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1");

/// How often a request to the model is repeated.
const RETRIES: &str = "CLAUDE_CODE_MAX_RETRIES";

/// The operator's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Program {
    /// Claude Code: a name on the host's PATH or an absolute path.
    #[serde(rename = "program")]
    pub path: String,
    /// How often a request to the model that failed is repeated, before the turn
    /// fails; Claude Code's own number is 10, which takes three minutes.
    max_retries: Option<u32>,
    /// How long it may take to start, in seconds.
    pub start_seconds: NonZeroU16,
    /// Whether the model has tools to write plans.
    plans: bool,
    /// Whether people may choose the mode in which nobody is asked anything.
    pub bypass: bool,
    /// Further variables, each of which the grant lists in `set`.
    env: BTreeMap<String, String>,
}

impl Default for Program {
    fn default() -> Self {
        Self {
            path: "claude".into(),
            max_retries: None,
            start_seconds: start::LIMIT,
            plans: true,
            bypass: false,
            env: BTreeMap::new(),
        }
    }
}

impl Program {
    /// Starts it.
    ///
    /// # Errors
    /// As [`Command::spawn`]; a variable that the operator names and does not
    /// grant is `Denied`.
    pub(crate) fn spawn<'a>(&self, args: impl Iterator<Item = &'a str>) -> Result<Child> {
        let mut command = Command::new(self.path.as_str()).args(args);
        for (name, value) in &self.env {
            command = command.env(name, value);
        }
        if let Some(retries) = self.max_retries {
            command = command.env(RETRIES, retries.to_string());
        }
        if !self.plans || self.env.contains_key(PLANS.0) {
            return command.spawn();
        }
        match command.clone().env(PLANS.0, PLANS.1).spawn() {
            // A grant that is older than this variable: better no plans than no
            // session.
            Err(Error::Denied(why)) => command.spawn().inspect(|_| {
                log::warn(format_args!("the model cannot write plans: {why}"));
            }),
            started => started,
        }
    }
}

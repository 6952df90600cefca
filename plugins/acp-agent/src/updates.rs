//! `session/update`: forwarded byte for byte, but what the host has already.

use std::borrow::Cow;

use hostler_sdk::{Error, Result, client, log};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::link::{Call, Stage};
use crate::timers::{self, Timer};

/// The updates that are the conversation itself. In a replay the host has them
/// already; the others say how the agent stands now.
const CONVERSATION: [&str; 10] = [
    "user_message_chunk",
    "agent_message_chunk",
    "agent_thought_chunk",
    "tool_call",
    "tool_call_update",
    "plan",
    "plan_update",
    "notice",
    "compaction_update",
    "compaction_summary_chunk",
];

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow, rename = "sessionId")]
    session: Cow<'a, str>,
    #[serde(borrow)]
    update: &'a RawValue,
}

/// What matters here; the rest is skipped unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Glance<'a> {
    #[serde(borrow)]
    session_update: Cow<'a, str>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(default)]
    current_mode_id: Option<String>,
    #[serde(borrow, default)]
    config_options: Option<&'a RawValue>,
}

impl AcpAgent {
    pub(crate) fn update(&mut self, line: &str, params: &str) -> Result {
        let Ok(Params { session, update }) = serde_json::from_str(params) else {
            return self.garbage(line);
        };
        if self.is_foreign(Some(&session)) {
            log::debug(format_args!("an update for session {session} was skipped"));
            return Ok(());
        }
        // One of another shape says nothing here; it is forwarded all the same.
        if let Ok(glance) = serde_json::from_str::<Glance<'_>>(update.get()) {
            if self.is_replayed(&glance)? {
                return Ok(());
            }
            self.note(glance);
        }
        match client::update_raw(update.get()) {
            Err(Error::Invalid(_)) => self.garbage(line),
            done => done,
        }
    }

    /// Whether it tells of what the host has already. Some agents go on telling
    /// when they have said that they are done.
    fn is_replayed(&self, glance: &Glance<'_>) -> Result<bool> {
        let Some(link) = self
            .link
            .as_ref()
            .filter(|link| link.stage == Stage::Replaying)
        else {
            return Ok(false);
        };
        if !CONVERSATION.contains(&&*glance.session_update) {
            return Ok(false);
        }
        if link.calls.find(|call| *call == Call::LoadSession).is_none() {
            Timer::Settling.set(timers::SILENCE)?;
        }
        Ok(true)
    }

    fn note(&mut self, glance: Glance<'_>) {
        match &*glance.session_update {
            kind @ ("tool_call" | "tool_call_update") => {
                if let Some(id) = glance.tool_call_id {
                    self.tools
                        .note(&id, glance.status.as_deref(), kind == "tool_call");
                }
            }
            "current_mode_update" => self.stands(glance.current_mode_id, None),
            "config_option_update" => self.stands(None, glance.config_options),
            _ => {}
        }
    }
}

//! What a session's updates say about its present state: which tool calls are
//! open, how its modes and options stand, what it is called.

use std::{borrow::Cow, collections::BTreeMap};

use hostler_wire::RawValue;
use serde::Deserialize;
use serde_json::json;

/// Tool calls that are remembered as open. Agents run a handful at a time; what
/// is over the bound is not closed when the plugin breaks.
const OPEN_TOOLS: usize = 1024;

/// Longest title that is kept: a line in a list of sessions.
const TITLE_CHARS: usize = 120;

#[derive(Debug, Default)]
pub(crate) struct Progress {
    open_tools: Vec<String>,
    /// The members of the answer to `open`, with later changes.
    settings: Settings,
    title: Option<String>,
    /// The settings are not those that were taken last.
    changed: bool,
}

type Settings = BTreeMap<String, Box<RawValue>>;

/// What prompts of the session may hold: in `_meta` of the answer to `open`, and of
/// those to clients.
const PROMPTS: &str = "promptCapabilities";

/// What an update is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A part of the conversation.
    History,
    /// An event for whoever is there.
    Notice,
}

/// The members of an update that matter here; the rest is skipped unread.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Glance<'a> {
    #[serde(borrow)]
    session_update: Cow<'a, str>,
    tool_call_id: Option<String>,
    status: Option<String>,
    title: Option<String>,
    #[serde(borrow)]
    config_options: Option<&'a RawValue>,
    current_mode_id: Option<String>,
}

impl Progress {
    /// Notes one update. An update of another shape says nothing about the
    /// state; it is forwarded all the same.
    pub(crate) fn note(&mut self, update: &str) -> Kind {
        let Ok(glance) = serde_json::from_str::<Glance<'_>>(update) else {
            return Kind::History;
        };
        match glance.session_update.as_ref() {
            "tool_call" | "tool_call_update" => self.note_tool(&glance),
            "session_info_update" => {
                if let Some(title) = glance.title {
                    self.title = Some(shorten(&title));
                }
            }
            "config_option_update" => {
                if let Some(options) = glance.config_options {
                    self.set("configOptions", options.to_owned());
                }
            }
            "current_mode_update" => {
                if let Some(mode) = glance.current_mode_id {
                    self.set_mode(&mode);
                }
            }
            "notice" => return Kind::Notice,
            _ => {}
        }
        Kind::History
    }

    fn note_tool(&mut self, glance: &Glance<'_>) {
        let Some(id) = &glance.tool_call_id else {
            return;
        };
        let known = self.open_tools.iter().position(|open| open == id);
        match (glance.status.as_deref(), known) {
            (Some("completed" | "failed"), Some(at)) => {
                self.open_tools.remove(at);
            }
            // A `tool_call` without a status is pending; an update without one
            // leaves it as it was.
            (None, None) if glance.session_update == "tool_call_update" => {}
            (Some("completed" | "failed"), None) | (_, Some(_)) => {}
            (_, None) if self.open_tools.len() < OPEN_TOOLS => self.open_tools.push(id.clone()),
            (_, None) => {}
        }
    }

    /// The tool calls that are open.
    pub(crate) fn open_tools(&self) -> &[String] {
        &self.open_tools
    }

    /// The tool calls that are open but for these, which are then forgotten.
    pub(crate) fn take_open_tools(&mut self, kept: &[String]) -> Vec<String> {
        let taken = self.open_tools.extract_if(.., |tool| !kept.contains(tool));
        taken.collect()
    }

    /// Notes the answer to `open`, or to `session/set_config_option`. The updates
    /// tell of what is otherwise than before.
    pub(crate) fn note_answer(&mut self, result: &str) -> Vec<String> {
        let before = self.settings.clone();
        if let Ok(members) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(result) {
            for name in ["modes", "configOptions", PROMPTS] {
                if let Some(value) = members.get(name) {
                    self.set(name, value.clone());
                }
            }
            let meta = members.get("_meta").map(|meta| meta.get());
            let meta = meta.and_then(|meta| serde_json::from_str::<Settings>(meta).ok());
            if let Some(prompts) = meta.and_then(|mut meta| meta.remove(PROMPTS)) {
                self.set(PROMPTS, prompts);
            }
        }
        self.changes_since(&before)
    }

    /// Notes that a mode was chosen: `{modeId}` of `session/set_mode`. The updates
    /// as with [`note_answer`](Self::note_answer).
    pub(crate) fn note_chosen_mode(&mut self, params: &str) -> Vec<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Chosen {
            mode_id: String,
        }
        let before = self.settings.clone();
        if let Ok(chosen) = serde_json::from_str::<Chosen>(params) {
            self.set_mode(&chosen.mode_id);
        }
        self.changes_since(&before)
    }

    fn changes_since(&self, before: &Settings) -> Vec<String> {
        let mode = current_mode(&self.settings)
            .filter(|mode| current_mode(before).as_ref() != Some(mode))
            .map(|mode| json!({ "sessionUpdate": "current_mode_update", "currentModeId": mode }));
        let options = |settings: &Settings| {
            settings
                .get("configOptions")
                .map(|raw| raw.get().to_owned())
        };
        let options = options(&self.settings)
            .filter(|now| options(before).as_ref() != Some(now))
            .map(|now| {
                format!(r#"{{"sessionUpdate":"config_option_update","configOptions":{now}}}"#)
            });
        mode.map(|mode| mode.to_string())
            .into_iter()
            .chain(options)
            .collect()
    }

    fn set(&mut self, name: &str, value: Box<RawValue>) {
        self.settings.insert(name.to_owned(), value);
        self.changed = true;
    }

    /// Modes and options, if they have changed since this was asked last: a JSON
    /// object that [`note_answer`](Self::note_answer) understands.
    pub(crate) fn take_changed_settings(&mut self) -> Option<String> {
        std::mem::take(&mut self.changed)
            .then(|| serde_json::to_string(&self.settings).ok())
            .flatten()
    }

    /// A title that is known from before.
    pub(crate) fn set_title(&mut self, title: &str) {
        self.title = Some(title.to_owned());
    }

    fn set_mode(&mut self, mode: &str) {
        let changed = self.settings.get("modes").and_then(|modes| {
            let mut modes: serde_json::Value = serde_json::from_str(modes.get()).ok()?;
            *modes.get_mut("currentModeId")? = mode.into();
            serde_json::value::to_raw_value(&modes).ok()
        });
        if let Some(modes) = changed {
            self.set("modes", modes);
        }
    }

    /// The title that the plugin gave, or else `prompt`'s first line.
    pub(crate) fn title_from_prompt(&mut self, text: &str) {
        if self.title.is_none() {
            let line = text.lines().find(|line| !line.trim().is_empty());
            self.title = line.map(|line| shorten(line.trim()));
        }
    }

    pub(crate) fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// Modes and options, for a client that asked for positions.
    pub(crate) fn settings(&self) -> serde_json::Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }

    /// The result of `session/load` and `session/resume`.
    pub(crate) fn result(&self, turn_running: bool) -> String {
        let state = if turn_running { "running" } else { "idle" };
        let prompts = self.settings.get(PROMPTS);
        let prompts = prompts.map(|prompts| format!(r#","{PROMPTS}":{}"#, prompts.get()));
        let prompts = prompts.unwrap_or_default();
        let mut out =
            format!(r#"{{"_meta":{{"hostler":{{"turn":{{"state":"{state}"}}}}{prompts}}}"#);
        for (name, value) in self.settings.iter().filter(|(name, _)| *name != PROMPTS) {
            // Only the names above are kept; they need no escaping.
            out.push_str(&format!(r#","{name}":{}"#, value.get()));
        }
        out.push('}');
        out
    }
}

/// The title of a notice.
pub(crate) fn title_of(update: &str) -> String {
    let glance = serde_json::from_str::<Glance<'_>>(update);
    glance
        .ok()
        .and_then(|glance| glance.title)
        .unwrap_or_default()
}

fn current_mode(settings: &Settings) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Modes {
        current_mode_id: String,
    }
    let modes: Modes = serde_json::from_str(settings.get("modes")?.get()).ok()?;
    Some(modes.current_mode_id)
}

pub(crate) fn shorten(title: &str) -> String {
    title.chars().take(TITLE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn noted(updates: &[Value]) -> Progress {
        let mut progress = Progress::default();
        for update in updates {
            progress.note(&update.to_string());
        }
        progress
    }

    #[test]
    fn a_tool_call_is_open_until_it_completed_or_failed() {
        let call = |id: &str| json!({"sessionUpdate": "tool_call", "toolCallId": id, "title": "t"});
        let update = |id: &str, status: Option<&str>| json!({"sessionUpdate": "tool_call_update", "toolCallId": id, "status": status});
        let mut progress = noted(&[
            call("done"),
            call("broken"),
            call("open"),
            update("open", Some("in_progress")),
            update("open", None),
            update("done", Some("completed")),
            update("broken", Some("failed")),
            update("late", Some("in_progress")),
            update("unheard", None),
            json!({"sessionUpdate": "tool_call", "toolCallId": "at-once", "status": "completed"}),
        ]);
        assert_eq!(progress.take_open_tools(&[]), ["open", "late"]);
        assert!(progress.take_open_tools(&[]).is_empty());
    }

    #[test]
    fn load_returns_the_options_and_the_mode_as_they_stand_now() {
        let mut progress = Progress::default();
        progress.note_answer(
            r#"{"modes":{"currentModeId":"a","availableModes":[]},"configOptions":[1e2],"x":1}"#,
        );
        progress.note(r#"{"sessionUpdate":"current_mode_update","currentModeId":"b"}"#);
        let result = progress.result(true);
        assert!(
            result.contains("[1e2]"),
            "options keep their bytes: {result}"
        );
        let result: Value = serde_json::from_str(&result).unwrap();
        assert_eq!(result["modes"]["currentModeId"], "b");
        assert_eq!(result["_meta"]["hostler"]["turn"]["state"], "running");
        assert_eq!(result.get("x"), None);

        progress.note(r#"{"sessionUpdate":"config_option_update","configOptions":[2]}"#);
        progress.note_chosen_mode(r#"{"modeId":"c"}"#);
        let result: Value = serde_json::from_str(&progress.result(false)).unwrap();
        assert_eq!(result["configOptions"], json!([2]));
        assert_eq!(result["modes"]["currentModeId"], "c");
        assert_eq!(result["_meta"]["hostler"]["turn"]["state"], "idle");
    }

    #[test]
    fn what_prompts_may_hold_is_told_in_meta_and_kept_with_the_settings() {
        let mut progress = Progress::default();
        progress.note_answer(r#"{"_meta":{"promptCapabilities":{"image":true},"x":1}}"#);
        let mut later = Progress::default();
        later.note_answer(&progress.take_changed_settings().unwrap());
        for progress in [progress, later] {
            let result: Value = serde_json::from_str(&progress.result(false)).unwrap();
            assert_eq!(
                result,
                json!({"_meta": {
                    "hostler": {"turn": {"state": "idle"}},
                    "promptCapabilities": {"image": true},
                }})
            );
            assert_eq!(
                progress.settings(),
                json!({"promptCapabilities": {"image": true}})
            );
        }
    }

    #[test]
    fn the_title_is_the_plugins_or_the_first_line_of_the_first_prompt() {
        let mut progress = Progress::default();
        progress.title_from_prompt("\n  Fix the bug  \nplease");
        progress.title_from_prompt("another");
        assert_eq!(progress.title(), Some("Fix the bug"));
        progress.note(r#"{"sessionUpdate":"session_info_update","title":"Bug"}"#);
        assert_eq!(progress.title(), Some("Bug"));
        progress.note(
            &json!({"sessionUpdate": "session_info_update", "title": "é".repeat(500)}).to_string(),
        );
        assert_eq!(progress.title().unwrap().chars().count(), TITLE_CHARS);
    }

    #[test]
    fn an_update_of_an_unknown_shape_changes_nothing() {
        let mut progress = noted(&[
            json!({"sessionUpdate": "tool_call", "toolCallId": 5}),
            json!({"sessionUpdate": 5}),
            json!({}),
            json!({"sessionUpdate": "later", "title": []}),
        ]);
        assert!(progress.take_open_tools(&[]).is_empty());
        assert_eq!(progress.title(), None);
    }
}

//! Settings as clients show them: what there is to choose, with names and
//! meanings for people.

use hostler_sdk::acp;

use crate::settings::Settings;

/// The mode that the operator has to allow.
pub(crate) const BYPASS: &str = "bypassPermissions";

/// Modes as Claude Code spells them, with their names and meanings for people.
pub(crate) const MODES: [(&str, &str, &str); 6] = [
    ("default", "Manual", "Ask before anything is changed"),
    ("acceptEdits", "Accept edits", "Change files without asking"),
    ("plan", "Plan", "Look and plan, change nothing"),
    ("auto", "Auto", "Claude decides when to ask"),
    (
        "dontAsk",
        "Don't ask",
        "Refuse whatever is not allowed already",
    ),
    (
        BYPASS,
        "Bypass",
        "Never ask: every command and change is made",
    ),
];

/// Levels of effort, with their names for people; others are shown as they are.
const EFFORTS: [(&str, &str); 5] = [
    ("low", "Low"),
    ("medium", "Medium"),
    ("high", "High"),
    ("xhigh", "Very high"),
    ("max", "Maximum"),
];

impl Settings {
    /// For clients that know modes only.
    pub(crate) fn modes(&self) -> acp::SessionModeState {
        let modes = self.modes_offered().map(|(id, name, description)| {
            acp::SessionMode::new(id.to_owned(), name).description(description)
        });
        acp::SessionModeState::new(self.mode.clone(), modes.collect())
    }

    /// All settings, with all that can be chosen.
    pub(crate) fn options(&self) -> Vec<acp::SessionConfigOption> {
        use acp::SessionConfigOptionCategory as Category;
        let modes = self.modes_offered().map(|(id, name, description)| {
            acp::SessionConfigSelectOption::new(id.to_owned(), name).description(description)
        });
        let modes: Vec<_> = modes.collect();
        let models = self.models.iter().map(|model| {
            let name = model.display_name.as_deref().unwrap_or(&model.value);
            acp::SessionConfigSelectOption::new(model.value.clone(), name)
                .description(model.description.clone())
        });
        let models: Vec<_> = models.collect();
        let mode = acp::SessionConfigOption::select("mode", "Mode", self.mode.clone(), modes)
            .description("When Claude Code asks before it acts")
            .category(Category::Mode);
        let model = acp::SessionConfigOption::select("model", "Model", self.model.clone(), models)
            .description("Which model answers")
            .category(Category::Model);
        [mode, model]
            .into_iter()
            .chain(self.effort_option())
            .collect()
    }

    /// Of a model that has levels. The level in force is always among them.
    fn effort_option(&self) -> Option<acp::SessionConfigOption> {
        let effort = self.effort.as_ref()?;
        let levels = self.efforts();
        if levels.is_empty() {
            return None;
        }
        let unknown = Some(effort).filter(|effort| !levels.contains(effort));
        let levels = levels.iter().chain(unknown).map(|level| {
            let name = EFFORTS.iter().find(|(id, _)| id == level);
            let name = name.map_or(level.as_str(), |(_, name)| name);
            acp::SessionConfigSelectOption::new(level.clone(), name)
        });
        let levels: Vec<_> = levels.collect();
        let option = acp::SessionConfigOption::select("effort", "Effort", effort.clone(), levels);
        Some(
            option
                .description("How long the model thinks")
                .category(acp::SessionConfigOptionCategory::ThoughtLevel),
        )
    }
}

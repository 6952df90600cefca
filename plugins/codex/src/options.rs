//! Settings as clients show them: what there is to choose, with names and
//! meanings for people.

use hostler_sdk::acp;

use crate::settings::Settings;

/// Modes: id, name, meaning, approval, sandbox.
pub(crate) const MODES: [(&str, &str, &str, &str, &str); 3] = [
    (
        "read-only",
        "Read only",
        "Ask before anything is changed",
        "on-request",
        "read-only",
    ),
    (
        "agent",
        "Agent",
        "Change files in the folder, ask for everything else",
        "on-request",
        "workspace-write",
    ),
    (
        "full-access",
        "Full access",
        "Never ask, and run without a sandbox",
        "never",
        "danger-full-access",
    ),
];

/// Codex's own plan mode: it leaves approval and sandbox as they are.
pub(crate) const PLAN: &str = "plan";

/// The other way to work together.
pub(crate) const WORK: &str = "default";

/// Ids, names and meanings; ids as Codex spells them.
pub(crate) const COLLABORATIONS: [(&str, &str, &str); 2] = [
    (WORK, "Default", "Codex works"),
    (
        PLAN,
        "Plan",
        "Codex asks questions and writes a plan, and changes nothing",
    ),
];

/// The mode of a pair that is none of [`MODES`]. It is shown and cannot be chosen.
const CUSTOM: &str = "custom";

/// Ids, names and meanings; ids as Codex spells them.
pub(crate) const APPROVALS: [(&str, &str, &str); 3] = [
    (
        "untrusted",
        "Untrusted",
        "Ask before all but harmless commands",
    ),
    (
        "on-request",
        "On request",
        "Ask when Codex wants to leave the sandbox",
    ),
    (
        "never",
        "Never",
        "Never ask; what the sandbox forbids fails",
    ),
];

pub(crate) const SANDBOXES: [(&str, &str, &str); 3] = [
    ("read-only", "Read only", "Commands change nothing"),
    (
        "workspace-write",
        "Workspace",
        "Commands change files in the folder only, and have no network",
    ),
    ("danger-full-access", "None", "Commands may do everything"),
];

impl Settings {
    /// For clients that know modes only.
    pub(crate) fn modes(&self) -> acp::SessionModeState {
        let modes = self.offered_modes().into_iter();
        let modes = modes.map(|(id, name, meaning)| {
            acp::SessionMode::new(id.to_owned(), name).description(meaning.to_owned())
        });
        acp::SessionModeState::new(self.mode().to_owned(), modes.collect())
    }

    /// All settings, with all that can be chosen.
    pub(crate) fn options(&self) -> Vec<acp::SessionConfigOption> {
        use acp::SessionConfigOptionCategory as Category;
        let values = &self.values;
        let select = |id: &str, name: &str, about: &str, value: &str, offered| {
            acp::SessionConfigOption::select(id.to_owned(), name, value.to_owned(), offered)
                .description(about.to_owned())
        };
        let mode = select(
            "mode",
            "Mode",
            "Approval and sandbox together, or Codex's own plan mode",
            self.mode(),
            choices(&self.offered_modes(), self.mode()),
        );
        let models = self.models.iter();
        let mut models: Vec<_> = models
            .map(|model| {
                (
                    model.model.as_str(),
                    model.display_name.as_str(),
                    model.description.as_str(),
                )
            })
            .collect();
        if !models.iter().any(|model| model.0 == values.model) {
            models.push((&values.model, &values.model, ""));
        }
        let model = select(
            "model",
            "Model",
            "Which model answers",
            &values.model,
            choices(&models, &values.model),
        );
        let approval = select(
            "approval",
            "Approval",
            "When Codex asks before it acts",
            &values.approval,
            choices(&APPROVALS, &values.approval),
        );
        let sandbox = select(
            "sandbox",
            "Sandbox",
            "What commands may do without being asked about",
            &values.sandbox,
            choices(&SANDBOXES, &values.sandbox),
        );
        let collaborates = values.collaboration.as_deref();
        let collaborates = collaborates.unwrap_or(WORK);
        let collaboration = select(
            "collaboration",
            "Collaboration",
            "Whether Codex works or plans",
            collaborates,
            choices(&COLLABORATIONS, collaborates),
        );
        let mut options = vec![
            mode.category(Category::Mode),
            model.category(Category::Model),
        ];
        options.extend(self.effort_option());
        options.extend([approval, sandbox, collaboration]);
        options
    }

    fn effort_option(&self) -> Option<acp::SessionConfigOption> {
        let model = self.model(&self.values.model);
        let effort = self.values.effort.as_deref();
        let effort = effort.or(model.map(|model| model.default_reasoning_effort.as_str()))?;
        let offered = model.map(|model| model.supported_reasoning_efforts.as_slice());
        let offered = offered.unwrap_or_default().iter();
        let offered: Vec<_> = offered
            .map(|offered| {
                let id = offered.reasoning_effort.as_str();
                (id, id, offered.description.as_str())
            })
            .collect();
        let offered = choices(&offered, effort);
        let option =
            acp::SessionConfigOption::select("effort", "Effort", effort.to_owned(), offered)
                .description("How long the model thinks".to_owned());
        Some(option.category(acp::SessionConfigOptionCategory::ThoughtLevel))
    }

    pub(crate) fn mode(&self) -> &'static str {
        let values = &self.values;
        if values.plans() {
            return PLAN;
        }
        let is =
            |mode: &&(_, _, _, &str, &str)| mode.3 == values.approval && mode.4 == values.sandbox;
        MODES.iter().find(is).map_or(CUSTOM, |mode| mode.0)
    }

    fn offered_modes(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let mut modes: Vec<_> = MODES.iter().map(|mode| (mode.0, mode.1, mode.2)).collect();
        modes.push(COLLABORATIONS[1]);
        if self.mode() == CUSTOM {
            modes.push((CUSTOM, "Custom", "Approval and sandbox as they were chosen"));
        }
        modes
    }
}

/// What can be chosen; what is in force is always among it.
fn choices(offered: &[(&str, &str, &str)], current: &str) -> Vec<acp::SessionConfigSelectOption> {
    let known = offered.iter().any(|offered| offered.0 == current);
    let unknown = (!known).then_some((current, current, ""));
    let all = offered.iter().copied().chain(unknown);
    all.map(|(id, name, meaning)| {
        let meaning = Some(meaning.to_owned()).filter(|meaning| !meaning.is_empty());
        acp::SessionConfigSelectOption::new(id.to_owned(), name).description(meaning)
    })
    .collect()
}

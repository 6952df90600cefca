//! What there is to choose before a session begins.

use hostler_sdk::{Choices, Mode, Tier, TierKind};

use crate::{
    options::{BYPASS, MODES},
    settings::ALWAYS,
};

/// Names that Claude Code itself resolves to the latest model of each kind, so
/// that they do not grow old here.
const TIERS: [(TierKind, &str, &str, &str); 3] = [
    (
        TierKind::Fast,
        "haiku",
        "Claude Haiku",
        "Quick answers and small changes",
    ),
    (TierKind::Smart, "sonnet", "Claude Sonnet", "Everyday work"),
    (
        TierKind::Thinking,
        "opus",
        "Claude Opus",
        "Hard and long work",
    ),
];

/// Its models by their aliases, and the modes that every session has.
pub(crate) fn offer(bypass: bool) -> Choices {
    let tiers = TIERS.map(|(kind, model, name, description)| Tier {
        kind,
        model: model.into(),
        name: name.into(),
        description: description.into(),
    });
    let modes = MODES
        .iter()
        .filter(|mode| ALWAYS.contains(&mode.0) || (bypass && mode.0 == BYPASS));
    Choices {
        local: true,
        auth_methods: Vec::new(),
        tiers: tiers.into(),
        modes: modes
            .map(|(id, name, description)| Mode {
                id: (*id).into(),
                name: (*name).into(),
                description: (*description).into(),
            })
            .collect(),
        prompt: None,
    }
}

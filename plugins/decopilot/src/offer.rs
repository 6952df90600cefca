//! What there is to choose before a session begins.

use hostler_sdk::{Choices, Mode, Tier};

use crate::settings::{MODES, TIERS};

/// A service elsewhere: the models behind its tiers are its own business.
pub(crate) fn offer() -> Choices {
    let tiers = TIERS.iter().map(|tier| Tier {
        kind: tier.kind,
        model: tier.id.into(),
        name: tier.name.into(),
        description: tier.meaning.into(),
    });
    let modes = MODES.iter().map(|mode| Mode {
        id: mode.id.into(),
        name: mode.name.into(),
        description: mode.meaning.into(),
    });
    Choices {
        local: false,
        tiers: tiers.collect(),
        modes: modes.collect(),
        auth_methods: Vec::new(),
        prompt: None,
    }
}

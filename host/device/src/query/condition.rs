use super::{Element, QueryError, Snapshot, selector::State};

/// What may hold of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is there.
    Exists,
    /// It is on the screen.
    Visible,
    /// It is not on the screen, or not there at all.
    Hidden,
    /// It is there and in this state, or not.
    State {
        /// `enabled`, `selected`…
        name: &'static str,
        /// In it, or not in it.
        holds: bool,
    },
    /// Its text is this one.
    Text(String),
}

impl Condition {
    /// The words of [`Condition::parse`].
    pub const NAMES: [&'static str; 13] = [
        "exists",
        "visible",
        "hidden",
        "enabled",
        "disabled",
        "hittable",
        "focused",
        "selected",
        "checked",
        "expanded",
        "editable",
        "secure",
        "scrollable",
    ];

    /// A condition by its name. [`Condition::Text`] has none.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn parse(name: &str) -> Result<Condition, QueryError> {
        let known = Self::NAMES.into_iter().find(|known| *known == name);
        Ok(match known {
            Some("exists") => Condition::Exists,
            Some("visible") => Condition::Visible,
            Some("hidden") => Condition::Hidden,
            Some("disabled") => Condition::State {
                name: "enabled",
                holds: false,
            },
            Some(name) => Condition::State { name, holds: true },
            None => {
                return Err(QueryError::UnknownCondition(
                    name.chars().take(40).collect(),
                ));
            }
        })
    }
}

impl Snapshot {
    /// Whether it holds of the element.
    ///
    /// # Errors
    /// Several elements fit; or none does, and it is asked for more than whether
    /// it is there.
    pub fn holds(&self, element: &Element, condition: &Condition) -> Result<bool, QueryError> {
        let found = match self.find(element) {
            Err(QueryError::NoMatch(query)) => match condition {
                Condition::Exists | Condition::Visible => return Ok(false),
                Condition::Hidden => return Ok(true),
                _ => return Err(QueryError::NoMatch(query)),
            },
            // Of several, one is there.
            Err(QueryError::Several { .. }) if *condition == Condition::Exists => return Ok(true),
            found => found?,
        };
        Ok(match condition {
            Condition::Exists => true,
            Condition::Visible => State::Visible.of(found),
            Condition::Hidden => State::Hidden.of(found),
            Condition::State { name, holds } => {
                State::named(name).is_some_and(|state| state.of(found) == *holds)
            }
            Condition::Text(text) => self.text(found.number).as_ref() == Some(text),
        })
    }
}

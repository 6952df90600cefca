//! Finding elements in what is on the screen: refs, selectors and texts, and
//! what can be asked of an element without asking the device.
//!
//! - `selector`: how an element is written: `@e12`, or
//!   `role=button label="Sign in" || id=login`.
//! - `snapshot`: the latest tree, and the one element of it that is meant.
//! - `condition`: what may hold of an element, for `is` and `wait`.
//! - `active`: which elements one can act on, for those who want no others.
//! - `secret`: what was typed into fields for secrets is not there to be found.
//!
//! All of it is pure: whoever has a tree can ask.

mod active;
mod condition;
mod secret;
mod selector;
mod snapshot;

pub use active::{is_active, is_of_use};
pub use condition::Condition;
pub use selector::{Element, MAX_SELECTOR_BYTES, Selector};
pub use snapshot::Snapshot;

/// Why no element was found, or not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Neither a ref nor a selector.
    #[error(
        "{text:?} is no element: {why}; write a ref like @e12, or a selector like role=button label=\"Sign in\""
    )]
    Malformed {
        /// What was written.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not a condition.
    #[error("{0:?} is no condition; write one of {known}", known = Condition::NAMES.join(", "))]
    UnknownCondition(String),
    /// Nothing fits.
    #[error("no element fits {0}; take a snapshot to see what there is")]
    NoMatch(String),
    /// Several fit.
    #[error("{count} elements fit {query}: {candidates}; use one of these refs")]
    Several {
        /// What was asked for.
        query: String,
        /// How many there are.
        count: usize,
        /// Some of them.
        candidates: String,
    },
    /// There is no snapshot since the device was opened.
    #[error("@e{0} is of no snapshot since the device was opened; take a snapshot first")]
    NoSnapshot(u32),
}

impl QueryError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::UnknownCondition(_) => "INVALID_ARGS",
            Self::NoMatch(_) => "ELEMENT_NOT_FOUND",
            Self::Several { .. } => "AMBIGUOUS_MATCH",
            Self::NoSnapshot(_) => "STALE_REF",
        }
    }
}

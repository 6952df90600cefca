//! Finding elements in what is on the screen: refs, selectors and texts, and
//! what can be asked of an element without asking the device.
//!
//! A selector is `key=value` pairs that all hold, alternatives behind `||`:
//! `role=button label="Sign in" || id=login`. Keys: `role`, `label`, `value`,
//! `id`, `text` (label or value), and the states `enabled`, `hittable`,
//! `focused`, `selected`, `checked`, `expanded`, `editable`, `secure`,
//! `scrollable`, `offscreen` with `true` or `false`. Values are compared without
//! regard to case, and in full.

use std::{collections::HashMap, sync::Arc};

use hostler_provider::{Node, Tree};

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
            Self::Malformed { .. } => "INVALID_ARGS",
            Self::NoMatch(_) => "ELEMENT_NOT_FOUND",
            Self::Several { .. } => "AMBIGUOUS_MATCH",
            Self::NoSnapshot(_) => "STALE_REF",
        }
    }
}

/// The latest snapshot of a device, with its refs.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    tree: Arc<Tree>,
    by_number: HashMap<u32, usize>,
}

/// An element, as callers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// `@e12`.
    Ref(u32),
    /// A selector.
    Selector(Selector),
}

/// Alternatives, the first that fits counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub(crate) text: String,
    pub(crate) alternatives: Vec<Vec<Term>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Element {
    /// A ref or a selector.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Element, QueryError> {
        let malformed = |why: &str| QueryError::Malformed {
            text: text.chars().take(80).collect(),
            why: why.to_owned(),
        };
        if let Some(number) = text.trim().strip_prefix("@e") {
            return number
                .parse()
                .map(Element::Ref)
                .map_err(|_| malformed("a number follows @e"));
        }
        Err(malformed("it has no key"))
    }
}

impl Snapshot {
    /// Of what was on the screen.
    pub fn new(tree: Tree) -> Self {
        let numbers = tree.nodes.iter().enumerate();
        Self {
            by_number: numbers.map(|(index, node)| (node.number, index)).collect(),
            tree: Arc::new(tree),
        }
    }

    /// All of it.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The element of that ref.
    pub fn node(&self, number: u32) -> Option<&Node> {
        self.tree.nodes.get(*self.by_number.get(&number)?)
    }

    /// The one element that is meant.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, element: &Element) -> Result<&Node, QueryError> {
        match element {
            Element::Ref(number) => self
                .node(*number)
                .ok_or_else(|| QueryError::NoMatch(format!("@e{number}"))),
            Element::Selector(selector) => Err(QueryError::NoMatch(selector.text.clone())),
        }
    }
}

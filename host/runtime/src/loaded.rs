//! A component that is ready to be instantiated, and what all its instances
//! have in common.

use std::{path::PathBuf, sync::Arc};

use hostler_secret::{Mask, Vault};

use crate::{
    bindings::HarnessPluginPre, children::Helper, clock::Clock, grants::Grants, limits::Limits,
    state::State,
};

/// Where a component came from, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Bundled,
    File(PathBuf),
}

/// What all instances of a plugin have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) digest: String,
    pub(crate) origin: Origin,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) size: usize,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) config: String,
    pub(crate) helper: Helper,
    pub(crate) clock: Arc<Clock>,
    pub(crate) vault: Vault,
    /// For what it sends to clients; none if it is granted no secret.
    pub(crate) mask: Option<Mask>,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: HarnessPluginPre<State>,
}

#[cfg(test)]
impl Shared {
    pub(crate) fn for_tests(limits: Limits) -> Self {
        let period = std::time::Duration::from_secs(1);
        Self {
            id: "test".into(),
            digest: String::new(),
            origin: Origin::Bundled,
            imports: Vec::new(),
            exports: Vec::new(),
            size: 0,
            grants: Grants::default(),
            limits,
            config: "{}".into(),
            helper: Helper::new(PathBuf::new()),
            clock: Clock::start(period, || {}).unwrap(),
            vault: Vault::default(),
            mask: None,
        }
    }
}

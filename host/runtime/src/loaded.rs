//! A component that is ready to be instantiated, and what all its instances
//! have in common.

use std::{path::PathBuf, sync::Arc};

use hostler_egress::Egress;
use hostler_secret::{Mask, Vault};
use tokio::sync::OnceCell;

use crate::{
    about::Description,
    children::Helper,
    clock::Clock,
    grants::Grants,
    harness::Ended,
    instance::Instance,
    limits::Limits,
    room::Rooms,
    state::Role,
    world::{Pre, World},
};

/// Where a component came from, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Bundled,
    File(PathBuf),
}

/// The ways out of the sandbox, which are the same for all plugins of a host.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    pub(crate) helper: Helper,
    pub(crate) egress: Egress,
    pub(crate) vault: Vault,
}

/// What all instances of a plugin have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) world: World,
    pub(crate) digest: String,
    pub(crate) origin: Origin,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) size: usize,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) config: String,
    pub(crate) outside: Outside,
    pub(crate) clock: Arc<Clock>,
    /// For what it sends to clients; none if it is granted no secret.
    pub(crate) mask: Option<Mask>,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Loaded<P> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: P,
    pub(crate) rooms: Arc<Rooms>,
    description: Arc<OnceCell<Description>>,
}

impl<P: Pre> Loaded<P> {
    pub(crate) fn new(shared: Shared, pre: P, rooms: Arc<Rooms>) -> Self {
        Self {
            shared: Arc::new(shared),
            pre,
            rooms,
            description: Arc::default(),
        }
    }

    /// Asked once, on an instance of its own.
    pub(crate) async fn describe(&self) -> Result<&Description, Ended> {
        self.description
            .get_or_try_init(async || {
                let mut instance = Instance::new(self, Role::Describe).await?;
                instance.describe().await
            })
            .await
    }
}

impl<P> std::fmt::Debug for Loaded<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.shared.fmt(f)
    }
}

#[cfg(test)]
impl Shared {
    pub(crate) fn for_tests(limits: Limits) -> Self {
        let period = std::time::Duration::from_secs(1);
        Self {
            id: "test".into(),
            world: World::Harness,
            digest: String::new(),
            origin: Origin::Bundled,
            imports: Vec::new(),
            exports: Vec::new(),
            size: 0,
            grants: Grants::default(),
            limits,
            config: "{}".into(),
            outside: Outside {
                helper: Helper::new(PathBuf::new()),
                egress: Egress::default(),
                vault: Vault::default(),
            },
            clock: Clock::start(period, || {}).unwrap(),
            mask: None,
        }
    }
}

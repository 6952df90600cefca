use hostler_lease::{Label, Principal, Sight};

/// Who asks, as the surface found it by the token. This is authority; what the
/// client says of itself is in [`Labels`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Whose leases these are.
    pub principal: Principal,
    /// The name of the token, no secret. Implicit leases belong to it and the
    /// name of the client's session on its surface.
    pub token: Label,
    /// The surface: the protocol by which it came. Clients of each name their
    /// sessions themselves, so names of one mean nothing on another.
    pub surface: Label,
    /// May see everybody's leases and end them.
    pub admin: bool,
}

/// What a client says of itself: for people and for the client, never
/// authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The name of the client's session.
    pub session: Label,
    /// Whose work it is.
    pub tenant: Option<Label>,
    /// Which run of it.
    pub run: Option<Label>,
    /// What the client calls itself.
    pub client: Option<Label>,
    /// What kind of device it thinks it talks to.
    pub backend: Option<Label>,
}

impl Who {
    /// How much of others' leases it may see.
    pub(crate) fn sight(&self) -> Sight {
        if self.admin { Sight::All } else { Sight::Own }
    }

    /// Whether it may know what happens to the leases of `other`.
    pub(crate) fn may_see(&self, other: &Principal) -> bool {
        self.admin || self.principal.covers(other)
    }
}

impl Labels {
    /// A session of that name, and nothing else said.
    pub fn session(name: Label) -> Self {
        Self {
            session: name,
            tenant: None,
            run: None,
            client: None,
            backend: None,
        }
    }
}

//! What happens in sessions, for those who keep a record of it or tell a person.

use hostler_auth::Principal;

use crate::{ControlMode, ShareScope};

/// Is told what happens in all sessions. It is called by the session itself, so
/// it must not wait.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// Something happened.
    fn observe(&self, event: &SessionEvent<'_>);
}

/// Something that happened in a session.
#[derive(Debug, Clone)]
pub struct SessionEvent<'a> {
    /// Its id.
    pub session: &'a str,
    /// Whose it is.
    pub owner: &'a Principal,
    /// What it is called.
    pub title: Option<&'a str>,
    /// What happened.
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The agent asks for a permission.
    Asked {
        /// What for, if it says so.
        title: Option<String>,
    },
    /// A permission was answered.
    Answered {
        /// By whom.
        by: Principal,
        /// The option, or none for a cancel.
        option: Option<String>,
    },
    /// A turn has ended.
    TurnEnded {
        /// The stop reason of ACP, or the message of the error.
        outcome: Result<String, String>,
    },
    /// The session cannot go on, for now or for good.
    Failed {
        /// Why.
        message: String,
    },
    /// It is shared otherwise than before.
    Shared {
        /// By whom.
        by: Principal,
        /// With whom.
        to: Principal,
        /// As what; `None`: no more.
        scope: Option<ShareScope>,
    },
    /// Its conversation was copied into a session of somebody.
    Forked {
        /// Who has the copy.
        by: Principal,
        /// The id of that session.
        copy: String,
    },
    /// Somebody has taken control, or given it up.
    Control {
        /// Who.
        by: Principal,
        /// In which mode; only with a lease it is taken.
        mode: ControlMode,
        /// Taken, or given up.
        taken: bool,
    },
    /// It was ended for all.
    Ended {
        /// By whom.
        by: Principal,
        /// And removed from the journal.
        deleted: bool,
    },
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observe(&self, _: &SessionEvent<'_>) {}
}

//! Who may do what in a session.

use std::{collections::BTreeMap, fmt, str::FromStr};

use hostler_auth::{Identity, Principal, Scope};

/// What somebody may do in one session. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// See it.
    View,
    /// Prompt, cancel, answer permissions, set options.
    Drive,
    /// Also end it, delete it, share it.
    Owner,
}

impl Access {
    /// As in `_hostler` messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Drive => "drive",
            Self::Owner => "owner",
        }
    }
}

/// What a session is shared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareScope {
    /// To see it.
    View,
    /// To drive it too.
    Drive,
}

impl ShareScope {
    /// As in `_hostler` messages and in the journal.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.access().name()
    }

    pub(crate) fn access(self) -> Access {
        match self {
            Self::View => Access::View,
            Self::Drive => Access::Drive,
        }
    }
}

impl fmt::Display for ShareScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ShareScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "view" => Ok(Self::View),
            "drive" => Ok(Self::Drive),
            other => Err(format!(
                "a session is shared as \"view\" or \"drive\", not as {other:?}"
            )),
        }
    }
}

/// With whom a session is shared besides its owner.
pub type Shares = BTreeMap<Principal, ShareScope>;

/// What `caller` may do in a session; `None`: for it the session is not there.
/// The scopes of the token bound what the session's owner has allowed.
pub(crate) fn access(caller: &Identity, owner: &Principal, shares: &Shares) -> Option<Access> {
    let allowed = if caller.principal == *owner || caller.scopes.contains(Scope::Admin) {
        Access::Owner
    } else {
        shares.get(&caller.principal)?.access()
    };
    if caller.scopes.contains(Scope::Drive) {
        Some(allowed)
    } else {
        Some(Access::View)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str, scopes: &[Scope]) -> Identity {
        Identity {
            principal: Principal::new(name),
            scopes: scopes.iter().copied().collect(),
            ..Identity::local()
        }
    }

    #[test]
    fn access_is_what_the_owner_allows_within_what_the_token_allows() {
        let owner = Principal::new("ann");
        let shares: Shares = [
            (Principal::new("bob"), ShareScope::View),
            (Principal::new("cem"), ShareScope::Drive),
        ]
        .into();
        let all = [Scope::View, Scope::Drive, Scope::Shell];
        let of = |name: &str, scopes: &[Scope]| access(&caller(name, scopes), &owner, &shares);
        assert_eq!(of("ann", &all), Some(Access::Owner));
        assert_eq!(of("ann", &[Scope::View]), Some(Access::View));
        assert_eq!(of("bob", &all), Some(Access::View));
        assert_eq!(of("cem", &all), Some(Access::Drive));
        assert_eq!(of("cem", &[Scope::View]), Some(Access::View));
        assert_eq!(of("dan", &all), None);
        assert_eq!(of("dan", &Scope::ALL), Some(Access::Owner), "admin");
    }
}

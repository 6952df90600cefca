use std::{borrow::Borrow, fmt, sync::Arc};

/// The longest name of a principal, in bytes: 64 for who the token says it is,
/// and room for `/session:` and a session's id.
pub const MAX_PRINCIPAL_BYTES: usize = 128;

/// What stands between a principal and one of its harness sessions.
const SESSION: &str = "/session:";

/// The name of whoever asks, as `hostler-auth` found it by the token. That crate
/// stands above this one and knows sockets and files, so names are passed down.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(Arc<str>);

/// A name that no principal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a principal has 1 to {MAX_PRINCIPAL_BYTES} bytes and no control characters")]
pub struct PrincipalError;

impl Principal {
    /// The principal of that name.
    ///
    /// # Errors
    /// It is empty, too long, or would garble a message.
    pub fn new(name: &str) -> Result<Principal, PrincipalError> {
        if name.is_empty() || name.len() > MAX_PRINCIPAL_BYTES || name.contains(char::is_control) {
            return Err(PrincipalError);
        }
        Ok(Principal(name.into()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this principal or one of its harness sessions,
    /// `P/session:ID`.
    pub fn covers(&self, other: &Principal) -> bool {
        self == other || self.is_parent_of(other)
    }

    /// Whether `other` is one of this principal's harness sessions.
    pub fn is_parent_of(&self, other: &Principal) -> bool {
        other
            .0
            .strip_prefix(&*self.0)
            .is_some_and(|rest| rest.starts_with(SESSION))
    }

    /// What the names of all its sessions begin with.
    pub(crate) fn session_prefix(&self) -> String {
        format!("{}{SESSION}", self.0)
    }
}

impl Borrow<str> for Principal {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_covers_itself_and_its_sessions_and_nobody_else() {
        let of = |name| Principal::new(name).unwrap();
        let ann = of("ann");
        assert!(ann.covers(&ann) && ann.covers(&of("ann/session:1")));
        for other in ["anna", "anna/session:1", "ann/other", "bob", "an"] {
            assert!(!ann.covers(&of(other)), "{other}");
        }
        assert!(!of("ann/session:1").covers(&ann));
        assert!(!of("ann/session:1").covers(&of("ann/session:2")));
        assert!(!ann.is_parent_of(&ann));
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(Principal::new(&"a".repeat(MAX_PRINCIPAL_BYTES)).is_ok());
        for bad in ["", "a\n", &"a".repeat(MAX_PRINCIPAL_BYTES + 1)] {
            assert_eq!(Principal::new(bad), Err(PrincipalError));
        }
    }
}

use std::fmt;

/// Who a token says its bearer is, such as `local`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(String);

impl Principal {
    /// The principal of that name.
    pub fn new(name: impl Into<String>) -> Principal {
        Principal(name.into())
    }

    /// The principal of the token in the state directory.
    pub fn local() -> Principal {
        Principal::new("local")
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A kind of thing that a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// See sessions and devices.
    View,
    /// Prompt, answer permissions, make and close sessions.
    Drive,
    /// Open terminals.
    Shell,
    /// Hold devices.
    Lease,
    /// See and end what belongs to others; change grants and tokens.
    Admin,
}

impl Scope {
    /// All of them, weakest first.
    pub const ALL: [Scope; 5] = [
        Scope::View,
        Scope::Drive,
        Scope::Shell,
        Scope::Lease,
        Scope::Admin,
    ];

    /// As written in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Scope::View => "view",
            Scope::Drive => "drive",
            Scope::Shell => "shell",
            Scope::Lease => "lease",
            Scope::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of scopes. None implies another.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// What the local token may do: everything but [`Scope::Admin`], because
    /// an agent that runs on this machine may find that token.
    pub fn local() -> Scopes {
        Scope::ALL
            .into_iter()
            .filter(|scope| *scope != Scope::Admin)
            .collect()
    }

    /// Whether `scope` is one of them.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Those in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Scopes(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Scope::name).collect();
        f.write_str(&names.join(", "))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What a valid token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// What they may do.
    pub scopes: Scopes,
}

impl Identity {
    /// The bearer of the local token.
    pub fn local() -> Identity {
        Identity {
            principal: Principal::local(),
            scopes: Scopes::local(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_token_is_never_admin() {
        let scopes = Scopes::local();
        assert!(!scopes.contains(Scope::Admin));
        assert_eq!(scopes.to_string(), "view, drive, shell, lease");
    }

    #[test]
    fn a_set_has_exactly_what_was_put_in() {
        for picked in Scope::ALL {
            let set: Scopes = [picked].into_iter().collect();
            for scope in Scope::ALL {
                assert_eq!(set.contains(scope), scope == picked);
            }
        }
        assert_eq!(Scopes::default().iter().count(), 0);
        assert_eq!(Scope::ALL.into_iter().collect::<Scopes>().iter().count(), 5);
    }
}

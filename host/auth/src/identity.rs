use std::{fmt, str::FromStr};

use crate::token::TokenError;

/// The longest name of a principal, in characters: it stands in tables and logs.
pub const MAX_PRINCIPAL_CHARS: usize = 64;

/// Who a token says its bearer is, such as `local`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal(String);

/// A name that no principal has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be the name of a principal: write 1 to {MAX_PRINCIPAL_CHARS} letters, digits and \
     `.` `_` `@` `/` `:` `-`"
)]
pub struct PrincipalError(pub String);

impl Principal {
    /// The principal that somebody named.
    ///
    /// # Errors
    /// The name is empty, too long, or has a character that could be taken for
    /// something else in a table, a log or a path.
    pub fn parse(name: &str) -> Result<Principal, PrincipalError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._@/:-".contains(&b);
        if (1..=MAX_PRINCIPAL_CHARS).contains(&name.len()) && name.bytes().all(fits) {
            return Ok(Principal(name.to_owned()));
        }
        // What is quoted in the message is bounded too.
        let shown = name.chars().take(MAX_PRINCIPAL_CHARS + 1).collect();
        Err(PrincipalError(shown))
    }

    /// The principal of that name, which is known to be one.
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

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no scope; there are: view, drive, shell, lease, admin")]
pub struct ScopeError(pub String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Scope, ScopeError> {
        Scope::ALL
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or_else(|| ScopeError(text.chars().take(20).collect()))
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

    /// What the admin token may do: everything.
    pub fn all() -> Scopes {
        Scope::ALL.into_iter().collect()
    }

    /// The scopes of words with spaces or commas between.
    ///
    /// # Errors
    /// A word is no scope.
    pub fn parse(text: &str) -> Result<Scopes, ScopeError> {
        text.split([' ', ','])
            .filter(|word| !word.is_empty())
            .map(str::parse)
            .collect()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
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

/// The name of a token, by which it is listed and revoked. No secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(String);

impl TokenId {
    /// The token of that name.
    pub fn new(id: impl Into<String>) -> TokenId {
        TokenId(id.into())
    }

    /// A new one: 16 hexadecimal digits.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn random() -> Result<TokenId, TokenError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(TokenError::NoRandom)?;
        Ok(TokenId(format!("{:016x}", u64::from_be_bytes(bytes))))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a valid token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub principal: Principal,
    /// What they may do.
    pub scopes: Scopes,
    /// By which token.
    pub token: TokenId,
}

impl Identity {
    /// The bearer of the local token.
    pub fn local() -> Identity {
        Identity {
            principal: Principal::local(),
            scopes: Scopes::local(),
            token: TokenId::new("local"),
        }
    }

    /// The bearer of the admin token: the same person with every scope.
    pub fn admin() -> Identity {
        Identity {
            principal: Principal::local(),
            scopes: Scopes::all(),
            token: TokenId::new("admin"),
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
    fn the_admin_token_has_every_scope_and_the_same_principal() {
        let admin = Identity::admin();
        assert!(Scope::ALL.iter().all(|scope| admin.scopes.contains(*scope)));
        assert_eq!(admin.principal, Identity::local().principal);
    }

    #[test]
    fn scopes_are_read_from_words_and_written_so_that_they_can_be_read() {
        let read = Scopes::parse("drive view, shell").unwrap();
        assert_eq!(read.to_string(), "view, drive, shell");
        assert_eq!(Scopes::parse(&read.to_string()).unwrap(), read);
        assert!(Scopes::parse(" ,").unwrap().is_empty());
        let message = Scopes::parse("view,Drive").unwrap_err().to_string();
        assert!(
            message.contains("\"Drive\"") && message.contains("lease"),
            "{message}"
        );
    }

    #[test]
    fn a_principal_has_a_plain_and_short_name() {
        let longest = "a".repeat(MAX_PRINCIPAL_CHARS);
        for name in ["a", "ann@example.com", "ci/build:7", "A-b_c.d", &longest] {
            assert_eq!(Principal::parse(name).unwrap().as_str(), name);
        }
        let longer = format!("{longest}a");
        for name in [
            "",
            " ",
            "a b",
            "a\n",
            "a\0",
            "é",
            "a\u{202e}b",
            "a,b",
            "a*",
            &longer,
        ] {
            let error = Principal::parse(name).unwrap_err();
            assert!(error.to_string().contains("1 to 64"), "{error}");
        }
        let endless = Principal::parse(&"x".repeat(100_000)).unwrap_err();
        assert!(endless.to_string().len() < 300);
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

use super::{DeviceSession, Error, Result};

/// A session behind its fencing token: a call with a smaller token than was
/// seen is refused before the session hears of it.
#[derive(Debug)]
pub(crate) struct Fence<S> {
    session: S,
    seen: u64,
}

impl<S: DeviceSession> Fence<S> {
    pub(crate) fn new(session: S, token: u64) -> Self {
        Self {
            session,
            seen: token,
        }
    }

    /// The session, for a call with this token.
    pub(crate) fn pass(&mut self, token: u64) -> Result<&mut S> {
        if token < self.seen {
            return Err(Error::Fenced);
        }
        self.seen = token;
        Ok(&mut self.session)
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn session(&self) -> &S {
        &self.session
    }
}

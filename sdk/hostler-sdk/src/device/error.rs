/// Shorthand for results of a device.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why something could not be done with a device. The texts are for whoever
/// uses it: what was wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The ref is not in the latest snapshot.
    #[error("ref {0} is not in the latest snapshot")]
    StaleRef(u32),
    /// An alert is in the way; its text.
    #[error("an alert is open: {0:?}")]
    AlertOpen(String),
    /// There is no such app, element, file.
    #[error("{0}")]
    NotFound(String),
    /// This device cannot do that.
    #[error("{0}")]
    Unsupported(String),
    /// An argument was malformed.
    #[error("{0}")]
    Invalid(String),
    /// It did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// The device does not answer any more; its lease ends.
    #[error("{0}")]
    Lost(String),
    /// A greater fencing token was seen on this device.
    #[error("a greater fencing token was seen on this device")]
    Fenced,
    /// The host cancelled a call that this one was waiting for.
    #[error("the call was cancelled")]
    Cancelled,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// An [`Error::Other`] with this message.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }

    /// An [`Error::Unsupported`] that says what this device cannot do.
    pub fn unsupported(what: &str) -> Self {
        Self::Unsupported(format!("this device cannot {what}"))
    }
}

/// What the host refused is nothing that the device's user did wrong: it is an
/// [`Error::Other`] with the host's sentence.
impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        Self::Other(error.to_string())
    }
}

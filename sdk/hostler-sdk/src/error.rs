//! The two ways of saying no: [`Error`] between plugin and host, [`Failure`]
//! towards the ACP client.

/// Shorthand for results of this crate.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a call into the host did not do what was asked, or why a call into the
/// plugin could not be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operator has not granted this. The text names the line of
    /// `hostler.toml` that would allow it.
    #[error("not granted: {0}")]
    Denied(String),
    /// A bound was reached; the text names it.
    #[error("limit reached: {0}")]
    Limit(String),
    /// An argument or a message was malformed; the text says which and why.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The thing named by an id does not exist, or no longer.
    #[error("not found: {0}")]
    NotFound(String),
    /// Over credit: try again after the matching event.
    #[error("does not fit yet: try again after the matching event")]
    WouldBlock,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// An [`Error::Other`] with this message.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }
}

/// Malformed JSON is an [`Error::Invalid`] with serde's message.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// A JSON-RPC error, as the ACP client will receive it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Failure {
    /// The JSON-RPC code; the constants of this type name the common ones.
    pub code: i32,
    /// One sentence for a person.
    pub message: String,
    /// JSON text for `error.data`.
    pub data: Option<String>,
}

impl Failure {
    /// The agent or the adapter failed.
    pub const INTERNAL: i32 = -32603;
    /// The request's parameters make no sense.
    pub const INVALID_PARAMS: i32 = -32602;
    /// This method does not exist here.
    pub const METHOD_NOT_FOUND: i32 = -32601;
    /// The agent has no account (ACP).
    pub const AUTH_REQUIRED: i32 = -32000;
    /// The named thing does not exist (ACP).
    pub const NOT_FOUND: i32 = -32002;

    /// A failure without data.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// [`Failure::INTERNAL`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Self::INTERNAL, message)
    }

    /// [`Failure::INVALID_PARAMS`].
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// [`Failure::AUTH_REQUIRED`].
    pub fn auth_required(message: impl Into<String>) -> Self {
        Self::new(Self::AUTH_REQUIRED, message)
    }

    /// [`Failure::METHOD_NOT_FOUND`] for `method`.
    pub fn method_not_found(method: &str) -> Self {
        Self::new(
            Self::METHOD_NOT_FOUND,
            format!("this agent does not support {method}"),
        )
    }

    /// The same failure with JSON text for `error.data`.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }
}

/// Internal, except that malformed input is [`Failure::INVALID_PARAMS`].
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(_) => Self::invalid_params(error.to_string()),
            _ => Self::internal(error.to_string()),
        }
    }
}

use hostler_secret::{Mask, SecretError};

/// Why there is no response. The texts are for the plugin and its operator;
/// known secrets are masked in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The operator has not granted it; the text names what would.
    #[error("{0}")]
    Denied(String),
    /// A bound was reached; the text names it.
    #[error("{0}")]
    Limit(String),
    /// The request is malformed; the text says what and why.
    #[error("{0}")]
    Invalid(String),
    /// The network, the server or a secret failed.
    #[error("{0}")]
    Other(String),
}

impl FetchError {
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        let text = |text: String| mask.text(&text).into_owned();
        match self {
            Self::Denied(message) => Self::Denied(text(message)),
            Self::Limit(message) => Self::Limit(text(message)),
            Self::Invalid(message) => Self::Invalid(text(message)),
            Self::Other(message) => Self::Other(text(message)),
        }
    }
}

impl From<SecretError> for FetchError {
    fn from(error: SecretError) -> Self {
        Self::Other(error.to_string())
    }
}

/// An error with all that caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

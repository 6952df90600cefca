//! Errors of `hostler.toml`: which file, which line, what, and the line itself.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

/// Something in the config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: PathBuf,
    /// Its number, from 1, and its text.
    line: Option<(usize, String)>,
    message: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.line {
            Some((number, text)) => {
                write!(f, "{file}:{number}: {}\n  {number} | {text}", self.message)
            }
            None => write!(f, "{file}: {}", self.message),
        }
    }
}

impl ConfigError {
    /// About the file as a whole.
    pub(crate) fn whole(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            message: message.into(),
        }
    }
}

/// A config's text and where it came from: what an error needs to point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) file: &'a Path,
    pub(crate) text: &'a str,
}

impl Document<'_> {
    /// The line, from 1, of a place in the text.
    pub(crate) fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    /// An error about the text at `span`.
    pub(crate) fn error(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        let number = self.line(span.start);
        let text = self.text.lines().nth(number - 1).unwrap_or_default();
        ConfigError {
            file: self.file.to_owned(),
            line: Some((number, text.trim().to_owned())),
            message: message.into(),
        }
    }

    /// What the TOML reader refused.
    pub(crate) fn refused(&self, error: &toml::de::Error) -> ConfigError {
        match error.span() {
            Some(span) => self.error(span, error.message()),
            None => ConfigError::whole(self.file, error.message()),
        }
    }
}

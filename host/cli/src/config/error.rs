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
        let mut message = error.message().to_owned();
        if let Some(nearest) = nearest(&message) {
            message = format!("{message}; did you mean `{nearest}`?");
        }
        match error.span() {
            Some(span) => self.error(span, message),
            None => ConfigError::whole(self.file, message),
        }
    }
}

/// How alike two words must be (0 to 1) for one to be meant by the other. It is
/// what `clap` asks of a misspelt option.
const ALIKE: f64 = 0.7;

/// Which of the known names was meant by an unknown one. Serde tells them only
/// in its message, between backticks, the unknown one first.
fn nearest(message: &str) -> Option<&str> {
    if !message.starts_with("unknown field `") && !message.starts_with("unknown variant `") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    names
        .map(|name| (strsim::jaro(unknown, name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_of_the_known_names_is_found() {
        let several =
            "unknown field `memory`, expected one of `cpu_ms`, `memory_mib`, `output_mib`";
        assert_eq!(nearest(several), Some("memory_mib"));
        let one = "unknown field `plugin_folders`, expected `plugin-folders`";
        assert_eq!(nearest(one), Some("plugin-folders"));
    }

    #[test]
    fn nothing_is_proposed_where_nothing_is_near() {
        for message in [
            "unknown field `port`, expected `listen` or `hosts`",
            "unknown field `x`, there are no fields",
            "unknown field `a`b`, expected `listen`",
            "unknown field `",
            "invalid type: string `listen`, expected `listen`",
        ] {
            assert_eq!(nearest(message), None, "{message}");
        }
    }
}

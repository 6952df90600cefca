use std::{borrow::Borrow, fmt, sync::Arc};

/// The longest label, in bytes: clients' device keys have up to 256, and labels
/// stand in messages and tables.
pub const MAX_LABEL_BYTES: usize = 256;

/// A short text from outside, such as a tenant, the name of a session or of a
/// device. It is cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label(Arc<str>);

/// A text that is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be used as a name: write 1 to {MAX_LABEL_BYTES} bytes without control characters"
)]
pub struct LabelError(String);

impl Label {
    /// The label of that text.
    ///
    /// # Errors
    /// It is empty, too long, or has control characters.
    pub fn new(text: &str) -> Result<Label, LabelError> {
        if text.is_empty() || text.len() > MAX_LABEL_BYTES || text.contains(char::is_control) {
            // What is quoted in the message is bounded too.
            return Err(LabelError(text.chars().take(40).collect()));
        }
        Ok(Label(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As names are compared: without regard to case.
    pub(crate) fn folded(&self) -> Label {
        if self.0.chars().any(char::is_uppercase) {
            Label(self.0.to_lowercase().into())
        } else {
            self.clone()
        }
    }
}

impl Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_plain() {
        assert_eq!(
            Label::new("Ann's ÉPIX").unwrap().folded().as_str(),
            "ann's épix"
        );
        assert!(Label::new(&"a".repeat(MAX_LABEL_BYTES)).is_ok());
        for bad in ["", "a\u{1b}[0m", &"a".repeat(100_000)] {
            let error = Label::new(bad).unwrap_err().to_string();
            assert!(error.contains("1 to 256") && error.len() < 200, "{error}");
        }
    }
}

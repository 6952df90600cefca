use std::{io, path::PathBuf};

use crate::MAX_NAME_CHARS;

/// Why there is no value. None of the texts contains one.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// What should be a name is none.
    #[error(
        "{shown} is no name of a secret: it has 1 to {MAX_NAME_CHARS} letters, digits, `_` and \
         `-`, and does not begin with a digit or `-`"
    )]
    Name {
        /// The text, if it is harmless.
        shown: String,
    },
    /// Nobody has set it.
    #[error(
        "there is no secret {name}: set it with `hostler secret set {name}`, or say in \
         hostler.toml where it comes from: [secrets.{name}] env = \"VARIABLE\""
    )]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A value that cannot be used.
    #[error("the value of secret {name} cannot be used: {reason}")]
    Value {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The variable of `[secrets.NAME]` is missing.
    #[error(
        "secret {name} is the variable {variable} of the host's environment, which is not set: \
         set it and start the host again"
    )]
    Variable {
        /// Its name.
        name: String,
        /// The variable.
        variable: String,
    },
    /// The command of `[secrets.NAME]` gave nothing.
    #[error(
        "secret {name} comes from {program:?} ([secrets.{name}] in hostler.toml), which {reason}"
    )]
    Command {
        /// Its name.
        name: String,
        /// The program of the command.
        program: String,
        /// What it did.
        reason: String,
    },
    /// The sealed value does not open.
    #[error(
        "secret {name} cannot be opened with the key in {path}: the key is another one, or the \
         row was changed; set it again with `hostler secret set {name}`"
    )]
    Sealed {
        /// Its name.
        name: String,
        /// The file of the key.
        path: PathBuf,
    },
    /// There is no key, or none that can be used.
    #[error("{path}: {reason}")]
    Key {
        /// The file of the key.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The file system refused.
    #[error("cannot {action} {path}: {reason}")]
    Io {
        /// A verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Where sealed values are kept cannot be read.
    #[error("secret {name} cannot be read: {reason}")]
    Stored {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

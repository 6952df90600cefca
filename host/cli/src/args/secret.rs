//! The command line of secrets.

use clap::{Args, Subcommand};

use super::{ConfigFile, PluginSource, StateDir};

#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Keep a secret, sealed; asks for its value, or reads it from stdin.
    Set(SecretSet),
    /// Show every secret: where it comes from and who may use it; never its value.
    List(SecretList),
    /// Remove a secret.
    Rm(SecretRemove),
}

#[derive(Debug, Args)]
pub(crate) struct SecretSet {
    /// Its name: letters, digits, `_` and `-`
    pub(crate) name: String,
    /// Read the value from stdin to its end, without its last line end, also if
    /// stdin is a terminal
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct SecretList {
    #[command(flatten)]
    pub(crate) source: PluginSource,
}

#[derive(Debug, Args)]
pub(crate) struct SecretRemove {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

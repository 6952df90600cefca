//! Which agents there are, and logging in to them.

use clap::Args;

use super::HostArgs;

#[derive(Debug, Args)]
pub(crate) struct Agents {
    /// Look for each of them now, rather than take what was found a moment ago
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The agent: its id, as `hostler agents` shows it; without it, which there are
    pub(crate) agent: Option<String>,
    /// Which way; without it, the only one, or which there are
    pub(crate) method: Option<String>,
    /// Take the API key from standard input, to its end
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

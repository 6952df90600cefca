//! The command line of who may come in, and who is told.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{ConfigFile, StateDir};
use crate::notify::Event;

/// What protects what is said to the host; counts more than the config.
#[derive(Debug, Args)]
pub(crate) struct CoverArgs {
    /// Speak TLS with this certificate (PEM, with its chain)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Speak TLS with a certificate that the host makes; `hostler pair` tells
    /// other machines how to know it
    #[arg(long, conflicts_with_all = ["tls_cert", "behind_proxy"])]
    pub(crate) tls_own: bool,
    /// Speak plain HTTP, because a proxy on this machine or a private network
    /// speaks TLS with the world
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) behind_proxy: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it, once.
    Create(TokenCreate),
    /// Show every token: whose it is, what it may do, whether it still counts.
    List(TokenList),
    /// End a token and the connections that it let in.
    Revoke(TokenRevoke),
}

/// What a token shall be.
#[derive(Debug, Args)]
pub(crate) struct TokenWish {
    /// Who its bearer is; sessions belong to a principal [default: local]
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// What it may do; can be given more than once
    #[arg(long = "scope", value_name = "SCOPE", default_values = ["view", "drive"],
        value_parser = ["view", "drive", "shell", "lease", "admin"])]
    pub(crate) scopes: Vec<String>,
    /// How long it counts, such as 30d or 12h [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) life: Option<Duration>,
    /// What it is for, in a few words
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) label: String,
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    #[command(flatten)]
    pub(crate) wish: TokenWish,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct TokenList {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct TokenRevoke {
    /// The token's id, as `hostler token list` shows it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    #[command(flatten)]
    pub(crate) wish: TokenWish,
    /// How the other machine reaches this host, such as https://box:7117
    /// [default: what the host knows of itself]
    #[arg(long, value_name = "URL")]
    pub(crate) address: Option<String>,
    /// On the other machine: the address that was printed; keeps the token for
    /// commands with `--url`
    #[arg(long, value_name = "URL", conflicts_with_all = ["principal", "scopes", "life", "address", "json"])]
    pub(crate) redeem: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only what is not older, such as 1d or 30m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) since: Option<Duration>,
    /// How many at most, the latest
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
    /// Print JSON, a record a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) state: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct Notify {
    #[command(flatten)]
    pub(crate) sample: SampleEvent,
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct SampleEvent {
    /// What to pretend
    #[arg(value_enum, default_value = "asked")]
    pub(crate) event: Event,
}

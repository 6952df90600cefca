//! The command line.

mod access;
mod agents;
mod device;
mod secret;

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use access::{
    Audit, CoverArgs, Notify, Pair, SampleEvent, Token, TokenCreate, TokenList, TokenRevoke,
    TokenWish,
};
pub(crate) use agents::{Agents, Login};
pub(crate) use device::{
    AlertAct, Connect, Device, DeviceAlert, DeviceArgs, DeviceClose, DeviceFill, DeviceLogs,
    DeviceOpen, DevicePress, DeviceScreenshot, DeviceScroll, DeviceSnapshot, DeviceSwipe,
    DeviceTap, DeviceText, DeviceUrl, DeviceWait, Devices, Disconnect, Lease, LeaseList,
    LeaseRelease, LeaseShow, Mcp, ScrollTo,
};
pub(crate) use secret::{Secret, SecretList, SecretRemove, SecretSet};

use crate::exit;

/// Lends devices and live coding-agent sessions to agents, editors and people.
///
/// `hostler serve` runs the host; `hostler prompt` gives an agent a turn; `hostler
/// device open` leases a device.
#[derive(Debug, Parser)]
#[command(name = "hostler", version, after_long_help = exit::HELP)]
pub(crate) struct Cli {
    /// Log to stderr: a level (error, warn, info, debug, trace) or TARGET=LEVEL,…
    /// [default: RUST_LOG, or what the command finds fit]
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the host until SIGINT or SIGTERM.
    Serve(Serve),
    /// Speak ACP on stdin and stdout, for editors; starts a host if none is running.
    #[command(after_long_help = exit::HELP)]
    Acp(Acp),
    /// Speak MCP on stdin and stdout: the tools for devices, for agents; starts a host
    /// if none is running.
    #[command(after_long_help = exit::HELP)]
    Mcp(Mcp),
    /// Give an agent one prompt and show what it does.
    #[command(after_long_help = exit::HELP)]
    Prompt(Prompt),
    /// Look at the sessions of a host, take part in them, share and end them.
    #[command(subcommand)]
    Session(Session),
    /// Show the agents: which are ready, what mends the others, tiers and modes.
    #[command(after_long_help = exit::HELP)]
    Agents(Agents),
    /// Log in to an agent, for the whole host.
    #[command(after_long_help = exit::HELP)]
    Login(Login),
    /// Show the devices: who has which, until when, and who waits.
    Devices(Devices),
    /// Lease a device, look at it, touch it.
    #[command(subcommand)]
    Device(Device),
    /// Look at leases, and end them.
    #[command(subcommand)]
    Lease(Lease),
    /// Make a host the one that commands use: its address is kept, and no secret.
    #[command(after_long_help = exit::HELP)]
    Connect(Connect),
    /// Give back what is held there, and forget a host.
    Disconnect(Disconnect),
    /// Make, show and revoke tokens: who may come in, and what they may do.
    #[command(subcommand)]
    Token(Token),
    /// Keep, show and remove secrets, which plugins may use without seeing them.
    #[command(subcommand)]
    Secret(Secret),
    /// Bring a token to another machine: print an address that can be used once.
    Pair(Pair),
    /// Show who did what: tokens, permissions, shares.
    Audit(Audit),
    /// Send a sample notification as [notify] in hostler.toml says.
    Notify(Notify),
    /// Look at the plugins as a host would see them from this shell; none need run.
    #[command(subcommand)]
    Plugin(Plugin),
    /// Say what is found, what is missing, and the command that mends it.
    Doctor(Doctor),
    /// Print a script that completes this program's commands and options in a shell.
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    #[command(flatten)]
    pub(crate) state: StateDir,
    /// Where to listen: IP:PORT; port 0 takes a free one. Where other machines
    /// could connect one of the next options is needed [default: 127.0.0.1:7117]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) cover: CoverArgs,
    /// Leave the terminal, write the log to serve.log, listen on a free port
    /// unless told otherwise: as `acp` starts it
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
    /// End after so long without clients or turns
    #[arg(long, hide = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) idle_exit: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Acp {
    /// The plugin of sessions that name none [default: the host's]
    #[arg(long, value_name = "ID")]
    pub(crate) harness: Option<String>,
    /// For a host that has to be started; one that is running keeps its own.
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    #[command(flatten)]
    pub(crate) host: HostArgs,
    /// When a host that has to be started ends by itself
    #[arg(long, hide = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) idle_exit: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Prompt {
    /// The prompt; `-` reads it from stdin
    #[arg(value_name = "PROMPT")]
    pub(crate) text: String,
    /// The plugin to talk to [default: the host's]
    #[arg(long, value_name = "ID")]
    pub(crate) harness: Option<String>,
    /// Go on with this session: its id, or the beginning of it
    #[arg(long, value_name = "ID", conflicts_with_all = ["harness", "cwd"])]
    pub(crate) session: Option<String>,
    /// The folder the agent works in [default: this one]
    #[arg(long, value_name = "D")]
    pub(crate) cwd: Option<PathBuf>,
    /// Allow, once each, whatever the agent asks permission for
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print every JSON-RPC message that arrives, one per line, as it came
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Show every session: what it is about, where it works, what it does.
    List(SessionList),
    /// Show all there is to know about one session.
    Show(SessionShow),
    /// Take part in a session: see it, type prompts, answer questions.
    #[command(after_long_help = exit::HELP)]
    Attach(SessionAttach),
    /// See what happens in a session, without taking part.
    Watch(SessionWatch),
    /// Let somebody else in.
    Share(SessionShare),
    /// Begin a session with the conversation of another one; both go on apart.
    Fork(SessionFork),
    /// End a session for everybody; its history stays.
    Close(SessionClose),
    /// End a session and remove its history.
    Delete(SessionDelete),
    /// Write down the history of a session.
    Export(SessionExport),
}

/// A session and the host that has it.
#[derive(Debug, Args)]
pub(crate) struct SessionId {
    /// The session: its id, or the beginning of it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SessionList {
    /// Those that were begun outside of Hostler, with an agent's own program;
    /// whoever attaches to one, or prompts it, goes on with it in Hostler
    #[arg(long)]
    pub(crate) outside: bool,
    /// Those of this agent alone, such as claude-code
    #[arg(long, value_name = "ID")]
    pub(crate) agent: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SessionShow {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SessionAttach {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// What to show of the past: `all`, `none`, or the number of its last turns
    #[arg(long, value_name = "N", default_value = "3")]
    pub(crate) history: History,
}

#[derive(Debug, Args)]
pub(crate) struct SessionWatch {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// What to show of the past: `all`, `none`, or the number of its last turns
    #[arg(long, value_name = "N", default_value = "3")]
    pub(crate) history: History,
    /// Print every JSON-RPC message that arrives, one per line, as it came
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SessionShare {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// Whom: the principal of a token
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) to: String,
    /// What they may: look, take part, or nothing any more
    #[arg(long)]
    pub(crate) scope: Scope,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    View,
    Drive,
    None,
}

#[derive(Debug, Args)]
pub(crate) struct SessionFork {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SessionClose {
    #[command(flatten)]
    pub(crate) session: SessionId,
}

#[derive(Debug, Args)]
pub(crate) struct SessionDelete {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SessionExport {
    #[command(flatten)]
    pub(crate) session: SessionId,
    /// JSON lines with positions, or Markdown to read
    #[arg(long, default_value = "jsonl")]
    pub(crate) format: Format,
    /// Where to [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Jsonl,
    Markdown,
}

/// How much of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    All,
    /// So many turns.
    Last(usize),
}

impl FromStr for History {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "none" => Ok(Self::Last(0)),
            number => number
                .parse()
                .map(Self::Last)
                .map_err(|_| "it is not `all`, `none` or a number of turns".to_owned()),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) source: PluginSource,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// Show every plugin: is its agent ready, and what may it run?
    List(PluginList),
    /// Show all there is to know about one plugin.
    Inspect(PluginInspect),
}

#[derive(Debug, Args)]
pub(crate) struct PluginList {
    #[command(flatten)]
    pub(crate) source: PluginSource,
}

#[derive(Debug, Args)]
pub(crate) struct PluginInspect {
    /// The plugin
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) source: PluginSource,
}

/// Where commands without a host look, and how they answer.
#[derive(Debug, Args)]
pub(crate) struct PluginSource {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    #[command(flatten)]
    pub(crate) state: StateDir,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The config file
    /// [default: hostler/hostler.toml in XDG_CONFIG_HOME or ~/.config, if it is there]
    #[arg(long = "config", value_name = "F")]
    pub(crate) file: Option<PathBuf>,
}

/// Which host is meant.
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub(crate) state: StateDir,
    /// The host of another machine, such as https://HOST:7117; one that was paired is
    /// known, see `hostler pair`
    /// [default: what `hostler connect` has chosen, or else the host of this machine]
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    pub(crate) url: Option<String>,
    /// The host of this machine, also while `hostler connect` has chosen another
    #[arg(long, conflicts_with = "url")]
    pub(crate) local: bool,
    /// A file with the token for --url [default: the variable HOSTLER_TOKEN, or the
    /// token of the pairing]
    #[arg(long, value_name = "F", requires = "url")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StateDir {
    /// The host's state directory: lock, token, host.json; its cache too
    /// [default: hostler in XDG_STATE_HOME or ~/.local/state]
    #[arg(long = "state-dir", value_name = "D")]
    pub(crate) path: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_says_the_exit_codes_and_the_defaults() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes:"), "{help}");
        let mut serve = Cli::command();
        let serve = serve.find_subcommand_mut("serve").unwrap();
        let help = serve.render_long_help().to_string();
        for part in ["127.0.0.1:7117", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            assert!(help.contains(part), "{part} is missing in {help}");
        }
    }
}

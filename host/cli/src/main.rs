//! The binary `hostler`.
//!
//! ```text
//! serve    config ─> catalogue, router ─> server; plugins load meanwhile
//! acp      stdin, stdout <─> link <─> WebSocket of the host, which it starts if
//!          need be
//! mcp      stdin, stdout <─> /mcp of the host, which it starts if need be
//! devices, device, lease   host, held lease ─> client (REST) ─> table, text, file
//! agents   client (REST) ─> table
//! connect, disconnect      client ─> profile: which host commands mean
//! prompt   host.json, token ─> client (WebSocket ACP) ─> terminal
//! session  host.json, token ─> client ─> table; attach, watch: link ─> terminal
//! token, pair, audit   host.json, admin token ─> client (REST) ─> table
//! secret   config, hostler.db ─> table
//! notify   config ─> webhook, program
//! plugin   config ─> runtime ─> table, or all about one
//! doctor   all of the above, looked at in turn
//! child, compile, detach   helpers that are started by this program; nobody
//!          types them
//! ```
//!
//! - [`args`], [`exit`]: the command line and the exit codes.
//! - [`config`], [`bundle`], [`paths`]: which plugins there are and where things
//!   lie.
//! - [`serve`], [`host_file`], [`idle`], [`hiding`]: the host; its lock and
//!   `host.json`; when nobody needs it; what agents do not see.
//! - [`link`]: a client's way to its host that outlives its connections.
//! - [`acp`], [`detach`], [`log_file`]: the bridge for editors; how it starts a
//!   host, and that one's log.
//! - [`mcp`]: the bridge for agents that want tools. [`device_cmd`]: devices on
//!   lease. [`connect_cmd`]: which host commands mean.
//! - [`agents_cmd`]: which agents a host has. [`login_cmd`]: logs in to one.
//! - [`client`]: the other side of the wire, for people.
//! - [`access_cmd`]: who may come in, and what they did. [`notify`]: tells people
//!   what happens.
//! - [`secret_cmd`], [`vault`]: secrets, and where a host gets them.
//! - [`session_cmd`]: the host's sessions. [`plugin_cmd`]: plugins without a host.
//! - [`doctor`]: what is wrong with an installation.
//!
//! Absent on purpose: anything that a second program would need. What clients
//! speak is in the server, what plugins may do is in the runtime.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod access_cmd;
mod acp;
mod agents_cmd;
mod args;
mod bundle;
mod client;
mod config;
mod connect_cmd;
mod detach;
mod device_cmd;
mod doctor;
mod exit;
mod hiding;
mod host_file;
mod idle;
mod last_children;
mod link;
mod log_file;
mod logging;
mod login_cmd;
mod mcp;
mod notify;
mod observer;
mod paths;
mod plugin_cmd;
mod secret_cmd;
mod serve;
mod session_cmd;
mod vault;

use std::{
    future::Future,
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command, Device, Lease, Plugin, Secret, Session, Token};
use exit::{Exit, Failure, OrExit as _};

fn main() -> ExitCode {
    // Before anything opens a file or starts a thread: a helper has inherited
    // descriptors to take over, and limits to set.
    let mut words = std::env::args_os().skip(1);
    match words.next().as_deref().and_then(|word| word.to_str()) {
        Some("child") => return hostler_runtime::child_main(words),
        Some("detach") => return detach::main(words),
        Some("compile") => return hostler_runtime::compile_main(),
        _ => {}
    }
    match run(Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("hostler: {}", failure.shown());
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let log = cli.log.as_deref();
    let begin = |default| logging::init(log, default).or_exit(Exit::Usage);
    match cli.command {
        Command::Serve(args) => block_on(serve::run(args, log)),
        Command::Acp(args) => {
            begin("warn")?;
            block_on(acp::run(args))
        }
        Command::Mcp(args) => {
            begin("warn")?;
            block_on(mcp::run(args))
        }
        Command::Agents(args) => {
            begin("warn")?;
            block_on(agents_cmd::run(args))
        }
        Command::Login(args) => {
            begin("warn")?;
            block_on(login_cmd::run(args))
        }
        Command::Devices(args) => {
            begin("warn")?;
            block_on(device_cmd::devices::run(args))
        }
        Command::Device(command) => {
            begin("warn")?;
            block_on(device(command))
        }
        Command::Lease(command) => {
            begin("warn")?;
            match command {
                Lease::List(args) => block_on(device_cmd::lease::list(args)),
                Lease::Show(args) => block_on(device_cmd::lease::show(args)),
                Lease::Release(args) => block_on(device_cmd::lease::release(args)),
            }
        }
        Command::Connect(args) => {
            begin("warn")?;
            block_on(connect_cmd::connect(args))
        }
        Command::Disconnect(args) => {
            begin("warn")?;
            block_on(connect_cmd::disconnect(args))
        }
        Command::Prompt(args) => {
            begin("warn")?;
            block_on(client::prompt::run(args))
        }
        Command::Session(command) => {
            begin("warn")?;
            match command {
                Session::List(args) => block_on(session_cmd::list::run(args)),
                Session::Show(args) => block_on(session_cmd::show::run(args)),
                Session::Attach(args) => block_on(session_cmd::live::attach(args)),
                Session::Watch(args) => block_on(session_cmd::live::watch(args)),
                Session::Share(args) => block_on(session_cmd::ends::share(args)),
                Session::Fork(args) => block_on(session_cmd::fork::run(args)),
                Session::Close(args) => block_on(session_cmd::ends::close(args)),
                Session::Delete(args) => block_on(session_cmd::ends::delete(args)),
                Session::Export(args) => block_on(session_cmd::export::run(args)),
            }
        }
        Command::Token(command) => {
            begin("warn")?;
            match command {
                Token::Create(args) => block_on(access_cmd::token::create(args)),
                Token::List(args) => block_on(access_cmd::token::list(args)),
                Token::Revoke(args) => block_on(access_cmd::token::revoke(args)),
            }
        }
        Command::Secret(command) => {
            begin("warn")?;
            match command {
                Secret::Set(args) => block_on(secret_cmd::set::run(args)),
                Secret::List(args) => block_on(secret_cmd::list::run(args)),
                Secret::Rm(args) => block_on(secret_cmd::remove::run(args)),
            }
        }
        Command::Pair(args) => {
            begin("warn")?;
            block_on(access_cmd::pair::run(args))
        }
        Command::Audit(args) => {
            begin("warn")?;
            block_on(access_cmd::audit::run(args))
        }
        Command::Notify(args) => {
            // What came of it is told by the command itself.
            begin("error")?;
            block_on(notify::run(args))
        }
        Command::Doctor(args) => {
            begin("error")?;
            block_on(doctor::run(args))
        }
        Command::Completions { shell } => {
            print_completions(shell);
            Ok(Exit::Done)
        }
        Command::Plugin(command) => {
            begin("warn")?;
            match command {
                Plugin::List(args) => block_on(plugin_cmd::list::run(args)),
                Plugin::Inspect(args) => block_on(plugin_cmd::inspect::run(args)),
            }
        }
    }
}

async fn device(command: Device) -> Result<Exit, Failure> {
    use device_cmd::{act, look, open, wait};
    match command {
        Device::Open(args) => open::open(args).await,
        Device::Snapshot(args) => look::snapshot(args).await,
        Device::Tap(args) => act::tap(args).await,
        Device::Fill(args) => act::fill(args).await,
        Device::Type(args) => act::type_text(args).await,
        Device::Press(args) => act::press(args).await,
        Device::Swipe(args) => act::swipe(args).await,
        Device::Scroll(args) => act::scroll(args).await,
        Device::Screenshot(args) => look::screenshot(args).await,
        Device::Logs(args) => look::logs(args).await,
        Device::Alert(args) => look::alert(args).await,
        Device::OpenUrl(args) => act::open_url(args).await,
        Device::Wait(args) => wait::wait(args).await,
        Device::Close(args) => open::close(args).await,
    }
}

fn print_completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hostler", &mut script);
    // Whoever reads only its beginning may do so.
    let _ = io::stdout().write_all(&script);
}

fn block_on(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the async runtime could not start")?;
    let outcome = runtime.block_on(work);
    // Not waited for: a thread that reads the terminal ends with its next line.
    runtime.shutdown_background();
    outcome
}

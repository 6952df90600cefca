//! The built binary, driven by clients that others wrote, with real agents.

mod agents;
mod bad_input;
mod claude;
mod claude_shows;
mod clients;
mod codex;
mod codex_shows;
mod contained;
mod devices;
mod files;
mod forks;
mod hidden;
mod logins;
mod outside;
mod positions;
mod room;
mod scripted;
mod shared;
mod shells;
mod survival;
mod tokens;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        agents::trials(),
        bad_input::trials(),
        claude::trials(),
        claude_shows::trials(),
        clients::trials(),
        codex::trials(),
        codex_shows::trials(),
        contained::trials(),
        devices::trials(),
        files::trials(),
        forks::trials(),
        hidden::trials(),
        logins::trials(),
        outside::trials(),
        positions::trials(),
        room::trials(),
        scripted::trials(),
        shared::trials(),
        shells::trials(),
        survival::trials(),
        tokens::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}

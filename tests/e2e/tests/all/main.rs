//! The built binary, driven by clients that others wrote, with real agents.

mod acp_agent;
mod agents;
mod bad_input;
mod claude;
mod claude_alone;
mod claude_shows;
mod claude_stops;
mod claude_told;
mod clients;
mod codex;
mod codex_cancels;
mod codex_code;
mod codex_decides;
mod codex_forms;
mod codex_plans;
mod codex_shows;
mod codex_slash;
mod contained;
mod decopilot;
mod devices;
mod files;
mod forks;
mod harnesses;
mod hidden;
mod logins;
mod outside;
mod positions;
mod programs;
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
        acp_agent::trials(),
        agents::trials(),
        bad_input::trials(),
        claude::trials(),
        claude_alone::trials(),
        claude_shows::trials(),
        claude_stops::trials(),
        claude_told::trials(),
        clients::trials(),
        codex::trials(),
        codex_cancels::trials(),
        codex_code::trials(),
        codex_decides::trials(),
        codex_forms::trials(),
        codex_plans::trials(),
        codex_shows::trials(),
        codex_slash::trials(),
        contained::trials(),
        decopilot::trials(),
        devices::trials(),
        files::trials(),
        forks::trials(),
        harnesses::trials(),
        hidden::trials(),
        logins::trials(),
        outside::trials(),
        positions::trials(),
        programs::trials(),
        room::trials(),
        scripted::trials(),
        shared::trials(),
        shells::trials(),
        survival::trials(),
        tokens::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}

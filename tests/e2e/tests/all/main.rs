//! The built binary, driven by clients that others wrote, with real agents.

mod bad_input;
mod claude;
mod clients;
mod codex;
mod contained;
mod scripted;
mod survival;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = [
        bad_input::trials(),
        claude::trials(),
        clients::trials(),
        codex::trials(),
        contained::trials(),
        scripted::trials(),
        survival::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}

//! The client's own program, unmodified, in all versions that are supported,
//! against a host.

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod holes;
mod journeys;

fn main() -> std::process::ExitCode {
    let arguments = libtest_mimic::Arguments::from_args();
    let mut trials = journeys::trials();
    trials.extend(holes::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

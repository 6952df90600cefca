//! The runtime as a whole: real components, real children. This binary is also
//! its own helper: it compiles and supervises when it is started again.

mod answers;
mod children;
mod exchanges;
mod hidden;
mod leases;
mod limits;
mod loading;
mod policies;
mod providers;
mod requests;
mod services;
mod sessions;
mod support;
mod terminals;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("compile") => hostler_runtime::compile_main(),
        Some("child") => hostler_runtime::child_main(args),
        Some("unprivileged") => hidden::unprivileged_main(),
        _ => {
            let arguments = libtest_mimic::Arguments::from_args();
            let trials = [
                answers::trials(),
                children::trials(),
                exchanges::trials(),
                hidden::trials(),
                leases::trials(),
                limits::trials(),
                loading::trials(),
                policies::trials(),
                providers::trials(),
                requests::trials(),
                services::trials(),
                sessions::trials(),
                terminals::trials(),
            ];
            libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
        }
    }
}

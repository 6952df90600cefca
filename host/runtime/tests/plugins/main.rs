//! The runtime as a whole: real components, real children. This binary is also
//! its own helper: it compiles and supervises when it is started again.

mod children;
mod limits;
mod loading;
mod sessions;
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|word| word.to_str()) {
        Some("compile") => hostler_runtime::compile_main(),
        Some("child") => hostler_runtime::child_main(args.skip(1).collect()),
        _ => {
            let arguments = libtest_mimic::Arguments::from_args();
            let trials = [
                children::trials(),
                limits::trials(),
                loading::trials(),
                sessions::trials(),
            ];
            libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
        }
    }
}

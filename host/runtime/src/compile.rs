//! Compiling in a child process. A component is hostile input and a compiler is
//! large: in a child it can exhaust only its own memory and time.

use std::{
    io::{Read, Write},
    path::Path,
    process::{ExitCode, Stdio},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use crate::{engine, error::LoadError};

/// Largest component that is compiled. Python guests have 18 MB.
pub(crate) const COMPONENT_LIMIT: u64 = 64 * 1024 * 1024;

/// Address space of the compiler. An 18 MB component needs below 2 GiB.
const MEMORY_LIMIT: u64 = 4 * 1024 * 1024 * 1024;

/// CPU time of the compiler, over all its threads, in seconds: twenty times
/// what an 18 MB component takes.
const CPU_LIMIT_S: u64 = 120;

/// Wall time of the compiler: the CPU limit on a machine that is busy with
/// something else.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Exit code: the input is no valid component; the reason is on stderr.
const INVALID: u8 = 2;

/// Compiled code is at most this many times the component, with slack for
/// small ones.
const EXPANSION: u64 = 64;

/// `hostler compile`: a component on stdin, compiled code on stdout.
#[must_use]
pub fn compile_main() -> ExitCode {
    // Not every system has both limits; the parent's deadline holds anyway.
    for (resource, limit) in [
        (Resource::As, MEMORY_LIMIT),
        (Resource::Cpu, CPU_LIMIT_S),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        let _ = setrlimit(resource, limit);
    }
    match compile_stdin() {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            eprintln!("{message}");
            ExitCode::from(code)
        }
    }
}

fn compile_stdin() -> Result<(), (u8, String)> {
    let mut component = Vec::new();
    std::io::stdin()
        .lock()
        .take(COMPONENT_LIMIT)
        .read_to_end(&mut component)
        .map_err(|error| (1, format!("the component could not be read: {error}")))?;
    let engine = engine::compiler().map_err(|error| (1, error.to_string()))?;
    let code = engine
        .precompile_component(&component)
        .map_err(|error| (INVALID, format!("{error:#}")))?;
    std::io::stdout()
        .lock()
        .write_all(&code)
        .map_err(|error| (1, format!("the code could not be written: {error}")))
}

/// Compiles with `helper compile`.
pub(crate) async fn compile(
    helper: &Path,
    id: &str,
    component: &[u8],
) -> Result<Vec<u8>, LoadError> {
    let compiler = |message: String| LoadError::Compiler {
        id: id.to_owned(),
        message,
    };
    let mut child = Command::new(helper)
        .arg("compile")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| compiler(format!("{}: {error}", helper.display())))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(compiler("it has no pipes".into()));
    };
    let (mut code, mut message) = (Vec::new(), Vec::new());
    let code_limit = (component.len() as u64 + 64 * 1024) * EXPANSION;
    let work = async {
        let feed = async move {
            // A compiler that gives up early closes its end; its exit says why.
            let _ = stdin.write_all(component).await;
        };
        let mut stdout = stdout.take(code_limit);
        let mut stderr = stderr.take(64 * 1024);
        let (_, read, _) = tokio::join!(
            feed,
            stdout.read_to_end(&mut code),
            stderr.read_to_end(&mut message)
        );
        read?;
        child.wait().await
    };
    let status = match tokio::time::timeout(TIME_LIMIT, work).await {
        Ok(status) => status.map_err(|error| compiler(error.to_string()))?,
        Err(_) => {
            return Err(LoadError::CompileLimit {
                id: id.to_owned(),
                message: format!("it took longer than {} s", TIME_LIMIT.as_secs()),
            });
        }
    };
    if status.success() {
        return Ok(code);
    }
    let message = String::from_utf8_lossy(&message).trim().to_owned();
    Err(match status.code() {
        Some(code) if code == i32::from(INVALID) => LoadError::Invalid {
            id: id.to_owned(),
            message,
        },
        // A signal: out of CPU time, or an allocation that failed.
        None => LoadError::CompileLimit {
            id: id.to_owned(),
            message: format!(
                "the compiler ended with {status} (limits: {} MiB, {CPU_LIMIT_S} s of CPU) {message}",
                MEMORY_LIMIT / 1024 / 1024
            ),
        },
        Some(_) => compiler(format!("{status}: {message}")),
    })
}

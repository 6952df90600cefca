//! The imports of a component: this crate's types to the contract's and back.

#[cfg(target_family = "wasm")]
mod device;
#[cfg(target_family = "wasm")]
pub(crate) use device::{Blob, fetch, progress, service_start, service_stop, sleep};

use std::time::Duration;

use crate::bindings::hostler::{
    harness::client,
    host::{
        clock, config as settings, exchange, folder, log as logging, process, random as entropy,
        timer,
    },
    types::types as wit,
};
use crate::exchange::{ExchangeId, Framing, Request};
use crate::folder::{File, Search};
use crate::process::{Child, Command, Exit, Output, Signal, millis};
use crate::{Error, Failure, RequestId, Result, log::Level};

pub(crate) fn update(update: &str) -> Result {
    Ok(client::update(update)?)
}

pub(crate) fn ask(id: u64, method: &str, params: &str) -> Result {
    Ok(client::ask(id, method, params)?)
}

pub(crate) fn notify(method: &str, params: &str) -> Result {
    Ok(client::notify(method, params)?)
}

pub(crate) fn withdraw(id: u64) -> Result {
    Ok(client::withdraw(id)?)
}

pub(crate) fn answer(request: RequestId, outcome: Result<String, Failure>) -> Result {
    let outcome = outcome.map_err(wit::Failure::from);
    Ok(client::answer(request.0, outcome.as_deref())?)
}

pub(crate) fn checkpoint(state: &[u8]) -> Result {
    Ok(client::checkpoint(state)?)
}

pub(crate) fn spawn(command: &Command) -> Result<Child> {
    Ok(Child(process::spawn(&command.into())?))
}

pub(crate) fn run(command: &Command, timeout_ms: u32) -> Result<Output> {
    Ok(process::run(&command.into(), timeout_ms)?.into())
}

pub(crate) fn talk(command: &Command, input: &str, lines: u32, timeout_ms: u32) -> Result<Output> {
    let input = input.as_bytes();
    Ok(process::talk(&command.into(), input, lines, timeout_ms)?.into())
}

impl From<process::Output> for Output {
    fn from(output: process::Output) -> Self {
        Self {
            exit: output.exit.into(),
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }
}

pub(crate) fn write(child: Child, data: &[u8]) -> Result {
    Ok(process::write(child.0, data)?)
}

pub(crate) fn close_stdin(child: Child) -> Result {
    Ok(process::close_stdin(child.0)?)
}

pub(crate) fn kill(child: Child, signal: Signal) -> Result {
    Ok(process::kill(
        child.0,
        match signal {
            Signal::Interrupt => process::Signal::Interrupt,
            Signal::Terminate => process::Signal::Terminate,
            Signal::Kill => process::Signal::Kill,
        },
    )?)
}

pub(crate) fn folder_search(search: Search<'_>) -> Result<Vec<File>> {
    let Search {
        folder,
        under,
        depth,
        suffix,
        limit,
    } = search;
    let files = folder::search(folder, under, depth, suffix, limit)?;
    let file = |file: folder::File| File {
        path: file.path,
        size: file.size,
        modified: Duration::from_millis(file.modified),
    };
    Ok(files.into_iter().map(file).collect())
}

pub(crate) fn folder_read(folder: &str, path: &str, offset: u64, len: u32) -> Result<Vec<u8>> {
    Ok(folder::read(folder, path, offset, len)?)
}

pub(crate) fn folder_runs(pid: u32) -> Result<bool> {
    Ok(folder::runs(pid)?)
}

pub(crate) fn timer_set(id: u64, after_ms: u64) -> Result {
    Ok(timer::set(id, after_ms)?)
}

pub(crate) fn timer_cancel(id: u64) -> Result {
    Ok(timer::cancel(id)?)
}

pub(crate) fn exchange_open(request: Request) -> Result<ExchangeId> {
    let ms = |time| millis(time).try_into().unwrap_or(u32::MAX);
    let id = exchange::open(&exchange::Request {
        framing: match request.framing {
            Framing::Whole => exchange::Framing::Whole,
            Framing::Lines => exchange::Framing::Lines,
            Framing::Events => exchange::Framing::Events,
        },
        head_ms: ms(request.head_timeout),
        idle_ms: ms(request.idle_timeout),
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.body,
        redirects: request.redirects,
    })?;
    Ok(ExchangeId(id))
}

pub(crate) fn exchange_cancel(exchange: ExchangeId) -> Result {
    Ok(exchange::cancel(exchange.0)?)
}

pub(crate) fn clock_monotonic() -> Result<u64> {
    Ok(clock::monotonic()?)
}

pub(crate) fn clock_wall() -> Result<u64> {
    Ok(clock::wall()?)
}

pub(crate) fn random(len: u32) -> Result<Vec<u8>> {
    Ok(entropy::bytes(len)?)
}

pub(crate) fn config() -> Result<String> {
    Ok(settings::get()?)
}

pub(crate) fn log(level: Level, message: &str) -> Result {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    };
    Ok(logging::write(level, message)?)
}

impl From<&Command> for process::Command {
    fn from(command: &Command) -> Self {
        Self {
            program: command.program.clone(),
            args: command.args.clone(),
            env: command.env.clone(),
        }
    }
}

impl From<process::Exit> for Exit {
    fn from(exit: process::Exit) -> Self {
        Self {
            code: exit.code,
            signal: exit.signal,
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Denied(text) => Self::Denied(text),
            wit::Error::Limit(text) => Self::Limit(text),
            wit::Error::Invalid(text) => Self::Invalid(text),
            wit::Error::NotFound(text) => Self::NotFound(text),
            wit::Error::WouldBlock => Self::WouldBlock,
            wit::Error::Other(text) => {
                Self::Other(text.unwrap_or_else(|| "failed without a reason".to_owned()))
            }
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(text) => Self::Denied(text),
            Error::Limit(text) => Self::Limit(text),
            Error::Invalid(text) => Self::Invalid(text),
            Error::NotFound(text) => Self::NotFound(text),
            Error::WouldBlock => Self::WouldBlock,
            Error::Other(text) => Self::Other(Some(text)),
        }
    }
}

impl From<Failure> for wit::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            data: failure.data,
        }
    }
}

impl From<wit::Failure> for Failure {
    fn from(failure: wit::Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            data: failure.data,
        }
    }
}

//! The native stand-in for the host. It keeps the contract's rules, so that a
//! test of an adapter fails where the host would refuse.

pub(crate) mod device;
pub(crate) mod exchange;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use serde_json::value::RawValue;

use crate::exchange::ExchangeId;
use crate::process::{Child, Command, Output};
use crate::testing::{Effect, Effects, Outside};
use crate::{Error, RequestId, Result};

/// The contract's bounds.
const MAX_CHECKPOINT: usize = 64 << 10;
const MAX_TIMERS: usize = 64;
const MAX_ASKS: usize = 256;
const MAX_RANDOM: u32 = 4096;
/// Of an extension: its params and its name.
const MAX_EXTENSION: usize = 1 << 20;
const MAX_METHOD: usize = 256;
/// A timer that is farther away fires then.
const MAX_TIMER: Duration = Duration::from_secs(24 * 60 * 60);

/// 2023-11-14 22:13:20 UTC: wall time of a recorder whose clock was not moved.
const WALL_START: Duration = Duration::from_secs(1_700_000_000);

thread_local! {
    static CURRENT: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

/// What a host knows of one instance.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) effects: Vec<Effect>,
    pub(crate) config: Option<String>,
    pub(crate) elapsed: Duration,
    /// What `run` finds on this machine, by command line.
    pub(crate) programs: BTreeMap<Vec<String>, Result<Output>>,
    pub(crate) role: Role,
    pub(crate) writes_blocked: bool,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) children: BTreeMap<Child, Stdin>,
    /// Open asks and their methods.
    pub(crate) asks: BTreeMap<u64, String>,
    /// Open asks that the operator has not granted.
    pub(crate) ungranted: VecDeque<u64>,
    last_ask: Option<u64>,
    pub(crate) requests: BTreeSet<RequestId>,
    pub(crate) timers: BTreeSet<u64>,
    pub(crate) checkpoint: Option<Vec<u8>>,
    /// The folders that are granted, and the files in them by their paths.
    pub(crate) folders: BTreeMap<String, BTreeMap<String, StoredFile>>,
    /// Processes of this machine.
    pub(crate) running: BTreeSet<u32>,
    /// Where a device provider's waiting calls go, and a probe's requests.
    pub(crate) outside: Option<Box<dyn Outside>>,
    /// Those that are on their way.
    pub(crate) exchanges: BTreeSet<ExchangeId>,
    pub(crate) last_exchange: u32,
    last_child: u32,
    last_random: u8,
}

/// A file in a folder.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) content: Vec<u8>,
    pub(crate) modified: Duration,
}

/// What the code that runs is part of: programs and requests depend on it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Describe,
    Probe,
    Provider,
    #[default]
    Session,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    Open,
    Closed,
}

impl Recorder {
    /// Runs `code` with this recorder as the host.
    pub(crate) fn host<T>(&mut self, code: impl FnOnce() -> T) -> T {
        /// Gives the recorder back also when `code` panics.
        struct Guard<'a>(&'a mut Recorder, Option<Recorder>);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                let used = CURRENT.replace(self.1.take());
                *self.0 = used.unwrap_or_default();
            }
        }
        let own = std::mem::take(self);
        let outer = CURRENT.replace(Some(own));
        let _guard = Guard(self, outer);
        code()
    }

    pub(crate) fn take_effects(&mut self) -> Effects {
        Effects::from(std::mem::take(&mut self.effects))
    }

    /// Since this instance began.
    fn now(&self) -> Duration {
        let outside = self.outside.as_ref().map(|outside| outside.elapsed());
        outside.unwrap_or_default() + self.elapsed
    }

    fn note(&mut self, effect: Effect) -> Result {
        self.effects.push(effect);
        Ok(())
    }

    fn child(&mut self, child: Child) -> Result<&mut Stdin> {
        self.children
            .get_mut(&child)
            .ok_or_else(|| Error::NotFound(format!("{child} does not run")))
    }

    /// The input of a child that can still be written to.
    fn stdin(&mut self, child: Child) -> Result<&mut Stdin> {
        match self.child(child)? {
            Stdin::Closed => Err(Error::NotFound(format!("the input of {child} is closed"))),
            open @ Stdin::Open => Ok(open),
        }
    }
}

fn json<'a>(what: &str, text: &'a str) -> Result<&'a RawValue> {
    serde_json::from_str(text)
        .map_err(|error| Error::Invalid(format!("{what} is not JSON: {error}")))
}

fn object(what: &str, text: &str) -> Result {
    if json(what, text)?.get().starts_with('{') {
        Ok(())
    } else {
        Err(Error::Invalid(format!("{what} is not a JSON object")))
    }
}

/// What the host checks of an extension's message.
fn extension(method: &str, params: &str) -> Result {
    if !method.starts_with('_') || method.starts_with("_hostler") {
        return Err(Error::Invalid(format!("{method} is not of an extension")));
    }
    if method.len() > MAX_METHOD || params.len() > MAX_EXTENSION {
        return Err(Error::Limit(format!(
            "{} bytes of an extension; at most {MAX_EXTENSION}",
            params.len()
        )));
    }
    Ok(())
}

fn with<T>(call: impl FnOnce(&mut Recorder) -> T) -> T {
    CURRENT.with_borrow_mut(|current| {
        let recorder = current.as_mut().expect(
            "the host's functions work inside a component, or inside a hostler_sdk::testing::Bench",
        );
        call(recorder)
    })
}

/// The imports.
pub(crate) mod calls {
    pub(crate) use super::device::{Blob, fetch, progress, service_start, service_stop, sleep};
    pub(crate) use super::exchange::{exchange_cancel, exchange_open};

    use super::Recorder;
    use super::{
        Child, Command, Duration, Effect, Error, MAX_ASKS, MAX_CHECKPOINT, MAX_RANDOM, MAX_TIMER,
        MAX_TIMERS, Output, RequestId, Result, Role, Stdin, WALL_START, extension, json, object,
        with,
    };
    use crate::folder::{File, MAX_READ, Search};
    use crate::{Failure, log::Level, process::Signal};

    pub(crate) fn update(update: &str) -> Result {
        object("the update", update)?;
        with(|host| host.note(Effect::Update(update.to_owned())))
    }

    pub(crate) fn ask(id: u64, method: &str, params: &str) -> Result {
        object("the ask's params", params)?;
        if method.starts_with('_') {
            extension(method, params)?;
        }
        with(|host| {
            if host.asks.len() >= MAX_ASKS {
                return Err(Error::Limit(format!("{MAX_ASKS} asks are open already")));
            }
            if host.last_ask.is_some_and(|last| id <= last) {
                return Err(Error::Invalid(format!(
                    "the id {id} of an ask is not greater than those before"
                )));
            }
            host.last_ask = Some(id);
            host.asks.insert(id, method.to_owned());
            if host.denied.contains(method) {
                host.ungranted.push_back(id);
            }
            host.note(Effect::Ask {
                id,
                method: method.to_owned(),
                params: params.to_owned(),
            })
        })
    }

    pub(crate) fn notify(method: &str, params: &str) -> Result {
        object("the notification's params", params)?;
        extension(method, params)?;
        with(|host| {
            host.note(Effect::Notify {
                method: method.to_owned(),
                params: params.to_owned(),
            })
        })
    }

    pub(crate) fn withdraw(id: u64) -> Result {
        with(|host| {
            host.asks.remove(&id);
            host.note(Effect::Withdraw(id))
        })
    }

    pub(crate) fn answer(request: RequestId, outcome: Result<String, Failure>) -> Result {
        match &outcome {
            Ok(result) => object("the result", result)?,
            Err(Failure {
                data: Some(data), ..
            }) => json("the failure's data", data).map(drop)?,
            Err(_) => {}
        }
        with(|host| {
            if !host.requests.remove(&request) {
                return Err(Error::NotFound(format!(
                    "request {} has been answered already",
                    request.0
                )));
            }
            host.note(Effect::Answer { request, outcome })
        })
    }

    pub(crate) fn checkpoint(state: &[u8]) -> Result {
        if state.len() > MAX_CHECKPOINT {
            return Err(Error::Limit(format!(
                "a checkpoint of {} bytes; at most {MAX_CHECKPOINT}",
                state.len()
            )));
        }
        with(|host| {
            host.checkpoint = Some(state.to_vec());
            host.note(Effect::Checkpoint(state.to_vec()))
        })
    }

    pub(crate) fn spawn(command: &Command) -> Result<Child> {
        with(|host| {
            if host.role != Role::Session {
                return Err(Error::Denied(
                    "process.spawn is for sessions; probe uses process.run".to_owned(),
                ));
            }
            if host.denied.contains(&command.program) {
                return Err(Error::Denied(format!(
                    "{} is denied by the test",
                    command.program
                )));
            }
            host.last_child += 1;
            let child = Child(host.last_child);
            host.children.insert(child, Stdin::Open);
            host.note(Effect::Spawn {
                child,
                command: command.clone(),
            })?;
            Ok(child)
        })
    }

    pub(crate) fn run(command: &Command, timeout_ms: u32) -> Result<Output> {
        with(|host| {
            if let (Role::Provider, Some(outside)) = (host.role, &mut host.outside) {
                return outside.run(command, timeout_ms);
            }
            if host.role != Role::Probe {
                return Err(Error::Denied(
                    "process.run is for probe, offer, conversations and history alone; a session \
                     uses process.spawn"
                        .to_owned(),
                ));
            }
            host.note(Effect::Run(command.clone()))?;
            let mut line = vec![command.program.clone()];
            line.extend(command.args.iter().cloned());
            host.programs.get(&line).cloned().unwrap_or_else(|| {
                Err(Error::NotFound(format!(
                    "{} is not on the PATH",
                    command.program
                )))
            })
        })
    }

    /// What a program answers stands where what it prints does.
    pub(crate) fn talk(command: &Command, _: &str, _: u32, timeout_ms: u32) -> Result<Output> {
        run(command, timeout_ms)
    }

    pub(crate) fn write(child: Child, data: &[u8]) -> Result {
        with(|host| {
            host.stdin(child)?;
            if host.writes_blocked {
                return Err(Error::WouldBlock);
            }
            host.note(Effect::Write {
                child,
                data: data.to_vec(),
            })
        })
    }

    pub(crate) fn close_stdin(child: Child) -> Result {
        with(|host| {
            *host.stdin(child)? = Stdin::Closed;
            host.note(Effect::CloseStdin(child))
        })
    }

    pub(crate) fn kill(child: Child, signal: Signal) -> Result {
        with(|host| {
            host.child(child)?;
            host.note(Effect::Kill { child, signal })
        })
    }

    /// The files of a folder that may be read now.
    fn folder<'a>(
        host: &'a Recorder,
        name: &str,
    ) -> Result<&'a std::collections::BTreeMap<String, super::StoredFile>> {
        if host.role != Role::Probe {
            let text = "folder is for what a harness does outside of a session";
            return Err(Error::Denied(text.to_owned()));
        }
        let denied = || Error::Denied(format!("the folder {name} is not granted by the test"));
        host.folders.get(name).ok_or_else(denied)
    }

    pub(crate) fn folder_search(search: Search<'_>) -> Result<Vec<File>> {
        with(|host| {
            let files = folder(host, search.folder)?;
            let under = match search.under {
                "" => String::new(),
                under => format!("{under}/"),
            };
            if !under.is_empty() && !files.keys().any(|path| path.starts_with(&under)) {
                return Err(Error::NotFound(format!("there is no {under}")));
            }
            let depth = usize::try_from(search.depth).unwrap_or(usize::MAX);
            let wanted = |path: &str| {
                let below = path.strip_prefix(&under);
                below.is_some_and(|below| below.split('/').count() <= depth)
                    && path.ends_with(search.suffix)
            };
            let found = files.iter().filter(|(path, _)| wanted(path));
            let mut found: Vec<_> = found
                .map(|(path, file)| File {
                    path: path.clone(),
                    size: u64::try_from(file.content.len()).unwrap_or(u64::MAX),
                    modified: file.modified,
                })
                .collect();
            found.sort_by(|a, b| b.modified.cmp(&a.modified).then(b.path.cmp(&a.path)));
            found.truncate(usize::try_from(search.limit.min(1000)).unwrap_or(usize::MAX));
            Ok(found)
        })
    }

    pub(crate) fn folder_read(name: &str, path: &str, offset: u64, len: u32) -> Result<Vec<u8>> {
        if len > MAX_READ {
            return Err(Error::Invalid(format!("{len} bytes; at most {MAX_READ}")));
        }
        with(|host| {
            let file = folder(host, name)?.get(path);
            let file = file.ok_or_else(|| Error::NotFound(format!("there is no {path}")))?;
            let content = file.content.as_slice();
            let from = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(content.len());
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            Ok(content[from..].iter().copied().take(len).collect())
        })
    }

    pub(crate) fn folder_runs(pid: u32) -> Result<bool> {
        with(|host| Ok(host.running.contains(&pid)))
    }

    pub(crate) fn timer_set(id: u64, after_ms: u64) -> Result {
        with(|host| {
            if !host.timers.contains(&id) && host.timers.len() >= MAX_TIMERS {
                return Err(Error::Limit(format!("{MAX_TIMERS} timers are pending")));
            }
            host.timers.insert(id);
            let after = Duration::from_millis(after_ms).min(MAX_TIMER);
            host.note(Effect::TimerSet { id, after })
        })
    }

    pub(crate) fn timer_cancel(id: u64) -> Result {
        with(|host| {
            host.timers.remove(&id);
            host.note(Effect::TimerCancel(id))
        })
    }

    pub(crate) fn clock_monotonic() -> Result<u64> {
        with(|host| Ok(host.now().as_nanos().try_into().unwrap_or(u64::MAX)))
    }

    pub(crate) fn clock_wall() -> Result<u64> {
        with(|host| Ok(crate::process::millis(WALL_START + host.now())))
    }

    pub(crate) fn random(len: u32) -> Result<Vec<u8>> {
        if len > MAX_RANDOM {
            return Err(Error::Invalid(format!("{len} bytes; at most {MAX_RANDOM}")));
        }
        with(|host| {
            let mut next = || {
                host.last_random = host.last_random.wrapping_add(1);
                host.last_random
            };
            Ok((0..len).map(|_| next()).collect())
        })
    }

    pub(crate) fn config() -> Result<String> {
        with(|host| Ok(host.config.clone().unwrap_or_else(|| "{}".to_owned())))
    }

    pub(crate) fn log(level: Level, message: &str) -> Result {
        let message = message.to_owned();
        with(|host| host.note(Effect::Log { level, message }))
    }
}

//! `hostler:host/process`: only what a grant names, with only the variables that
//! it passes.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    bindings::hostler::{
        host::process::{self, Command, Host, Output},
        types::types::Error,
    },
    children::{ChildSpec, Signal, pump::Credit, secrets::SecretEnv},
    state::{Effect, Role, State, Stdin},
    waits::Spoken,
};

/// Longest `process.run` outside of a session: somebody waits for all of them.
const PROBE_LIMIT: Duration = Duration::from_secs(30);

/// Longest `process.run` of a device provider: to install a large app. The call
/// has a limit of its own.
const PROVIDER_LIMIT: Duration = Duration::from_secs(600);

/// Bytes that a program is told in `process.talk`: a handshake, no files.
const TALK: usize = 1024 * 1024;

impl Host for State {
    async fn run(
        &mut self,
        command: Command,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Output, Error>> {
        self.run_spoken("process.run", command, None, timeout_ms)
            .await
    }

    async fn talk(
        &mut self,
        command: Command,
        input: Vec<u8>,
        lines: u32,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Output, Error>> {
        if input.len() > TALK {
            let text = format!("process.talk: the input is larger than {TALK} bytes");
            return Ok(Err(Error::Limit(text)));
        }
        let spoken = Spoken { input, lines };
        self.run_spoken("process.talk", command, Some(spoken), timeout_ms)
            .await
    }

    fn spawn(&mut self, command: Command) -> wasmtime::Result<Result<u32, Error>> {
        let Role::Session { cwd } = self.role.clone() else {
            let text = "process.spawn is for a harness' sessions; use process.run".into();
            return Ok(Err(Error::Denied(text)));
        };
        let limit = self.limits().children;
        if self.children.len() >= limit as usize {
            return Ok(Err(Error::Limit(format!(
                "{limit} children live already (raise it in hostler.toml: \
                 [plugins.{}.limits] children = …)",
                self.plugin.id
            ))));
        }
        let (spec, secrets) = match self.resolve(command, &cwd) {
            Ok(resolved) => resolved,
            Err(error) => return Ok(Err(error)),
        };
        let child = self.next_child;
        self.next_child = child.wrapping_add(1);
        let credit = Arc::new(Credit::default());
        let stdin = Stdin {
            credit: Arc::clone(&credit),
            closed: false,
        };
        self.children.insert(child, stdin);
        self.push(
            Effect::Spawn {
                child,
                spec,
                secrets,
                credit,
            },
            0,
        )?;
        Ok(Ok(child))
    }

    fn write(&mut self, child: u32, data: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        let credit = match self.children.get(&child) {
            Some(Stdin { closed: true, .. }) => return Ok(Err(closed(child))),
            Some(stdin) => &stdin.credit,
            None => return Ok(Err(no_child(child))),
        };
        if data.is_empty() {
            return Ok(Ok(()));
        }
        let limit = self.limits().output_mib;
        let Some(data) = self.handles.fill(data, limit as usize * 1024 * 1024) else {
            return Ok(Err(Error::Limit(format!(
                "process.write: with its secrets filled in it is larger than {limit} MiB (raise \
                 it in hostler.toml: [plugins.{}.limits] output_mib = …)",
                self.plugin.id
            ))));
        };
        if !credit.take(data.len()) {
            return Ok(Err(Error::WouldBlock));
        }
        self.push_for(child, data.len(), Effect::Write { child, data })
    }

    fn close_stdin(&mut self, child: u32) -> wasmtime::Result<Result<(), Error>> {
        match self.children.get_mut(&child) {
            Some(Stdin { closed: true, .. }) => return Ok(Err(closed(child))),
            Some(stdin) => stdin.closed = true,
            None => return Ok(Err(no_child(child))),
        }
        self.push_for(child, 0, Effect::CloseStdin { child })
    }

    fn kill(&mut self, child: u32, signal: process::Signal) -> wasmtime::Result<Result<(), Error>> {
        let signal = match signal {
            process::Signal::Interrupt => Signal::Interrupt,
            process::Signal::Terminate => Signal::Terminate,
            process::Signal::Kill => Signal::Kill,
        };
        self.push_for(child, 0, Effect::Signal { child, signal })
    }
}

impl State {
    /// Runs a program to its end, and talks to it before. `name` is what the
    /// plugin called.
    async fn run_spoken(
        &mut self,
        name: &str,
        command: Command,
        spoken: Option<Spoken>,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<Output, Error>> {
        let limit = match self.role {
            Role::Probe => PROBE_LIMIT,
            Role::Provider { .. } => PROVIDER_LIMIT,
            Role::Session { .. } => {
                let text = format!(
                    "{name} is for probe, offer, conversations and history alone; a session \
                     uses process.spawn"
                );
                return Ok(Err(Error::Denied(text)));
            }
            Role::Describe | Role::Policy => {
                let text = format!("{name} is not for what must not reach outside");
                return Ok(Err(Error::Denied(text)));
            }
        };
        let (mut spec, secrets) = match self.resolve(command, Path::new("/")) {
            Ok(resolved) => resolved,
            Err(error) => return Ok(Err(error)),
        };
        match self.waits.wait(secrets.fill(&mut spec)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ok(Err(Error::Other(Some(error.to_string())))),
            Err(cancelled) => return Ok(Err(cancelled.into())),
        }
        let limit = Duration::from_millis(timeout_ms.into()).min(limit);
        let program = spec.program.clone();
        let running = self
            .waits
            .run(self.plugin.outside.helper.clone(), spec, spoken, limit);
        let ran = match self.waits.wait(running).await {
            Ok(ran) => ran,
            Err(cancelled) => return Ok(Err(cancelled.into())),
        };
        Ok(match ran {
            Ok(Some(ran)) => {
                let (code, signal) = ran
                    .exit
                    .map_or((None, None), |exit| (exit.code, exit.signal));
                Ok(Output {
                    exit: process::Exit { code, signal },
                    stdout: ran.stdout,
                    stderr: ran.stderr,
                })
            }
            Ok(None) => Err(Error::Limit(format!(
                "{} did not end within {} ms",
                program.display(),
                limit.as_millis()
            ))),
            Err(error) => Err(Error::Other(Some(error.to_string()))),
        })
    }

    fn push_for(
        &mut self,
        child: u32,
        bytes: usize,
        effect: Effect,
    ) -> wasmtime::Result<Result<(), Error>> {
        if !self.children.contains_key(&child) {
            return Ok(Err(no_child(child)));
        }
        self.push(effect, bytes)?;
        Ok(Ok(()))
    }

    /// From what the plugin wrote to what will run, if it is granted, and the
    /// secrets that it will have.
    pub(super) fn resolve(
        &self,
        command: Command,
        cwd: &Path,
    ) -> Result<(ChildSpec, SecretEnv), Error> {
        let id = &self.plugin.id;
        let nul = |text: &String| text.contains('\0');
        if nul(&command.program)
            || command.args.iter().any(nul)
            || command
                .env
                .iter()
                .any(|(name, value)| nul(name) || nul(value))
        {
            return Err(Error::Invalid(
                "a command must not contain NUL bytes".into(),
            ));
        }
        let grant = self
            .plugin
            .grants
            .process(id, &command.program, &command.args, &command.env)
            .map_err(|denial| {
                tracing::warn!(target: "plugin", plugin = %id, "denied: {denial}");
                Error::Denied(denial)
            })?;
        let mut env = Self::host_environment(|name| grant.passes(name));
        env.extend(
            command
                .env
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        let secrets = SecretEnv {
            vault: self.plugin.outside.vault.clone(),
            variables: grant.secrets.clone().into_iter().collect(),
        };
        let spec = ChildSpec {
            program: find(&command.program)?,
            args: command.args.into_iter().map(OsString::from).collect(),
            env,
            cwd: cwd.to_owned(),
        };
        Ok((spec, secrets))
    }
}

fn closed(child: u32) -> Error {
    Error::NotFound(format!("the standard input of child {child} is closed"))
}

fn no_child(child: u32) -> Error {
    Error::NotFound(format!("child {child} does not exist, or has ended"))
}

/// A name is looked up on the host's own PATH, never in a session's directory.
fn find(program: &str) -> Result<PathBuf, Error> {
    let path = Path::new(program);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    if program.contains('/') {
        return Err(Error::Invalid(format!(
            "{program:?}: a program is a plain name or an absolute path"
        )));
    }
    let absolute = std::env::var_os("PATH").unwrap_or_default();
    which::which_in_global(program, Some(&absolute))
        .ok()
        .and_then(|mut found| found.find(|path| path.is_absolute()))
        .ok_or_else(|| {
            Error::NotFound(format!(
                "{program} is not on the host's PATH ({})",
                absolute.display()
            ))
        })
}

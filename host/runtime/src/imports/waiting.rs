//! `hostler:host/sleep`, `hostler:host/service` and `hostler:device/progress`:
//! what a device provider has beside programs, blobs and HTTP.

use std::{path::Path, sync::Arc, time::Duration};

use crate::{
    bindings::{
        device::hostler::{device::progress, device::types, host::service, host::sleep},
        hostler::{host::process::Command, types::types::Error},
    },
    provider::{NotReady, Owner, Wanted},
    state::{Role, State},
    waits::Cancelled,
};

/// Longest `sleep`.
const SLEEP_MS: u32 = 60_000;

/// Longest wait for a service: an emulator without a snapshot boots in minutes.
const READY_MS: u32 = 300_000;

/// Longest name of a service.
const NAME: usize = 64;

/// Longest text of `progress`; the rest is cut.
const PROGRESS: usize = 200;

impl types::Host for State {}

impl From<Cancelled> for Error {
    fn from(_: Cancelled) -> Self {
        Self::Other(Some("the host has cancelled this call".into()))
    }
}

impl sleep::Host for State {
    async fn sleep(&mut self, ms: u32) -> wasmtime::Result<Result<(), Error>> {
        if !matches!(self.role, Role::Provider { .. }) {
            return Ok(Err(providers_only("sleep")));
        }
        let time = Duration::from_millis(ms.min(SLEEP_MS).into());
        let slept = self.waits.wait(tokio::time::sleep(time)).await;
        Ok(slept.map_err(Error::from))
    }
}

impl progress::Host for State {
    fn report(&mut self, mut text: String) -> wasmtime::Result<Result<(), Error>> {
        text.truncate(text.floor_char_boundary(PROGRESS));
        self.count(text.len())?;
        if let Role::Provider {
            progress: Some(progress),
            ..
        } = &self.role
        {
            progress.report(&text);
        }
        Ok(Ok(()))
    }
}

impl service::Host for State {
    async fn start(
        &mut self,
        name: String,
        command: Command,
        ready: String,
        timeout_ms: u32,
    ) -> wasmtime::Result<Result<String, Error>> {
        let owner = match self.owner("service.start", &name) {
            Ok(owner) => owner,
            Err(error) => return Ok(Err(error)),
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
        let limit = self.limits().children;
        let Some(slot) = owner.slot(&name, limit) else {
            return Ok(Err(Error::Limit(format!(
                "service.start: {limit} services run already (raise it in hostler.toml: \
                 [plugins.{}.limits] children = …)",
                self.plugin.id
            ))));
        };
        let ms = timeout_ms.min(READY_MS);
        let helper = self.plugin.outside.helper.clone();
        let time = Duration::from_millis(ms.into());
        let program = spec.program.clone();
        let started = slot.start(&helper, Wanted { spec, ready }, time);
        let started = self.waits.wait(started).await;
        Ok(match started {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(why)) => {
                let program = program.display();
                let message = match why {
                    NotReady::Failed(error) => format!("service {name}: {error}"),
                    NotReady::Ended(how) => {
                        format!("service {name}: {program} ended before it was ready: {how}")
                    }
                    NotReady::Late(told) => {
                        let message =
                            format!("service {name}: {program} was not ready within {ms} ms{told}");
                        return Ok(Err(Error::Limit(message)));
                    }
                };
                Err(Error::Other(Some(message)))
            }
            Err(cancelled) => Err(cancelled.into()),
        })
    }

    async fn stop(&mut self, name: String) -> wasmtime::Result<Result<(), Error>> {
        let owner = match self.owner("service.stop", &name) {
            Ok(owner) => owner,
            Err(error) => return Ok(Err(error)),
        };
        let Some(slot) = owner.existing_slot(&name) else {
            return Ok(Ok(()));
        };
        Ok(self.waits.wait(slot.stop()).await.map_err(Error::from))
    }
}

impl State {
    fn owner(&self, function: &str, name: &str) -> Result<Arc<Owner>, Error> {
        let Role::Provider { owner, .. } = &self.role else {
            return Err(providers_only(function));
        };
        if name.is_empty() || name.len() > NAME {
            return Err(Error::Invalid(format!(
                "{function}: a name has 1 to {NAME} bytes"
            )));
        }
        Ok(Arc::clone(owner))
    }
}

fn providers_only(function: &str) -> Error {
    Error::Denied(format!(
        "{function} is for device providers, and not in `describe`"
    ))
}

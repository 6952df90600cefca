use std::{marker::PhantomData, time::Duration};

use serde_json::Value;

use crate::backend::recorder::{Recorder, Role};
use crate::device::{Device, DeviceProvider, OpenParams, Result, fence::Fence};
use crate::http::{Request, Response};
use crate::process::{Command, Output};
use crate::testing::Effect;
use crate::{About, log::Level};

/// What stands outside a device provider: [`Script`](super::Script), or with the
/// feature `live` this machine. A harness has [`fetch`](Self::fetch) of it in a
/// probe.
pub trait Outside: std::fmt::Debug {
    /// [`Request::send`].
    ///
    /// # Errors
    /// As the host would answer.
    fn fetch(&mut self, request: &Request<'_>) -> crate::Result<Response>;

    /// [`Command::run`].
    ///
    /// # Errors
    /// As the host would answer.
    fn run(&mut self, command: &Command, timeout_ms: u32) -> crate::Result<Output>;

    /// [`service::start`](crate::service::start).
    ///
    /// # Errors
    /// As the host would answer.
    fn service_start(
        &mut self,
        name: &str,
        command: &Command,
        ready: &str,
        timeout_ms: u32,
    ) -> crate::Result<String>;

    /// [`service::stop`](crate::service::stop).
    ///
    /// # Errors
    /// As the host would answer.
    fn service_stop(&mut self, name: &str) -> crate::Result;

    /// [`clock::sleep`](crate::clock::sleep).
    ///
    /// # Errors
    /// As the host would answer.
    fn sleep(&mut self, ms: u32) -> crate::Result;

    /// What the clocks say: since this began.
    fn elapsed(&self) -> Duration;
}

/// A workbench with one instance of the provider `P` on it.
///
/// ```no_run
/// # use hostler_sdk::{device::*, testing::*};
/// # fn test<P: DeviceProvider>() {
/// let mut bench = ProviderBench::<P>::new(Script::new());
/// let device = bench.devices().unwrap().remove(0);
/// bench.open(&device.hardware_id).unwrap();
/// let tree = bench.call(|device| device.snapshot()).unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct ProviderBench<P: DeviceProvider> {
    host: Recorder,
    session: Option<Fence<P::Session>>,
    token: u64,
    provider: PhantomData<P>,
}

impl<P: DeviceProvider> ProviderBench<P> {
    /// An instance with this outside, with the config `{}`.
    pub fn new(outside: impl Outside + 'static) -> Self {
        let mut host = Recorder::default();
        host.role = Role::Provider;
        host.outside = Some(Box::new(outside));
        Self {
            host,
            session: None,
            token: 1,
            provider: PhantomData,
        }
    }

    /// Sets `[plugins.ID.config]`.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.host.config = Some(config.to_string());
        self
    }

    /// [`DeviceProvider::describe`].
    pub fn describe(&mut self) -> About {
        self.host.host(P::describe)
    }

    /// [`DeviceProvider::devices`].
    ///
    /// # Errors
    /// Whatever the provider returned.
    pub fn devices(&mut self) -> Result<Vec<Device>> {
        self.host.host(P::devices)
    }

    /// [`DeviceProvider::open`] as the device was left, refs from 1 on.
    ///
    /// # Errors
    /// Whatever the provider returned.
    pub fn open(&mut self, hardware_id: &str) -> Result {
        self.open_with(OpenParams {
            hardware_id: hardware_id.to_owned(),
            first_ref: 1,
            ..OpenParams::default()
        })
    }

    /// [`DeviceProvider::open`]; a session before is forgotten without a word, as
    /// the host drops an instance.
    ///
    /// # Errors
    /// Whatever the provider returned.
    pub fn open_with(&mut self, params: OpenParams) -> Result {
        self.session = None;
        let session = self.host.host(|| P::open(params))?;
        self.session = Some(Fence::new(session, self.token));
        Ok(())
    }

    /// A call of the session with the token of its lease.
    ///
    /// # Errors
    /// Whatever the session returned.
    ///
    /// # Panics
    /// Without an open session.
    #[track_caller]
    pub fn call<T>(&mut self, call: impl FnOnce(&mut P::Session) -> Result<T>) -> Result<T> {
        self.call_as(self.token, call)
    }

    /// A call of the session with another token.
    ///
    /// # Errors
    /// [`Error::Fenced`](crate::device::Error::Fenced) for one that is smaller than
    /// one before; whatever the session returned.
    ///
    /// # Panics
    /// Without an open session.
    #[track_caller]
    pub fn call_as<T>(
        &mut self,
        token: u64,
        call: impl FnOnce(&mut P::Session) -> Result<T>,
    ) -> Result<T> {
        let session = self.session.as_mut().expect("no session is open");
        self.host.host(|| call(session.pass(token)?))
    }

    /// The session itself, to look inside.
    ///
    /// # Panics
    /// Without an open session.
    #[track_caller]
    pub fn session(&self) -> &P::Session {
        let session = self.session.as_ref().expect("no session is open");
        session.session()
    }

    /// What was reported with [`progress`](crate::device::progress) so far.
    pub fn progress(&self) -> Vec<&str> {
        let reported = self.host.effects.iter().filter_map(|effect| match effect {
            Effect::Progress(text) => Some(text.as_str()),
            _ => None,
        });
        reported.collect()
    }

    /// The log so far.
    pub fn log(&self) -> Vec<(Level, &str)> {
        let lines = self.host.effects.iter().filter_map(|effect| match effect {
            Effect::Log { level, message } => Some((*level, message.as_str())),
            _ => None,
        });
        lines.collect()
    }
}

//! One command on one device.

use std::{future::Future, sync::Arc, time::Duration};

use hostler_device::{DeviceView, Lease, query::Snapshot};
use hostler_provider::{Answer, Call, Target};
use serde_json::{Map, Value};

use crate::{
    caller::Caller,
    fault::Fault,
    hold,
    platform::of_session,
    progress::Progress,
    request::Command,
    state::{Note, Shared},
};

/// How long one call of a device may take: the client gives up after 90 s.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// One command on one device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) caller: &'a Caller,
    pub(crate) command: &'a Command,
    pub(crate) lease: &'a Lease,
    pub(crate) progress: &'a Progress,
}

impl Run<'_> {
    /// Reads or changes what is noted of the lease.
    pub(crate) fn note<T>(&self, act: impl FnOnce(&mut Note) -> T) -> T {
        self.shared.notes.with(&self.caller.who, self.lease, act)
    }

    /// Has the device do something.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, Fault> {
        self.call_within(call, CALL_LIMIT).await
    }

    /// The same, in that time.
    pub(crate) async fn call_within(&self, call: Call, limit: Duration) -> Result<Answer, Fault> {
        let devices = &self.shared.devices;
        Ok(devices
            .run(&self.caller.who, self.lease.id, call, limit)
            .await?)
    }

    /// The same, for what has no answer.
    pub(crate) async fn act(&self, call: Call) -> Result<(), Fault> {
        self.call(call).await.map(|_| ())
    }

    /// What is on the screen now.
    pub(crate) async fn look(&self) -> Result<Arc<Snapshot>, Fault> {
        let answer = self.call(Call::Snapshot).await?;
        match (self.latest()?, answer) {
            (Some(snapshot), _) => Ok(snapshot),
            (None, Answer::Tree(tree)) => Ok(Arc::new(Snapshot::new(tree))),
            (None, _) => Err(odd_answer()),
        }
    }

    /// The latest snapshot, if one was taken.
    pub(crate) fn latest(&self) -> Result<Option<Arc<Snapshot>>, Fault> {
        Ok(self
            .shared
            .devices
            .snapshot(&self.caller.who, self.lease.id)?)
    }

    /// The element that a ref or a selector means.
    pub(crate) async fn aim(&self, element: &str) -> Result<Target, Fault> {
        let devices = &self.shared.devices;
        let aimed = devices.aim(&self.caller.who, self.lease.id, element, CALL_LIMIT);
        Ok(aimed.await?)
    }

    /// The device, as discovery sees it.
    pub(crate) async fn view(&self) -> Result<DeviceView, Fault> {
        let view = hold::view(self.shared, self.caller, self.lease).await;
        view.ok_or_else(|| {
            let message = format!("{} is not connected now", self.lease.key);
            Fault::new("DEVICE_NOT_FOUND", "DEVICE_LOST", message)
        })
    }

    /// The members that name the device of the session.
    pub(crate) async fn device_members(&self) -> Result<Map<String, Value>, Fault> {
        match of_session(&self.view().await?.info) {
            Value::Object(map) => Ok(map),
            _ => Ok(Map::new()),
        }
    }
}

/// Does it in that time, or says what took too long.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    act: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(limit, act).await {
        Ok(answer) => answer,
        Err(_) => {
            let message = format!("{what} was not done within {} ms", limit.as_millis());
            Err(Fault::new("COMMAND_FAILED", "TIMED_OUT", message))
        }
    }
}

/// A provider answered another question than it was asked.
pub(crate) fn odd_answer() -> Fault {
    let message = "the device's provider gave an answer to another question";
    Fault::new("COMMAND_FAILED", "PROVIDER_FAILED", message)
}

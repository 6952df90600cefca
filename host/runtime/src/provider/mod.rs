//! A device provider: the plugin behind `hostler_provider::Provider`.
//!
//! - here: listing, on one instance that is kept, and opening;
//! - [`session`]: a device that is open, one instance each;
//! - [`calls`], [`questions`], [`answers`], [`devices`]: from the host's values to
//!   the guest's and back; what comes back is checked;
//! - [`belongings`], [`service`]: what outlives instances.

mod answers;
mod belongings;
mod calls;
mod devices;
mod hide;
mod questions;
mod service;
mod session;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hostler_provider::{
    BoxFuture, DeviceError, DeviceInfo, OpenDevice, Opened, Progress, Provider, ProviderError,
};
use tokio::sync::Semaphore;

pub(crate) use belongings::{Belongings, Owner};
pub(crate) use service::{NotReady, Wanted};

use crate::{
    about::Description,
    bindings::device::{DeviceProviderPre, exports::hostler::device::provider::OpenParams},
    harness::Ended,
    instance::{GRACE, Instance, Stopped, Timely},
    loaded::{Loaded, Shared},
    state::{Role, State},
    world::device_sentence,
};

pub(crate) type ProviderInstance = Instance<DeviceProviderPre<State>>;

/// A loaded plugin of the world `device-provider`. Cheap to clone; all clones are
/// the same one.
#[derive(Clone)]
pub struct ProviderPlugin(Arc<Inner>);

struct Inner {
    loaded: Loaded<DeviceProviderPre<State>>,
    belongings: Arc<Belongings>,
    /// Listing takes turns.
    turn: Semaphore,
    /// The instance that lists; none while it does, and after it has failed.
    discovery: Mutex<Option<ProviderInstance>>,
}

impl ProviderPlugin {
    pub(crate) fn new(
        loaded: Loaded<DeviceProviderPre<State>>,
        belongings: Arc<Belongings>,
    ) -> Self {
        Self(Arc::new(Inner {
            loaded,
            belongings,
            turn: Semaphore::new(1),
            discovery: Mutex::new(None),
        }))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.loaded.shared
    }

    /// As [`Plugin::describe`](crate::Plugin::describe).
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn describe(&self) -> Result<&Description, Ended> {
        self.0.loaded.describe().await
    }

    async fn devices(&self) -> Result<Vec<DeviceInfo>, ProviderError> {
        let inner = &*self.0;
        let _turn = inner.turn.acquire().await;
        let broken = |ended: Ended| ProviderError::Broken(ended.to_string());
        let mut instance = match inner.take_discovery() {
            Some(instance) => instance,
            None => {
                let owner = inner.belongings.of(None);
                let role = Role::Provider {
                    owner,
                    progress: None,
                };
                Instance::new(&inner.loaded, role).await.map_err(broken)?
            }
        };
        let millis = self.shared().limits.list_ms;
        let outcome = instance
            .call_until(
                "devices",
                Duration::from_millis(millis.into()),
                async |guest, store| guest.hostler_device_provider().call_devices(store).await,
            )
            .await;
        let Timely { answer, cancelled } = match outcome {
            Ok(timely) => timely,
            Err(Stopped::Ended(ended)) => return Err(broken(ended)),
            Err(Stopped::Late) => return Err(self.slow_list(millis)),
        };
        inner.put_discovery(instance);
        match answer {
            Ok(devices) => devices::checked(&self.shared().id, devices),
            Err(_) if cancelled => Err(self.slow_list(millis)),
            Err(error) => Err(ProviderError::Refused(device_sentence(&error))),
        }
    }

    fn slow_list(&self, millis: u32) -> ProviderError {
        let id = &self.shared().id;
        ProviderError::Broken(format!(
            "plugin {id} did not list its devices within {millis} ms (raise it in hostler.toml: \
             [plugins.{id}.limits] list_ms = …)"
        ))
    }

    async fn open_device(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> Result<Opened, DeviceError> {
        let inner = &*self.0;
        let owner = inner.belongings.of(Some(&open.hardware_id));
        // What an open or a call has left that was dropped, and that nobody ended.
        owner.calls_ended().await;
        let role = Role::Provider {
            owner: Arc::clone(&owner),
            progress: Some(progress),
        };
        let mut instance = Instance::new(&inner.loaded, role)
            .await
            .map_err(|ended| DeviceError::Broken(ended.to_string()))?;
        let params = OpenParams {
            hardware_id: open.hardware_id,
            token: open.token,
            hand_over: questions::hand_over(open.hand_over),
            first_ref: open.first_ref,
        };
        let outcome = instance
            .call_until("open", open.limit, async |guest, store| {
                let session = guest.hostler_device_provider().session();
                session.call_open(store, &params).await
            })
            .await;
        let timed_out = || {
            DeviceError::TimedOut(format!(
                "plugin {} did not open the device within {} ms",
                self.shared().id,
                open.limit.as_millis()
            ))
        };
        let error = match outcome {
            Ok(Timely {
                answer: Ok(session),
                ..
            }) => {
                instance.state().forget_progress();
                let session = session::Session::new(
                    self.shared().id.as_str().into(),
                    instance,
                    session,
                    open.token,
                    open.first_ref,
                    owner,
                    self.shared().mask.clone(),
                );
                return Ok(Opened {
                    session: Box::new(session),
                });
            }
            Ok(Timely {
                cancelled: true, ..
            })
            | Err(Stopped::Late) => timed_out(),
            Ok(Timely {
                answer: Err(error), ..
            }) => answers::error(error),
            Err(Stopped::Ended(ended)) => DeviceError::Broken(ended.to_string()),
        };
        // All that it started for itself.
        drop(instance);
        owner.calls_ended().await;
        Err(hide::error(self.shared().mask.as_ref(), error))
    }
}

impl Inner {
    fn take_discovery(&self) -> Option<ProviderInstance> {
        let mut discovery = self
            .discovery
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        discovery.take()
    }

    fn put_discovery(&self, instance: ProviderInstance) {
        let mut discovery = self
            .discovery
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *discovery = Some(instance);
    }
}

impl Provider for ProviderPlugin {
    fn id(&self) -> &str {
        &self.shared().id
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>> {
        Box::pin(self.devices())
    }

    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        Box::pin(self.open_device(open, progress))
    }

    fn end_services(&self, hardware_id: &str) -> BoxFuture<'_, ()> {
        let hardware_id = hardware_id.to_owned();
        Box::pin(async move { self.0.belongings.end(&hardware_id).await })
    }
}

impl fmt::Debug for ProviderPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderPlugin")
            .field(self.shared())
            .finish()
    }
}

/// The text of a limit that a call ran into, whichever way it ended.
fn too_long(plugin: &str, call: &str, limit: Duration) -> String {
    format!(
        "plugin {plugin} did not end {call} within {} ms",
        limit.as_millis()
    )
}

/// As [`too_long`], when the instance was dropped.
fn too_late(plugin: &str, call: &str, limit: Duration) -> String {
    format!(
        "{}, and went on for {} ms after it was cancelled: the session is over",
        too_long(plugin, call, limit),
        GRACE.as_millis()
    )
}

//! A device that is open: one instance, owned by whoever calls it.

use std::{fmt, sync::Arc, time::Duration};

use hostler_provider::{Answer, BoxFuture, Call, DeviceError, DeviceSession};
use hostler_secret::Mask;
use wasmtime::component::ResourceAny;

use super::{Owner, ProviderInstance, answers, calls, hide, too_late, too_long};
use crate::instance::{Stopped, Timely};

/// How long a guest may take to say goodbye to its device.
const GOODBYE: Duration = Duration::from_secs(2);

pub(super) struct Session {
    plugin: Arc<str>,
    /// Taken out for the length of a call, so that a call that is dropped takes
    /// it along: a store must not be entered again then.
    instance: Option<ProviderInstance>,
    session: ResourceAny,
    token: u64,
    first_ref: u32,
    owner: Arc<Owner>,
    mask: Option<Mask>,
    /// Why there is no instance any more.
    over: String,
}

impl Session {
    pub(super) fn new(
        plugin: Arc<str>,
        instance: ProviderInstance,
        session: ResourceAny,
        token: u64,
        first_ref: u32,
        owner: Arc<Owner>,
        mask: Option<Mask>,
    ) -> Self {
        Self {
            over: format!("the session of plugin {plugin} ended when a command was dropped"),
            plugin,
            instance: Some(instance),
            session,
            token,
            first_ref,
            owner,
            mask,
        }
    }

    async fn run(&mut self, call: Call, limit: Duration) -> Result<Answer, DeviceError> {
        let Some(mut instance) = self.instance.take() else {
            return Err(DeviceError::Lost(format!(
                "{}; open the device again",
                self.over
            )));
        };
        let name = call.name();
        let shuts_down = matches!(call, Call::Shutdown);
        let (session, token) = (self.session, self.token);
        let outcome = instance
            .call_until(name, limit, async |guest, store| {
                calls::call(guest, store, session, token, call).await
            })
            .await;
        let error = match outcome {
            Ok(Timely {
                answer: Ok(raw), ..
            }) => {
                let state = instance.state();
                match answers::checked(&self.plugin, name, self.first_ref, state, raw) {
                    Ok(answer) if shuts_down => {
                        self.over = "the device was turned off".into();
                        return Ok(answer);
                    }
                    Ok(answer) => {
                        self.instance = Some(instance);
                        return Ok(answer);
                    }
                    Err(nonsense) => DeviceError::Broken(nonsense),
                }
            }
            Ok(Timely {
                answer: Err(error),
                cancelled,
            }) => {
                self.instance = Some(instance);
                return Err(if cancelled {
                    DeviceError::TimedOut(too_long(&self.plugin, name, limit))
                } else {
                    answers::error(error)
                });
            }
            Err(Stopped::Ended(ended)) => DeviceError::Broken(ended.to_string()),
            Err(Stopped::Late) => DeviceError::TimedOut(too_late(&self.plugin, name, limit)),
        };
        self.over = error.to_string();
        Err(error)
    }

    async fn close(mut self) {
        if let Some(mut instance) = self.instance.take() {
            let (session, token) = (self.session, self.token);
            let closed = instance
                .call_until("close", GOODBYE, async |guest, store| {
                    let sessions = guest.hostler_device_provider().session();
                    sessions.call_close(store, session, token).await
                })
                .await;
            if !matches!(
                closed,
                Ok(Timely {
                    answer: Ok(()),
                    cancelled: false
                })
            ) {
                tracing::debug!(target: "plugin", plugin = %self.plugin, ?closed, "close failed");
            }
        }
        // The store is gone: what its calls have started is being killed.
        self.owner.calls_ended().await;
    }
}

impl DeviceSession for Session {
    fn call(&mut self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        Box::pin(async move {
            let outcome = self.run(call, limit).await;
            hide::outcome(self.mask.as_ref(), outcome)
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.close())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("plugin", &self.plugin)
            .field("token", &self.token)
            .field("open", &self.instance.is_some())
            .finish_non_exhaustive()
    }
}

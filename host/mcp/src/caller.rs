use std::{future::Future, pin::pin, time::Duration};

use axum::http::request::Parts;
use hostler_auth::Grant;
use hostler_device::{Devices, Labels, json::FailureBody};
use hostler_lease::Label;
use rmcp::{
    RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::{Peer, RequestContext},
};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{hand::Hand, looking::Looking, presence::Presence};

/// How often a client that waits is told so again: many give up a request that
/// they have not heard of for a minute.
const STILL_THERE: Duration = Duration::from_secs(10);

/// Who calls a tool.
#[derive(Debug)]
pub(crate) struct Caller {
    /// What it has in its hand.
    pub(crate) hand: Hand,
    /// What the client calls itself.
    client: Option<Label>,
    grant: Grant,
    cancelled: CancellationToken,
    presence: Presence,
    progress: Option<Progress>,
}

#[derive(Debug)]
struct Progress {
    token: ProgressToken,
    peer: Peer<RoleServer>,
    told: f64,
}

impl Caller {
    /// # Errors
    /// The request did not come through the door.
    pub(crate) fn of(
        devices: &Devices,
        looking: &Looking,
        context: &RequestContext<RoleServer>,
    ) -> Result<Self, FailureBody> {
        let internal = || FailureBody::new("INTERNAL", "this request has no token; report this");
        let parts = context.extensions.get::<Parts>().ok_or_else(internal)?;
        let grant = parts.extensions.get::<Grant>().ok_or_else(internal)?;
        let client = context.client_info();
        let client = client.and_then(|info| Label::new(&info.name).ok());
        let token = context.meta.get_progress_token();
        Ok(Self {
            hand: Hand::of(devices, looking, parts, grant)?,
            client,
            grant: grant.clone(),
            cancelled: context.ct.clone(),
            presence: parts.extensions.get().cloned().ok_or_else(internal)?,
            progress: token.map(|token| Progress {
                token,
                peer: context.peer.clone(),
                told: 0.0,
            }),
        })
    }

    /// What the client says of itself, in a session of that name.
    pub(crate) fn labels(&self, session: Label) -> Labels {
        Labels {
            client: self.client.clone(),
            ..Labels::session(session)
        }
    }

    /// Tells the client what is going on, if it wants to know.
    pub(crate) async fn tell(&mut self, text: &str) {
        let Some(progress) = &mut self.progress else {
            return;
        };
        progress.told += 1.0;
        let param = ProgressNotificationParam::new(progress.token.clone(), progress.told);
        // A client that is away hears the answer.
        let _ = progress
            .peer
            .notify_progress(param.with_message(text))
            .await;
    }

    /// Waits for a client whose connection broke.
    ///
    /// # Errors
    /// It does not come back.
    pub(crate) async fn present(&self) -> Result<(), FailureBody> {
        if self.presence.back().await {
            return Ok(());
        }
        Err(left())
    }

    /// Does it until the client cancels it or is gone, or its token ends. While it takes
    /// long, the client is told that it goes on.
    pub(crate) async fn until_cancelled<T>(
        &mut self,
        doing: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, FailureBody> {
        let (cancelled, ended) = (self.cancelled.clone(), self.grant.ended());
        let presence = self.presence.clone();
        let (mut work, mut ended, mut gone) = (pin!(work), pin!(ended), pin!(presence.gone()));
        let mut still = interval(STILL_THERE);
        still.set_missed_tick_behavior(MissedTickBehavior::Delay);
        still.reset();
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = cancelled.cancelled() => {
                    return Err(FailureBody::new("CANCELLED", "the request was cancelled"));
                }
                () = &mut gone => return Err(left()),
                _ = &mut ended => {
                    let message = "the token of this client was revoked or is over; ask for another";
                    return Err(FailureBody::new("UNAUTHENTICATED", message));
                }
                _ = still.tick() => self.tell(doing).await,
            }
        }
    }
}

/// Nobody is there to read this.
fn left() -> FailureBody {
    FailureBody::new("CANCELLED", "the client left before the answer")
}

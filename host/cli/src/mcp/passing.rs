//! Passes on what the host says: for one request until it is answered, and by
//! itself for as long as it knows the session.

use std::time::Duration;

use hostler_wire::{Id, Message};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::exchange::{Came, Events, Missed, Session};
use crate::{
    exit::{Exit, Failure},
    link::backoff::Backoff,
};

/// The longest wait between two tries to hear what the host says by itself.
pub(super) const LISTENING: Duration = Duration::from_secs(5);

/// Of which the answer is awaited.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: Id,
    pub(super) text: String,
    pub(super) tries: u32,
}

/// One request, until it is answered.
pub(super) async fn exchange(
    session: &Session,
    asked: &Asked,
    out: &mpsc::Sender<String>,
    seeing: oneshot::Sender<()>,
) -> Result<(), Missed> {
    let (came, _) = session.post(asked.text.clone()).await?;
    let _ = seeing.send(());
    let mut events = match came {
        Came::Answer(answer) => {
            let _ = out.send(answer).await;
            return Ok(());
        }
        Came::Taken => {
            let why = "the host did not answer";
            return Err(Missed::Lost(Failure::new(Exit::HostLost, why)));
        }
        Came::Events(events) => *events,
    };
    loop {
        if pass(&mut events, out, Some(&asked.id)).await {
            return Ok(());
        }
        // The connection broke. What came after the last event is kept for a
        // while by hosts that number them.
        let why = || Failure::new(Exit::HostLost, "it was lost before the answer");
        let Some(last) = events.last.take() else {
            return Err(Missed::Lost(why()));
        };
        events = match session.events(Some(&last)).await {
            Ok(Some(events)) => events,
            Ok(None) => return Err(Missed::Lost(why())),
            Err(missed) => return Err(Missed::Lost(missed.failure())),
        };
    }
}

/// Passes events on until the answer to `id` was among them, or there are no
/// more, which is `false`.
async fn pass(events: &mut Events, out: &mpsc::Sender<String>, id: Option<&Id>) -> bool {
    while let Some(text) = events.next().await {
        let answers = matches!(
            Message::parse(&text), Ok(Message::Response { id: answered, .. }) if Some(&answered) == id
        );
        if out.send(text).await.is_err() || answers {
            return true;
        }
    }
    false
}

/// Passes on what the host says by itself, for as long as it knows the session.
pub(super) async fn hear(session: Session, out: mpsc::Sender<String>) {
    let mut backoff = Backoff::new(LISTENING);
    let mut last: Option<String> = None;
    loop {
        sleep(backoff.next(random())).await;
        let begun = Instant::now();
        match session.events(last.as_deref()).await {
            Ok(Some(mut events)) => {
                if pass(&mut events, &out, None).await {
                    return;
                }
                last = events.last.take().or(last);
            }
            // There is no such stream, or no such session any more; the next
            // request will find another.
            Ok(None) | Err(Missed::Unsent(_) | Missed::Refused(_)) => return,
            Err(Missed::Lost(_)) => {}
        }
        backoff.lost(begun.elapsed());
    }
}

pub(super) fn random() -> u8 {
    Uuid::new_v4()
        .as_bytes()
        .first()
        .copied()
        .unwrap_or_default()
}

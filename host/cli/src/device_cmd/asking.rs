//! Asking for a device until it is there, also when the host is lost on the way.

use std::time::Duration;

use hostler_device::json::Granted;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    api::{Ask, Refused, Step},
    host::DeviceHost,
    progress::Progress,
};
use crate::{
    exit::{Exit, Failure},
    link::backoff::Backoff,
};

/// The longest pause between two tries to reach a host that was lost: it keeps a
/// place in its queues for a minute after it is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Asks for a device. Whoever may wait goes on waiting over the loss of the host,
/// in the same place, until the time is over that `ask` gives.
pub(super) async fn until_granted(
    host: &DeviceHost,
    mut ask: Ask,
    progress: &mut Progress,
) -> Result<Granted, Refused> {
    let wait = ask.wait_ms.map(Duration::from_millis);
    let until = wait.and_then(|wait| Instant::now().checked_add(wait));
    let mut api = host.api.clone();
    let mut backoff = Backoff::new(LONGEST_PAUSE);
    // The id of the ask, while it stands in a queue.
    let mut place: Option<String> = None;
    // The host had taken the ask up before it was lost.
    let mut taken_up = false;
    loop {
        let began = Instant::now();
        let (mut heard, mut stands) = (false, None);
        let tried = api.allocate(&ask, place.as_deref(), |step| {
            heard = true;
            progress.say(&said(&step));
            if let Step::Waiting { id, .. } = step {
                stands = id;
            }
        });
        let refused = match tried.await {
            Ok(granted) => return Ok(granted),
            Err(refused) => refused,
        };
        taken_up |= heard;
        let before = place.take();
        if before.is_some() && !heard && refused.is_over() {
            progress.say("the place in the queue is lost; asking again");
        } else if let (true, true, Some(until)) = (taken_up, refused.is_lost(), until) {
            place = stands.or(before);
            if Instant::now() >= until {
                return Err(not_back(&refused).into());
            }
            progress.say("the host is lost; waiting until it is back");
            backoff.lost(began.elapsed());
            let [random, ..] = *Uuid::new_v4().as_bytes();
            sleep(backoff.next(random)).await;
            // One of this machine may be back at another address.
            api = host.again().unwrap_or(api);
        } else {
            return Err(refused);
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        ask.wait_ms = left.map(super::open::whole_ms);
    }
}

fn not_back(refused: &Refused) -> Failure {
    let why = &refused.failure.error;
    let message = format!(
        "{why:#}; it was not back before the end of the wait: start it (hostler serve) and ask again"
    );
    Failure::new(Exit::HostLost, message)
}

fn said(step: &Step) -> String {
    match step {
        Step::Waiting { place, .. } => format!("waiting: number {place} in the queue"),
        Step::Progress(text) => text.clone(),
    }
}

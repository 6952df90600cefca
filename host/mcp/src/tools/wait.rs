//! Waiting for a device to come to something.

use std::time::Duration;

use hostler_device::{Refusal, json::FailureBody, query::QueryError};
use hostler_provider::{Call, Target};
use tokio::time::{Instant, sleep};

use super::{COMMAND_LIMIT, Effect, Entry, args::Wait, run_within, tool};
use crate::{
    caller::Caller,
    hand::Held,
    reply::{self, Reply},
};

/// How long a wait takes when nobody says.
const WAIT_MS: u32 = 10_000;

/// The longest wait.
const MAX_WAIT_MS: u32 = 120_000;

/// How long between two looks: a snapshot takes some tens of milliseconds.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn tools() -> Vec<Entry> {
    vec![tool(
        "device_wait",
        Effect::Looks,
        "Waits until an element is there, or until nothing moves any more. Use it after an action \
         that loads something, instead of taking snapshots again and again.",
        |args, caller, _| wait(args, caller),
    )]
}

async fn wait(args: Wait, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(args.device.as_deref())?;
    let ms = args.timeout_ms.unwrap_or(WAIT_MS);
    if !(1..=MAX_WAIT_MS).contains(&ms) {
        let message = format!("`timeout_ms` is between 1 and {MAX_WAIT_MS}");
        return Err(FailureBody::new("INVALID_ARGS", message));
    }
    let limit = Duration::from_millis(ms.into());
    let Some(element) = args.element else {
        run_within(
            &mut caller,
            &held,
            Call::WaitIdle(ms),
            limit + COMMAND_LIMIT,
        )
        .await?;
        return Ok(reply::text("Nothing moves. Next: device_snapshot."));
    };
    let found = appears(&mut caller, &held, &element, limit).await?;
    Ok(reply::text(match found {
        Target::Ref(number) => format!("It is there: @e{number}."),
        Target::Point(_) => "It is there.".to_owned(),
    }))
}

async fn appears(
    caller: &mut Caller,
    held: &Held,
    element: &str,
    limit: Duration,
) -> Result<Target, FailureBody> {
    let until = Instant::now() + limit;
    let (devices, who) = (caller.hand.devices.clone(), caller.hand.who.clone());
    let looking = async {
        loop {
            match devices.aim(&who, held.id, element, COMMAND_LIMIT).await {
                Ok(found) => return Ok(found),
                Err(Refusal::Query(QueryError::Several { .. })) if Instant::now() >= until => {
                    let message = format!("several elements fit {element}; say it more exactly");
                    return Err(FailureBody::new("AMBIGUOUS_MATCH", message));
                }
                Err(Refusal::Query(QueryError::NoMatch(_) | QueryError::Several { .. })) => {}
                Err(refusal) => return Err(FailureBody::from(&refusal)),
            }
            if Instant::now() >= until {
                let message = format!(
                    "no element fits {element} after {} ms; device_snapshot shows what is there",
                    limit.as_millis()
                );
                return Err(FailureBody::new("TIMED_OUT", message));
            }
            sleep(LOOK).await;
        }
    };
    let doing = format!("waiting for {element}");
    caller.until_cancelled(&doing, looking).await?
}

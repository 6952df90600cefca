//! Borrowing devices and giving them back.

use std::{fmt::Write as _, time::Duration};

use hostler_device::{
    Granted, Step, Ticket,
    json::{Device, DeviceState, Devices, FailureBody},
};
use hostler_lease::{DeviceKey, Label, MAX_CHOICES};
use hostler_provider::{Call, Choice, Wish};
use serde::Serialize;

use super::{
    Effect, Entry,
    args::{List, OnlyDevice, Open},
    run, tool,
};
use crate::{
    caller::Caller,
    hand::{Held, MAX_HELD, Taken},
    reply::{self, Reply},
};

/// How long a client waits in the queue when it does not say.
const WAIT: u32 = 60;

/// How long a device is looked on at without use.
const READER_TTL: Duration = Duration::from_secs(5 * 60);

/// The longest wait that is granted.
const MAX_WAIT: u32 = 3600;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "device_list",
            Effect::Looks,
            "Lists the devices that can be borrowed and who has them. Next: device_open.",
            |args, caller, _| list(args, caller),
        ),
        tool(
            "device_open",
            Effect::Acts,
            "Borrows a device, booting it if needed and waiting in the queue if it is busy, and \
             optionally opens an app or a URL on it. Next: device_snapshot. Give it back with \
             device_close as soon as you are done.",
            open,
        ),
        tool(
            "device_close",
            Effect::Acts,
            "Gives a device back, so that others can use it. What was open on it is lost.",
            |args, caller, _| close(args, caller),
        ),
    ]
}

async fn list(args: List, mut caller: Caller) -> Reply {
    let (devices, who) = (caller.hand.devices.clone(), caller.hand.who.clone());
    let listing = devices.devices(&who, args.refresh);
    let listing = caller
        .until_cancelled("asking the providers", listing)
        .await?;
    let mut listing = Devices::from(listing);
    if let Some(platform) = &args.platform {
        listing
            .devices
            .retain(|device| device.platform.eq_ignore_ascii_case(platform));
    }
    let mut own = caller.hand.held();
    own.retain(|held| !held.reader);
    let own: Vec<_> = own.into_iter().map(|held| held.key).collect();
    reply::structured(told(&listing, &own), &listing)
}

fn told(listing: &Devices, own: &[DeviceKey]) -> String {
    let mut text = String::new();
    for device in &listing.devices {
        let mine = own.iter().any(|key| key.as_str() == device.key);
        let _ = writeln!(
            text,
            "{} {:?} {} {}: {}",
            device.key,
            device.name,
            device.platform,
            device.kind,
            standing(device, mine)
        );
    }
    if listing.devices.is_empty() {
        text.push_str("There is no device.\n");
    }
    for failure in &listing.failures {
        let _ = writeln!(
            text,
            "The provider {} failed: {}",
            failure.provider, failure.message
        );
    }
    text.push_str(match (listing.devices.is_empty(), own.is_empty()) {
        (true, _) => "Ask the operator to add one (hostler doctor says what is missing).",
        (false, true) => "Next: device_open.",
        (false, false) => "You hold a device: device_snapshot shows its screen.",
    });
    text
}

fn standing(device: &Device, mine: bool) -> String {
    let status = &device.status;
    if mine {
        return "yours".to_owned();
    }
    let mut text = match status.state {
        DeviceState::Free if device.booted => "free".to_owned(),
        DeviceState::Free => "free, boots when it is opened".to_owned(),
        DeviceState::Absent => "not connected".to_owned(),
        DeviceState::TearingDown => "being freed".to_owned(),
        DeviceState::Held | DeviceState::HandingOver => match &status.holder {
            Some(holder) => format!("held by {} ({})", holder.principal, holder.session),
            None => "held by somebody else".to_owned(),
        },
    };
    if let Some(idle) = status.idle_ms {
        let _ = write!(text, ", idle for {} s", idle / 1000);
    }
    if let Some(ends) = status.ends_in_ms {
        let _ = write!(
            text,
            ", free in {} s if it is not used",
            ends.div_ceil(1000)
        );
    }
    if status.waiting > 0 {
        let _ = write!(text, ", {} waiting", status.waiting);
    }
    text
}

/// What `device_open` says to programs.
#[derive(Debug, Serialize)]
struct Opened {
    device: String,
    /// How long it lives without use.
    ttl_ms: Option<u64>,
    /// It may be looked at and not touched.
    reader: bool,
}

async fn open(args: Open, mut caller: Caller, taken: Taken) -> Reply {
    let choices = choices(args.device.as_deref())?;
    if args.reader {
        check_reader(&args)?;
    }
    let already = already(&caller, &choices, args.reader);
    let (held, ttl) = match already {
        Some(held) => (held, None),
        None => {
            let granted = match args.reader {
                true => look_on(&args, choices, &mut caller).await?,
                false => borrow(&args, choices, &mut caller, &taken).await?,
            };
            // Dropped, it is free again.
            caller.present().await?;
            let key = &granted.lease().key;
            // Another call of this client may have been faster.
            let same = |held: &Held| args.reader && held.reader && held.key == *key;
            match caller.hand.held().into_iter().find(same) {
                Some(held) => (held, None),
                None => {
                    let lease = granted.keep();
                    if args.reader {
                        caller.hand.look_on(lease.id);
                    }
                    let held = Held {
                        id: lease.id,
                        key: lease.key,
                        reader: args.reader,
                    };
                    (held, u64::try_from(lease.ttl.as_millis()).ok())
                }
            }
        }
    };
    let begin = [args.app.map(Call::Launch), args.url.map(Call::OpenUrl)];
    for call in begin.into_iter().flatten() {
        let name = call.name();
        run(&mut caller, &held, call).await.map_err(|mut failure| {
            failure.message = format!(
                "{} is yours, but {name} did not work: {}",
                held.key, failure.message
            );
            failure
        })?;
    }
    let mut text = format!("{} is yours", held.key);
    if held.reader {
        text.push_str(" to look at and not to touch, as long as its holder has it");
    }
    if let Some(ttl) = ttl {
        let _ = write!(
            text,
            "{} until you close it or leave it unused for {} s",
            if held.reader { ", and" } else { "" },
            ttl / 1000
        );
    }
    text.push_str(". Next: device_snapshot.");
    let opened = Opened {
        device: held.key.to_string(),
        ttl_ms: ttl,
        reader: held.reader,
    };
    reply::structured(text, &opened)
}

fn choices(asked: Option<&str>) -> Result<Vec<Choice>, FailureBody> {
    let parts = asked.unwrap_or_default().split(',').map(str::trim);
    let choices: Vec<_> = parts
        .filter(|part| !part.is_empty())
        .take(MAX_CHOICES + 1)
        .map(|part| match part.strip_prefix('@') {
            Some(pool) => Choice::Pool(pool.to_owned()),
            None => Choice::Device(part.to_owned()),
        })
        .collect();
    if choices.len() > MAX_CHOICES {
        let message = format!("name at most {MAX_CHOICES} devices and pools");
        return Err(FailureBody::new("INVALID_ARGS", message));
    }
    Ok(choices)
}

/// A reader asks for what a reader may have.
fn check_reader(args: &Open) -> Result<(), FailureBody> {
    let message = if args.app.is_some() || args.url.is_some() {
        "a reader looks and does not touch: leave `app` and `url` out, or `reader`"
    } else if args.wait_seconds.is_some_and(|wait| wait > 0) {
        "a reader does not wait: leave `wait_seconds` out, or `reader`"
    } else {
        return Ok(());
    };
    Err(FailureBody::new("INVALID_ARGS", message))
}

/// The device that was asked for, if the client has it already: to look on it
/// suffices to hold it, and not the other way round.
fn already(caller: &Caller, choices: &[Choice], reader: bool) -> Option<Held> {
    let mut held = caller.hand.held();
    held.retain(|held| reader || !held.reader);
    choices.iter().find_map(|choice| {
        let Choice::Device(name) = choice else {
            return None;
        };
        let key = caller.hand.devices.find(name).ok()?;
        held.iter().find(|held| held.key == key).cloned()
    })
}

async fn borrow(
    args: &Open,
    choices: Vec<Choice>,
    caller: &mut Caller,
    taken: &Taken,
) -> Result<Granted, FailureBody> {
    let wait = args.wait_seconds.unwrap_or(WAIT);
    if wait > MAX_WAIT {
        let message = format!("`wait_seconds` is at most {MAX_WAIT}");
        return Err(FailureBody::new("INVALID_ARGS", message));
    }
    let wish = Wish {
        choices,
        platform: args.platform.clone(),
        wait: (wait > 0).then(|| Duration::from_secs(wait.into())),
        ..Wish::default()
    };
    let place = caller.hand.place(taken, &wish)?;
    let labels = caller.labels(place.session());
    let (devices, who) = (caller.hand.devices.clone(), caller.hand.who.clone());
    let ask = devices.implicit(&who, &labels, wish, None);
    let ticket = caller.until_cancelled("asking for the device", ask).await?;
    let ticket = ticket.map_err(|refusal| FailureBody::from(&refusal))?;
    let granted = wait_for(ticket, caller).await;
    drop(place);
    granted
}

/// Beside whoever holds it.
async fn look_on(
    args: &Open,
    choices: Vec<Choice>,
    caller: &mut Caller,
) -> Result<Granted, FailureBody> {
    let hand = &caller.hand;
    if hand.held().iter().filter(|held| held.reader).count() >= MAX_HELD {
        let message = format!("you look on at {MAX_HELD} devices, which is the most; close one");
        return Err(FailureBody::new("LEASE_CAPACITY_EXCEEDED", message));
    }
    let wish = Wish {
        choices,
        platform: args.platform.clone(),
        reader: true,
        // Nobody finds it again after a start of the host, and it takes one of
        // few places.
        ttl: Some(READER_TTL),
        ..Wish::default()
    };
    let odd = |error| FailureBody::from(&hostler_device::Refusal::from(error));
    let labels = caller.labels(Label::new(hand.session()).map_err(odd)?);
    let (devices, who) = (hand.devices.clone(), hand.who.clone());
    let ask = devices.allocate(&who, &labels, wish, None);
    let ticket = caller.until_cancelled("asking for the device", ask).await?;
    wait_for(
        ticket.map_err(|refusal| FailureBody::from(&refusal))?,
        caller,
    )
    .await
}

/// Dropping the ticket gives up, whatever happens here.
async fn wait_for(mut ticket: Ticket, caller: &mut Caller) -> Result<Granted, FailureBody> {
    let mut doing = "asking for the device".to_owned();
    loop {
        let step = caller.until_cancelled(&doing, ticket.next()).await?;
        doing = match step.map_err(|refusal| FailureBody::from(&refusal))? {
            Step::Waiting { position } => format!("waiting: number {position} in the queue"),
            Step::Progress(text) => text,
            Step::Granted(granted) => return Ok(granted),
        };
        caller.tell(&doing).await;
    }
}

async fn close(args: OnlyDevice, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(args.device.as_deref())?;
    let (devices, who) = (caller.hand.devices.clone(), caller.hand.who.clone());
    let released = devices.release(&who, held.id);
    let released = caller.until_cancelled("giving it back", released).await?;
    released.map_err(|refusal| FailureBody::from(&refusal))?;
    Ok(reply::text(match held.reader {
        true => format!("You look on at {} no more.", held.key),
        false => format!("{} is free again.", held.key),
    }))
}

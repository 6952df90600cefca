//! `hostler lease list`, `show`, `release`.

use std::fmt::Write as _;

use comfy_table::{Table, presets::NOTHING};
use hostler_device::json::{Device, Devices, Lease, LeaseState, Leases, Mode};
use serde_json::json;

use super::{
    api::{Api, Refused},
    host::{DeviceHost, none, print_json},
    words::{self, NAME, time},
};
use crate::{
    args::{DeviceClose, LeaseList, LeaseRelease, LeaseShow},
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

pub(crate) async fn list(args: LeaseList) -> Result<Exit, Failure> {
    let host = DeviceHost::of(&args.host)?;
    let api = if args.all {
        host.as_operator()?
    } else {
        host.api
    };
    let leases = api.leases(args.all).await;
    let leases = leases.map_err(|refused| refused.told(args.json))?;
    if args.json {
        print_json(&leases)?;
    } else {
        print(&table(&leases));
    }
    Ok(Exit::Done)
}

fn table(leases: &Leases) -> String {
    if leases.leases.is_empty() {
        return "There are no leases.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["DEVICE", "STATE", "WHO", "SESSION", "CLIENT", "ENDS", "HOW"]);
    for lease in &leases.leases {
        table.add_row(row(lease));
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim());
    }
    out
}

fn row(lease: &Lease) -> [String; 7] {
    let dash = || "-".to_owned();
    let device = match &lease.device {
        Some(key) => one_line(key, NAME),
        None => one_line(&lease.wants.join(","), NAME),
    };
    let state = match (lease.state, lease.place) {
        (LeaseState::Waiting, Some(place)) => format!("waits, number {place}"),
        (LeaseState::Waiting, None) => "waits".to_owned(),
        (LeaseState::HandingOver, _) => "getting ready".to_owned(),
        (LeaseState::Held, _) => "held".to_owned(),
    };
    let how = match lease.mode {
        Mode::Explicit => "by its id",
        Mode::Implicit => "by token and session",
        Mode::Reader => "looks on",
    };
    [
        device,
        state,
        one_line(&lease.principal, NAME),
        one_line(&lease.session, NAME),
        lease
            .client
            .as_deref()
            .map_or_else(dash, |client| one_line(client, NAME)),
        lease
            .ends_in_ms
            .map_or_else(dash, |ms| format!("in {}", time(ms))),
        how.to_owned(),
    ]
}

pub(crate) async fn show(args: LeaseShow) -> Result<Exit, Failure> {
    let host = DeviceHost::of(&args.device.host)?;
    let json = args.device.json;
    let wishes = if args.selector.is_empty() {
        match host.memory.get(&args.device.session)? {
            Some(held) => vec![held.device],
            None => return Err(none(&args.device.session)),
        }
    } else {
        args.selector.clone()
    };
    let api = if args.all {
        host.as_operator()?
    } else {
        host.api
    };
    let listed = api.devices(false).await;
    let listed = listed.map_err(|refused| refused.told(json))?;
    let devices = chosen(listed, &wishes)?;
    let leases = leases(&api, args.all).await;
    let leases = leases.map_err(|refused| refused.told(json))?.leases;
    let leases: Vec<_> = leases
        .into_iter()
        .filter(|lease| devices.iter().any(|device| concerns(lease, device)))
        .collect();
    if json {
        print_json(&match &devices[..] {
            [device] => json!({ "device": device, "leases": leases }),
            devices => json!({ "devices": devices, "leases": leases }),
        })?;
    } else {
        print(&shown(&devices, &leases));
    }
    Ok(Exit::Done)
}

/// Everybody's if the caller may know them, which it must if it asked for all.
async fn leases(api: &Api, all: bool) -> Result<Leases, Refused> {
    match api.leases(true).await {
        Err(refused) if refused.is_for_operators() && !all => api.leases(false).await,
        leases => leases,
    }
}

/// The devices that are meant, each once.
fn chosen(listed: Devices, wishes: &[String]) -> Result<Vec<Device>, Failure> {
    let mut keys = Vec::new();
    for wish in wishes {
        let fits = |device: &&Device| super::open::fits(device, wish);
        let found: Vec<_> = listed.devices.iter().filter(fits).collect();
        let pool = wish.starts_with('@') || wish.starts_with(words::POOL);
        if pool && !found.is_empty() {
            keys.extend(found.iter().map(|device| device.key.clone()));
        } else {
            keys.push(one(&found, wish)?.key.clone());
        }
    }
    let mut devices = listed.devices;
    devices.retain(|device| keys.contains(&device.key));
    Ok(devices)
}

/// Whether a lease is of the device, or an ask waits for it.
fn concerns(lease: &Lease, device: &Device) -> bool {
    match &lease.device {
        Some(key) => *key == device.key,
        None => {
            let mut wants = lease.wants.iter();
            wants.any(|want| super::open::fits(device, want))
        }
    }
}

fn shown(devices: &[Device], leases: &[Lease]) -> String {
    let mut text = String::new();
    for device in devices {
        let _ = writeln!(
            text,
            "{} ({})\n  {}",
            one_line(&device.name, NAME),
            one_line(&device.key, NAME),
            words::situation(&device.status)
        );
        if device.status.readers > 0 {
            let _ = writeln!(text, "  {} look on", device.status.readers);
        }
    }
    let waits = |lease: &&Lease| lease.state == LeaseState::Waiting;
    let mut waiting: Vec<_> = leases.iter().filter(waits).collect();
    waiting.sort_by_key(|lease| lease.place);
    // Those of pools are in queues of their own.
    let own: usize = devices.iter().map(|device| device.status.waiting).sum();
    let _ = write!(text, "  {}", words::queue(own.max(waiting.len())));
    for lease in &waiting {
        let _ = write!(text, "\n  {}", waiter(lease));
    }
    if own > waiting.len() {
        text.push_str("\n  Operators are told who else does: --all");
    }
    text
}

/// Who waits, in which place, for what, how long yet.
fn waiter(lease: &Lease) -> String {
    let client = lease.client.as_deref();
    let client = client.map(|client| format!(", {}", one_line(client, NAME)));
    let wants: Vec<_> = lease
        .wants
        .iter()
        .map(|want| words::selector(want))
        .collect();
    let mut text = format!(
        "number {}: {} (session {}{}), for {}",
        lease.place.unwrap_or_default(),
        one_line(&lease.principal, NAME),
        one_line(&lease.session, NAME),
        client.unwrap_or_default(),
        one_line(&wants.join(","), NAME)
    );
    if let Some(left) = lease.ends_in_ms {
        let _ = write!(text, ", at most {} longer", time(left));
    }
    text
}

/// The device that is called so.
async fn find(api: &Api, wish: &str, json: bool) -> Result<Device, Failure> {
    let listed = api.devices(false).await;
    let listed = listed.map_err(|refused| refused.told(json))?;
    choose(&listed, wish)
}

fn choose(listed: &Devices, wish: &str) -> Result<Device, Failure> {
    let fits = |device: &&Device| super::open::fits(device, wish);
    let found: Vec<_> = listed.devices.iter().filter(fits).collect();
    one(&found, wish).cloned()
}

/// The only one of those that were found.
fn one<'a>(found: &[&'a Device], wish: &str) -> Result<&'a Device, Failure> {
    match found {
        [device] => Ok(device),
        [] => {
            let message =
                format!("there is no device {wish:?}; `hostler devices` shows what there is");
            Err(Failure::new(Exit::Refused, message))
        }
        several => {
            let keys: Vec<_> = several
                .iter()
                .map(|device| one_line(&device.key, NAME))
                .collect();
            let message = format!("{wish:?} could be {}; use a key", keys.join(" or "));
            Err(Failure::new(Exit::Usage, message))
        }
    }
}

pub(crate) async fn release(args: LeaseRelease) -> Result<Exit, Failure> {
    let host = DeviceHost::of(&args.device.host)?;
    let json = args.device.json;
    let held = host.memory.get(&args.device.session)?;
    let Some(wish) = &args.selector else {
        let device = args.device;
        return super::open::close(DeviceClose { device }).await;
    };
    let device = find(&host.api, wish, json).await?;
    if held.as_ref().is_some_and(|held| held.device == device.key) && !args.force {
        let device = args.device;
        return super::open::close(DeviceClose { device }).await;
    }
    if !args.force {
        let message = format!(
            "the session {} does not hold {}, which {}; --force ends the lease of whoever holds it",
            args.device.session,
            one_line(&device.key, NAME),
            words::situation(&device.status)
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    let api = host.as_operator()?;
    let released = api.force(&device.key).await;
    released.map_err(|refused| refused.told(json))?;
    if json {
        print_json(&json!({ "device": device.key, "was_held_by": device.status.holder }))?;
    } else {
        let who = device.status.holder.as_ref().map(words::holder);
        print(&format!(
            "The lease of {} on {} is over.",
            who.unwrap_or_else(|| "its holder".to_owned()),
            one_line(&device.key, NAME)
        ));
    }
    Ok(Exit::Done)
}

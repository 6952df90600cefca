//! `hostler lease list`, `show`, `release`.

use std::fmt::Write as _;

use comfy_table::{Table, presets::NOTHING};
use hostler_device::json::{Device, Devices, Lease, LeaseState, Leases, Mode};
use serde_json::json;

use super::{
    api::Api,
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
    let wish = match &args.selector {
        Some(wish) => wish.clone(),
        None => match host.memory.get(&args.device.session)? {
            Some(held) => held.device,
            None => return Err(none(&args.device.session)),
        },
    };
    let device = find(&host.api, &wish, json).await?;
    let leases = host.api.leases(false).await;
    let leases = leases.map_err(|refused| refused.told(json))?;
    let of_it = |lease: &&Lease| lease.device.as_deref() == Some(&device.key);
    let leases: Vec<_> = leases.leases.iter().filter(of_it).collect();
    if json {
        print_json(&json!({ "device": device, "leases": leases }))?;
        return Ok(Exit::Done);
    }
    let mut text = format!(
        "{} ({})\n  {}; {}.",
        one_line(&device.name, NAME),
        one_line(&device.key, NAME),
        words::situation(&device.status),
        words::queue(device.status.waiting)
    );
    if device.status.readers > 0 {
        let _ = write!(text, "\n  {} look on.", device.status.readers);
    }
    print(&text);
    Ok(Exit::Done)
}

/// The device that is called so.
async fn find(api: &Api, wish: &str, json: bool) -> Result<Device, Failure> {
    let listed = api.devices(false).await;
    let listed = listed.map_err(|refused| refused.told(json))?;
    choose(listed, wish)
}

fn choose(listed: Devices, wish: &str) -> Result<Device, Failure> {
    let mut found: Vec<_> = listed
        .devices
        .into_iter()
        .filter(|device| super::open::fits(device, wish))
        .collect();
    let keys: Vec<_> = found
        .iter()
        .map(|device| one_line(&device.key, NAME))
        .collect();
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => {
            let message =
                format!("there is no device {wish:?}; `hostler devices` shows what there is");
            Err(Failure::new(Exit::Refused, message))
        }
        _ => {
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

//! `hostler device open` and `close`.

use std::{fmt::Write as _, time::Duration};

use hostler_device::json::{Command, Device, Granted};
use serde_json::{Value, json};

use super::{
    api::Ask,
    asking::until_granted,
    host::{DeviceHost, Session, none, print_json},
    progress::Progress,
    words::{self, POOL, time},
};
use crate::{
    args::{DeviceClose, DeviceOpen},
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

pub(crate) async fn open(args: DeviceOpen) -> Result<Exit, Failure> {
    let host = DeviceHost::of(&args.device.host)?;
    let name = &args.device.session;
    let Some(_opening) = host.memory.opening(name)? else {
        let message = format!(
            "another `hostler device open` is at work for the session {name}; wait for it, or take \
             another name: --session NAME"
        );
        return Err(Failure::new(Exit::Failed, message));
    };
    if let Some(session) = held(&host, &args).await? {
        follow(&session, &args).await?;
        if args.device.json {
            let key = &session.held.device;
            let reader = session.held.reader;
            print_json(
                &json!({ "device": key, "session": name, "reader": reader, "fresh": false }),
            )?;
        } else {
            let key = one_line(&session.held.device, words::NAME);
            print(&match session.held.reader {
                true => format!("You look on at {key} already."),
                false => format!("{key} is yours already."),
            });
        }
        return Ok(Exit::Done);
    }
    let mut progress = Progress::stderr();
    let granted = until_granted(&host, ask(&args), &mut progress).await;
    progress.end();
    let granted = granted.map_err(|refused| refused.of(&written(&args)).told(args.device.json))?;
    let done = keep(&host, &args, &granted).await;
    if let Err(failure) = done {
        // What failed in between leaves nothing behind.
        let _ = host.api.release(&granted.id).await;
        host.memory.forget(name, &granted.id)?;
        return Err(failure);
    }
    Ok(Exit::Done)
}

/// Remembers a fresh lease, and does with its device what was asked for.
async fn keep(host: &DeviceHost, args: &DeviceOpen, granted: &Granted) -> Result<(), Failure> {
    let name = &args.device.session;
    let key = granted.lease.device.clone().unwrap_or_default();
    host.memory.put(name, &granted.id, &key, args.reader)?;
    let Some(held) = host.memory.get(name)? else {
        return Err(none(name));
    };
    let session = Session {
        held,
        host: host.clone(),
        json: args.device.json,
    };
    follow(&session, args).await?;
    if args.device.json {
        let mut answer = serde_json::to_value(granted).unwrap_or_default();
        if let Value::Object(members) = &mut answer {
            members.insert("fresh".into(), true.into());
        }
        return print_json(&answer);
    }
    let (key, ttl) = (one_line(&key, words::NAME), time(granted.ttl_ms));
    print(&match args.reader {
        true => format!(
            "You look on at {key} as long as its holder has it, until {ttl} after your last \
             command (session {name})."
        ),
        false => format!("{key} is yours, until {ttl} after its last command (session {name})."),
    });
    Ok(())
}

/// Brings the app or the address to the front.
async fn follow(session: &Session, args: &DeviceOpen) -> Result<(), Failure> {
    let command = match (&args.app, &args.open_url) {
        (Some(app), _) => Command::Launch { app: app.clone() },
        (_, Some(url)) => Command::OpenUrl { url: url.clone() },
        (None, None) => return Ok(()),
    };
    session.outcome(&command).await.map(drop)
}

/// The lease that the session has already, if it is the device that is asked for.
async fn held(host: &DeviceHost, args: &DeviceOpen) -> Result<Option<Session>, Failure> {
    let name = &args.device.session;
    let Some(held) = host.memory.get(name)? else {
        return Ok(None);
    };
    let json = args.device.json;
    match host.api.renew(&held.lease).await {
        Ok(()) => {}
        Err(refused) if refused.is_over() => {
            host.memory.forget(name, &held.lease)?;
            return Ok(None);
        }
        Err(refused) => return Err(refused.told(json)),
    }
    let wanted = args.selector.is_empty() || {
        let listed = host.api.devices(false).await;
        let listed = listed.map_err(|refused| refused.told(json))?;
        let device = listed
            .devices
            .iter()
            .find(|device| device.key == held.device);
        device.is_some_and(|device| args.selector.iter().any(|wish| fits(device, wish)))
    };
    if !wanted {
        let message = format!(
            "the session {name} has {} already: give it back (hostler device close), or take another \
             name (--session NAME)",
            one_line(&held.device, words::NAME)
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    if held.reader && !args.reader {
        let message = format!(
            "the session {name} looks on at {} and does not hold it: end that (hostler device close), \
             or take another name (--session NAME)",
            one_line(&held.device, words::NAME)
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let host = host.clone();
    Ok(Some(Session { host, held, json }))
}

/// Whether a device is meant by a word.
pub(super) fn fits(device: &Device, wish: &str) -> bool {
    let same = |text: &str| text.to_lowercase() == wish.to_lowercase();
    let hardware_id = device.key.split_once(':').map_or("", |(_, id)| id);
    match wish.strip_prefix(POOL).or_else(|| wish.strip_prefix('@')) {
        Some(pool) => device
            .pools
            .iter()
            .any(|name| name.to_lowercase() == pool.to_lowercase()),
        None => {
            same(&device.key)
                || same(&device.name)
                || same(hardware_id)
                || device.aliases.iter().any(|alias| same(alias))
        }
    }
}

fn ask(args: &DeviceOpen) -> Ask {
    let choice = |wish: &String| {
        let wish = wish.trim();
        match wish.strip_prefix(POOL) {
            Some(pool) => format!("@{pool}"),
            None => wish.to_owned(),
        }
    };
    Ask {
        devices: args.selector.iter().map(choice).collect(),
        platform: args.platform.clone(),
        wait_ms: args.wait.map(whole_ms),
        ttl_ms: args.ttl.map(whole_ms),
        reader: args.reader,
        policy: args.policy.clone(),
        session: args.device.session.clone(),
        client: "hostler",
    }
}

/// What was asked for, to be told how to ask again.
fn written(args: &DeviceOpen) -> words::Wish {
    let mut options = String::new();
    let session = Some(&args.device.session).filter(|name| *name != "default");
    for (option, value) in [
        ("platform", args.platform.as_ref()),
        ("policy", args.policy.as_ref()),
        ("session", session),
    ] {
        if let Some(value) = value {
            let _ = write!(options, " --{option} {}", words::argument(value));
        }
    }
    words::Wish {
        selector: args.selector.join(","),
        options,
    }
}

pub(super) fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) async fn close(args: DeviceClose) -> Result<Exit, Failure> {
    let args = &args.device;
    let host = DeviceHost::of(&args.host)?;
    let Some(held) = host.memory.get(&args.session)? else {
        if args.json {
            print_json(&json!({ "device": null }))?;
        } else {
            print(&format!("The session {} holds no device.", args.session));
        }
        return Ok(Exit::Done);
    };
    let over = match host.api.release(&held.lease).await {
        Ok(()) => false,
        Err(refused) if refused.is_over() => true,
        Err(refused) => return Err(refused.told(args.json)),
    };
    host.memory.forget(&args.session, &held.lease)?;
    let device = one_line(&held.device, words::NAME);
    if args.json {
        print_json(&json!({ "device": held.device, "was_over": over }))?;
    } else if over {
        print(&format!("{device} was not yours any more."));
    } else if held.reader {
        print(&format!("You look on at {device} no more."));
    } else {
        print(&format!("{device} is free again."));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        serde_json::from_value(json!({
            "key": "android:emulator-5554", "name": "Pixel 8", "platform": "android",
            "kind": "emulator", "target": "mobile", "booted": true, "aliases": ["Phone"],
            "pools": ["phones"], "state": "free",
        }))
        .unwrap()
    }

    #[test]
    fn a_device_is_meant_by_any_of_its_names_in_any_case() {
        for wish in [
            "ANDROID:emulator-5554",
            "Emulator-5554",
            "pixel 8",
            "phone",
            "pool:Phones",
            "@phones",
        ] {
            assert!(fits(&device(), wish), "{wish}");
        }
        for wish in ["", "pixel", "phones", "pool:pixel 8", "android"] {
            assert!(!fits(&device(), wish), "{wish}");
        }
    }
}

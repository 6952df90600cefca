//! Devices and sessions: listing, opening, closing.

use hostler_auth::Scope;
use hostler_device::{DeviceView, LeaseStanding, Refusal};
use hostler_lease::Refused;
use hostler_provider::{Call, Capabilities, DeviceError};
use serde_json::{Value, json};

use super::{look, run::Run};
use crate::{
    caller::{Caller, labels},
    fault::Fault,
    hold::{self, GiveBack},
    platform::{listed, of_session},
    request::Command,
    scope,
    state::Shared,
    wish::Asked,
};

/// `devices`. Needs a lease only if the policy says so.
pub(crate) async fn devices(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
) -> Result<Value, Fault> {
    caller.needs(Scope::View)?;
    let labels = labels(&command.session, &command.claims)?;
    let policy = scope::policy(&shared.devices, &command.claims).await;
    let needed = shared
        .devices
        .needs_lease(&caller.who, &labels, &command.name, policy.as_deref());
    if needed.await? && current(shared, caller, command)?.is_none() {
        let message = "the lease policy lists devices only to those who hold one";
        return Err(Fault::new("UNAUTHORIZED", "LEASE_SCOPE_REQUIRED", message)
            .hint("Run `agent-device open` first."));
    }
    let asked = Asked::read(&command.flags)?;
    let listing = shared.devices.devices(&caller.who, false).await;
    let fitting = listing.devices.iter().filter(|view| asked.is(view));
    let devices: Vec<_> = fitting.map(shown).collect();
    let mut answer = json!({ "devices": devices });
    if !listing.failures.is_empty()
        && let Some(map) = answer.as_object_mut()
    {
        let say = |failure: &hostler_device::ProviderFailure| {
            format!(
                "the provider {} does not answer: {}",
                failure.id, failure.error
            )
        };
        let warnings: Vec<_> = listing.failures.iter().map(say).collect();
        map.insert("warnings".into(), warnings.into());
    }
    Ok(answer)
}

/// A device, with who has it where the caller may know.
fn shown(view: &DeviceView) -> Value {
    let mut value = listed(&view.info);
    if let (Some(map), Some(holder)) = (value.as_object_mut(), &view.status.holder) {
        let by = json!({
            "session": holder.session.as_str(), "workspace": holder.principal.as_str(),
        });
        map.insert("claimedBy".into(), by);
    }
    value
}

/// The lease that the caller has already, by its id or by its session.
fn current(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
) -> Result<Option<hostler_device::Lease>, Fault> {
    if command.claims.lease_id.is_none() {
        return Ok(hold::held(shared, caller, command));
    }
    let lease = scope::lease(&shared.devices, caller, &command.session, &command.claims);
    lease.map(Some)
}

/// `session list`.
pub(crate) async fn list(shared: &Shared, caller: &Caller) -> Result<Value, Fault> {
    caller.needs(Scope::View)?;
    let leases = shared.devices.leases(&caller.who, false)?;
    shared.devices.listed().await;
    let mut sessions = Vec::new();
    for lease in leases {
        let (key, token) = match &lease.standing {
            LeaseStanding::Held { key, token, .. } => (key, Some(*token)),
            LeaseStanding::HandingOver { key } => (key, None),
            LeaseStanding::Waiting { .. } => continue,
        };
        let Some(view) = shared.devices.device(&caller.who, key) else {
            continue;
        };
        let mut session = of_session(&view.info);
        if let Some(map) = session.as_object_mut() {
            map.insert("name".into(), lease.scope.session.as_str().into());
            let since = token.and_then(|token| shared.notes.since(key, token));
            let since = since.unwrap_or_else(crate::clock::unix_ms);
            map.insert("createdAt".into(), since.into());
        }
        sessions.push(session);
    }
    Ok(json!({ "sessions": sessions }))
}

/// Whether a device does what a command needs.
type Does = fn(&Capabilities) -> bool;

/// Commands, and what a device must do for them.
pub(super) const COMMANDS: [(&str, Does); 42] = [
    ("devices", |_| true),
    ("capabilities", |_| true),
    ("open", |can| can.open_url || can.launch),
    ("close", |_| true),
    ("boot", |_| true),
    ("shutdown", |can| can.shutdown),
    ("session", |_| true),
    ("batch", |_| true),
    ("wait", |_| true),
    ("snapshot", |can| can.snapshot),
    ("diff", |can| can.snapshot),
    ("get", |can| can.snapshot),
    ("is", |can| can.snapshot),
    ("find", |can| can.snapshot),
    ("click", |can| can.act),
    ("press", |can| can.act),
    ("longpress", |can| can.act),
    ("hover", |can| can.act),
    ("focus", |can| can.act),
    ("fill", |can| can.text),
    ("type", |can| can.text),
    ("scroll", |can| can.movement),
    ("swipe", |can| can.movement),
    ("gesture", |can| can.movement),
    ("back", |can| can.buttons),
    ("home", |can| can.buttons),
    ("app-switcher", |can| can.buttons),
    ("keyboard", |can| can.keys),
    ("orientation", |can| can.orientation),
    ("screenshot", |can| can.screenshot),
    ("record", |can| can.recording),
    ("install", |can| can.install),
    ("reinstall", |can| can.install),
    ("apps", |can| can.apps),
    ("appstate", |can| can.apps || can.snapshot),
    ("alert", |can| can.alert),
    ("clipboard", |can| can.clipboard),
    ("logs", |can| can.logs),
    ("push", |can| can.native),
    ("settings", |can| can.native),
    ("trigger-app-event", |can| can.native),
    ("doctor", |_| true),
];

/// `capabilities`: of the device that is named, or of the session's.
pub(crate) async fn capabilities(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
) -> Result<Value, Fault> {
    caller.needs(Scope::View)?;
    let asked = Asked::read(&command.flags)?;
    let own = current(shared, caller, command)?;
    let listing = shared.devices.devices(&caller.who, false).await;
    let mut devices = listing.devices.iter();
    let view = match own {
        Some(lease) if !asked.names_one() => devices.find(|view| view.key == lease.key),
        _ => devices.find(|view| asked.is(view)),
    };
    let Some(view) = view else {
        return Err(Refusal::NoDevice(asked.platform).into());
    };
    let can = view.info.capabilities;
    let does = COMMANDS.iter().filter(|(_, does)| does(&can));
    let commands: Vec<_> = does.map(|(name, _)| *name).collect();
    Ok(json!({ "device": listed(&view.info), "availableCommands": commands }))
}

/// `open [APP|URL] [URL]`.
pub(crate) async fn open(run: &Run<'_>) -> Result<Value, Fault> {
    let command = run.command;
    let words: Vec<&str> = command.positionals.iter().map(String::as_str).collect();
    let (app, url) = match words.as_slice() {
        [] => (None, None),
        [one] if is_url(one) => (None, Some(*one)),
        [one] => (Some(*one), None),
        [app, url] => (Some(*app), Some(*url)),
        _ => return Err(Fault::args("`open` takes an app or a URL, or both")),
    };
    // What is true of the device must be known before anything is begun.
    let mut answer = run.device_members().await?;
    if let Some(app) = app {
        if command.flags.is("relaunch") {
            terminate(run, app).await?;
        }
        match run.call(Call::Launch(app.to_owned())).await {
            Ok(_) => {}
            Err(fault) if fault.reason() == "UNSUPPORTED" && url.is_none() => {
                return Err(fault.hint("This device opens URLs: write one with its scheme."));
            }
            Err(fault) => return Err(fault),
        }
    }
    if let Some(url) = url {
        run.act(Call::OpenUrl(url.to_owned())).await?;
    }
    let opened = app.or(url);
    run.note(|note| {
        note.baseline = None;
        if opened.is_some() {
            note.app = opened.map(str::to_owned);
        }
    });
    answer.insert("session".into(), command.session.clone().into());
    if let Some(opened) = opened {
        answer.insert("appName".into(), opened.into());
        answer.insert("appBundleId".into(), opened.into());
    }
    if command.flags.is("foreground") {
        answer.insert("snapshot".into(), look::first(run).await?);
    }
    Ok(answer.into())
}

/// Whether it has a scheme.
fn is_url(text: &str) -> bool {
    text.contains("://") || text.starts_with("about:") || text.starts_with("data:")
}

/// Ends an app that is to be started anew. One that does not run is fine.
async fn terminate(run: &Run<'_>, app: &str) -> Result<(), Fault> {
    match run.act(Call::Terminate(app.to_owned())).await {
        Err(fault) if fault.reason() != "NOT_FOUND" => Err(fault),
        _ => Ok(()),
    }
}

/// `close [APP]`: ends the app that is named, and the session with its lease.
pub(crate) async fn close(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
) -> Result<Value, Fault> {
    caller.needs(Scope::Lease)?;
    let answer = json!({ "session": command.session });
    let principal = &caller.who.principal;
    let lease = if command.claims.lease_id.is_some() {
        let id = scope::lease_id(&command.claims)?;
        let found = shared.devices.lease(&caller.who, id);
        if found.is_err_and(|refusal| shared.given_back.is_over(principal, id, &refusal)) {
            return Ok(answer);
        }
        scope::lease(&shared.devices, caller, &command.session, &command.claims)?
    } else {
        let lease = hold::held(shared, caller, command);
        lease.ok_or_else(|| Fault::no_session(&command.session))?
    };
    let (progress, asked_to_stop) = (Default::default(), command.flags.is("shutdown"));
    let run = Run {
        shared,
        caller,
        command,
        lease: &lease,
        progress: &progress,
    };
    // Whatever these say, the lease is over after them; also if the client leaves
    // meanwhile.
    let give_back = GiveBack::of(shared, caller, &lease);
    let ended = match command.at(0) {
        Some(app) => run.act(Call::Terminate(app.to_owned())).await,
        None => Ok(()),
    };
    let stopped = match asked_to_stop {
        true => Some(run.act(Call::Shutdown).await),
        false => None,
    };
    shared.notes.forget(&lease);
    match give_back.now().await {
        Ok(()) | Err(Refusal::Lease(Refused::LeaseEnded(_))) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    shared.given_back.note(principal, lease.id);
    let mut answer = answer;
    if let Some(map) = answer.as_object_mut() {
        if let (Some(app), Ok(())) = (command.at(0), &ended) {
            map.insert("closedApp".into(), app.into());
        }
        if let Err(fault) = &ended {
            let text = format!("the app was not ended: {}", fault.message());
            map.insert("warnings".into(), vec![text].into());
        }
        if let Some(stopped) = &stopped {
            map.insert("shutdown".into(), shut_down(stopped));
        }
    }
    Ok(answer)
}

fn shut_down(outcome: &Result<(), Fault>) -> Value {
    match outcome {
        Ok(()) => json!({ "success": true, "exitCode": 0, "stdout": "", "stderr": "" }),
        Err(fault) => json!({
            "success": false, "exitCode": 1, "stdout": "", "stderr": fault.message(),
        }),
    }
}

/// `boot`: a device that is leased is running.
pub(crate) async fn boot(run: &Run<'_>) -> Result<Value, Fault> {
    let mut answer = run.device_members().await?;
    run.act(Call::Alive).await?;
    answer.insert("booted".into(), true.into());
    Ok(answer.into())
}

/// `shutdown`: turns it off; the lease ends with that.
pub(crate) async fn shutdown(run: &Run<'_>) -> Result<Value, Fault> {
    let mut answer = run.device_members().await?;
    run.act(Call::Shutdown).await?;
    let devices = &run.shared.devices;
    run.shared.notes.forget(run.lease);
    if let Err(refusal) = devices.release(&run.caller.who, run.lease.id).await
        && !matches!(
            refusal,
            Refusal::Lease(_) | Refusal::Device(DeviceError::Lost(_))
        )
    {
        return Err(refusal.into());
    }
    answer.insert("shutdown".into(), shut_down(&Ok(())));
    Ok(answer.into())
}

/// `doctor`: whether the device of the session answers.
pub(crate) async fn doctor(run: &Run<'_>) -> Result<Value, Fault> {
    run.act(Call::Alive).await?;
    let summary = format!("{} answers", run.lease.key);
    let check = json!({ "id": "device", "status": "pass", "summary": summary });
    Ok(json!({ "status": "pass", "summary": summary, "kind": "auto", "checks": [check] }))
}

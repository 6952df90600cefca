//! The commands of the client, each in terms of what a device does.

mod aim;
mod apps;
mod batch;
mod find;
mod gestures;
mod keys;
mod logs;
mod look;
mod moves;
mod pictures;
mod run;
mod session;
mod settle;
mod touch;
mod wait;

use serde_json::Value;

use crate::{
    caller::Caller,
    fault::Fault,
    hold::{self, GiveBack, Held},
    progress::Progress,
    request::Command,
    state::Shared,
};

pub(crate) use run::Run;

/// Does a command.
pub(crate) async fn run(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
    progress: &Progress,
) -> Result<Value, Fault> {
    match command.name.as_str() {
        "devices" => session::devices(shared, caller, command).await,
        "session_list" => session::list(shared, caller).await,
        "capabilities" => session::capabilities(shared, caller, command).await,
        "close" => session::close(shared, caller, command).await,
        "artifacts" => Ok(pictures::artifacts(shared, caller)),
        "batch" => batch::run(shared, caller, command, progress).await,
        name if is_of_a_device(name) => {
            let held = hold::hold(shared, caller, command, progress).await?;
            under(shared, caller, command, progress, held).await
        }
        name => Err(unknown(name)),
    }
}

/// Commands that need a device.
const NAMES: [&str; 37] = [
    "open",
    "boot",
    "shutdown",
    "snapshot",
    "diff",
    "click",
    "press",
    "longpress",
    "hover",
    "focus",
    "fill",
    "type",
    "scroll",
    "swipe",
    "gesture",
    "back",
    "home",
    "app-switcher",
    "orientation",
    "keyboard",
    "get",
    "is",
    "find",
    "wait",
    "screenshot",
    "record",
    "install",
    "reinstall",
    "apps",
    "appstate",
    "alert",
    "clipboard",
    "logs",
    "push",
    "settings",
    "trigger-app-event",
    "doctor",
];

/// A command that is not known takes no device.
fn is_of_a_device(name: &str) -> bool {
    NAMES.contains(&name)
}

fn unknown(name: &str) -> Fault {
    let shown: String = name.chars().take(40).collect();
    let message = format!("this host does not do `{shown}`");
    Fault::new("UNSUPPORTED_OPERATION", "UNSUPPORTED", message)
        .hint("`agent-device capabilities` shows what a device does here.")
}

/// Does a command under a lease. A lease that was made for it lives on only if
/// it worked.
async fn under(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
    progress: &Progress,
    held: Held,
) -> Result<Value, Fault> {
    let run = Run {
        shared,
        caller,
        command,
        lease: &held.lease,
        progress,
    };
    let Some(fresh) = held.fresh else {
        return of_a_device(&run).await;
    };
    // Also when it was used already, and whether the command fails or its client
    // leaves: there is no session yet.
    let give_back = GiveBack::of(shared, caller, &held.lease);
    let answer = of_a_device(&run).await;
    match answer {
        Ok(answer) => {
            fresh.keep();
            give_back.never();
            Ok(answer)
        }
        Err(fault) => {
            shared.notes.forget(&held.lease);
            if let Err(error) = give_back.now().await {
                tracing::debug!("a lease that was made for a failed command had ended: {error}");
            }
            Err(fault)
        }
    }
}

async fn of_a_device(run: &Run<'_>) -> Result<Value, Fault> {
    match run.command.name.as_str() {
        "open" => session::open(run).await,
        "boot" => session::boot(run).await,
        "shutdown" => session::shutdown(run).await,
        "snapshot" => look::snapshot(run).await,
        "diff" => look::diff(run).await,
        "get" => look::get(run).await,
        "is" => look::is(run).await,
        "find" => find::find(run).await,
        "wait" => wait::wait(run).await,
        "click" | "press" => touch::press(run).await,
        "longpress" => touch::long_press(run).await,
        "hover" => touch::hover(run).await,
        "focus" => touch::focus(run).await,
        "fill" => touch::fill(run).await,
        "type" => touch::type_text(run).await,
        "scroll" => moves::scroll(run).await,
        "swipe" => gestures::swipe(run).await,
        "gesture" => gestures::gesture(run).await,
        "back" => keys::back(run).await,
        "home" | "app-switcher" => keys::button(run).await,
        "orientation" => keys::orientation(run).await,
        "keyboard" => keys::keyboard(run).await,
        "alert" => keys::alert(run).await,
        "clipboard" => keys::clipboard(run).await,
        "screenshot" => pictures::screenshot(run).await,
        "record" => pictures::record(run).await,
        "install" | "reinstall" => apps::install(run).await,
        "apps" => apps::apps(run).await,
        "appstate" => apps::state(run).await,
        "logs" => logs::logs(run).await,
        "doctor" => session::doctor(run).await,
        // Each provider does these its own way, or not at all.
        "push" | "settings" | "trigger-app-event" => apps::native(run).await,
        name => Err(unknown(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_device_may_do_is_among_its_capabilities() {
        for name in NAMES {
            let mut told = session::COMMANDS.iter();
            assert!(told.any(|(command, _)| *command == name), "{name}");
        }
    }
}

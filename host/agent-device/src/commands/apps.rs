//! Apps, and what each provider does its own way.

use hostler_provider::{Answer, App, AppState, Call};
use serde_json::{Value, json};
use std::time::Duration;

use super::run::{Run, odd_answer, within};
use crate::{fault::Fault, spool::Kind};

/// How long an installation may take: large apps on slow devices.
const INSTALL_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long an installation may wait for memory that other packages have now.
const MEMORY_LIMIT: Duration = Duration::from_secs(60);

/// `install [APP] PATH`, `reinstall APP PATH`.
pub(crate) async fn install(run: &Run<'_>) -> Result<Value, Fault> {
    let command = run.command;
    let (app, path) = match command.positionals.as_slice() {
        [path] => (None, path),
        [app, path] => (Some(app), path),
        _ => {
            return Err(Fault::args(
                "`install` needs an app and the path of its package",
            ));
        }
    };
    let Some(upload) = command.meta.text("uploadedArtifactId")? else {
        let shown: String = path.chars().take(80).collect();
        let message = format!("{shown:?} was not uploaded; this host reads no paths of its own");
        return Err(Fault::new("INVALID_ARGS", "UPLOAD_MISSING", message)
            .hint("Check that the file is there on your side."));
    };
    let owner = &run.caller.who.principal;
    let kept = run
        .shared
        .spool
        .find(owner, Kind::Upload, upload)
        .ok_or_else(|| {
            let message = "there is no such upload of yours; it may have expired";
            Fault::new("INVALID_ARGS", "UPLOAD_UNKNOWN", message).hint("Run the command again.")
        })?;
    let read = async { Ok(run.shared.spool.package(&kept).await?) };
    let package = within(MEMORY_LIMIT, "the wait for memory for the package", read).await?;
    if let (Some(app), "reinstall") = (app, command.name.as_str()) {
        match run.act(Call::Uninstall(app.clone())).await {
            Err(fault) if fault.reason() != "NOT_FOUND" => return Err(fault),
            _ => {}
        }
    }
    run.progress.say(&format!("installing {}", kept.name));
    let call = Call::Install {
        name: kept.name.clone(),
        package,
    };
    let Answer::Installed(installed) = run.call_within(call, INSTALL_LIMIT).await? else {
        return Err(odd_answer());
    };
    let mut answer = run.device_members().await?;
    answer.insert("app".into(), app.unwrap_or(&installed.id).clone().into());
    answer.insert("appPath".into(), path.clone().into());
    answer.insert("bundleId".into(), installed.id.clone().into());
    answer.insert("package".into(), installed.id.into());
    Ok(answer.into())
}

/// `apps`.
pub(crate) async fn apps(run: &Run<'_>) -> Result<Value, Fault> {
    let Answer::Apps(apps) = run.call(Call::Apps).await? else {
        return Err(odd_answer());
    };
    let shown = |app: &App| match app.name == app.id || app.name.is_empty() {
        true => app.id.clone(),
        false => format!("{} ({})", app.name, app.id),
    };
    Ok(json!({ "apps": apps.iter().map(shown).collect::<Vec<_>>() }))
}

/// `appstate`: what is in front, as far as the device tells.
pub(crate) async fn state(run: &Run<'_>) -> Result<Value, Fault> {
    let info = run.view().await?.info;
    let mut answer = run.device_members().await?;
    let opened = run.note(|note| note.app.clone());
    if info.capabilities.apps
        && let Some(app) = &opened
    {
        let Answer::AppState(state) = run.call(Call::AppState(app.clone())).await? else {
            return Err(odd_answer());
        };
        let state = match state {
            AppState::NotInstalled => "not-installed",
            AppState::Stopped => "stopped",
            AppState::Background => "background",
            AppState::Foreground => "foreground",
        };
        answer.insert("state".into(), state.into());
    }
    let app = match run.look().await?.tree().app.clone() {
        Some(app) => Some(app),
        None => opened,
    };
    let app = app.unwrap_or_default();
    answer.insert("appName".into(), app.clone().into());
    answer.insert("appBundleId".into(), app.clone().into());
    answer.insert("package".into(), app.into());
    answer.insert("activity".into(), "".into());
    answer.insert("source".into(), "session".into());
    answer.insert("surface".into(), "app".into());
    Ok(answer.into())
}

/// `push`, `settings`, `trigger-app-event`: what the provider itself knows under
/// that name. It gets the arguments as they came.
pub(crate) async fn native(run: &Run<'_>) -> Result<Value, Fault> {
    let name = run.command.name.clone();
    if !run.view().await?.info.capabilities.native {
        return Err(Fault::unsupported(format!(
            "this device does not do `{name}`"
        )));
    }
    let params = json!({ "arguments": run.command.positionals }).to_string();
    let call = Call::Native {
        method: name.clone(),
        params,
    };
    let Answer::Text(text) = run.call(call).await? else {
        return Err(odd_answer());
    };
    let result: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(json!({ "action": name, "result": result, "message": format!("Did {name}") }))
}

//! Each call of a session as the guest's function.

use bytes::Bytes;
use hostler_provider::Call;
use wasmtime::{
    Store,
    component::{Resource, ResourceAny},
};

use super::questions;
use crate::{
    bindings::device::{DeviceProvider, exports::hostler::device::provider as guest},
    blob::Blob,
    state::State,
};

/// What a guest answered, not looked at yet.
#[derive(Debug)]
pub(super) enum Raw {
    Done,
    Screen(guest::Screen),
    Tree(guest::Tree),
    Image(guest::Image),
    Logs(guest::Logs),
    Apps(Vec<guest::App>),
    AppState(guest::AppState),
    Installed(guest::App),
    Alert(Option<guest::Alert>),
    Text(String),
    /// JSON of `native`.
    Json(String),
    Orientation(guest::Orientation),
    Data(Resource<Blob>),
}

pub(super) async fn call(
    guest: &DeviceProvider,
    store: &mut Store<State>,
    session: ResourceAny,
    token: u64,
    call: Call,
) -> wasmtime::Result<Result<Raw, guest::Error>> {
    let it = guest.hostler_device_provider().session();
    // The one argument list that all calls begin with, and what becomes of the
    // answer.
    macro_rules! ask {
        ($function:ident($($argument:expr),*) => $answer:expr) => {
            it.$function(store, session, token, $($argument),*)
                .await?
                .map($answer)
        };
        ($function:ident($($argument:expr),*)) => {
            ask!($function($($argument),*) => |()| Raw::Done)
        };
    }
    Ok(match call {
        Call::Screen => ask!(call_screen() => Raw::Screen),
        Call::Snapshot => ask!(call_snapshot() => Raw::Tree),
        Call::Act(target, act) => {
            ask!(call_act(questions::target(target), questions::act(act)))
        }
        Call::Move(movement) => ask!(call_move(&questions::movement(movement))),
        Call::Fill(target, text) => ask!(call_fill(questions::target(target), &text)),
        Call::TypeText(text) => ask!(call_type_text(&text)),
        Call::Press(key) => ask!(call_press(&key)),
        Call::WaitIdle(ms) => ask!(call_wait_idle(ms)),
        Call::Screenshot { full } => ask!(call_screenshot(full) => Raw::Image),
        Call::Frame => ask!(call_frame() => Raw::Image),
        Call::RecordStart => ask!(call_record_start()),
        Call::RecordStop => ask!(call_record_stop() => Raw::Image),
        Call::Logs { since } => ask!(call_logs(since) => Raw::Logs),
        Call::Apps => ask!(call_apps() => Raw::Apps),
        Call::AppState(app) => ask!(call_app_state(&app) => Raw::AppState),
        Call::Install { name, package } => {
            let (lent, package) = lend(store, package)?;
            let installed = it
                .call_install(&mut *store, session, token, &name, lent)
                .await?;
            store.data_mut().take(package)?;
            installed.map(Raw::Installed)
        }
        Call::Uninstall(app) => ask!(call_uninstall(&app)),
        Call::Launch(app) => ask!(call_launch(&app)),
        Call::Terminate(app) => ask!(call_terminate(&app)),
        Call::OpenUrl(url) => ask!(call_open_url(&url)),
        Call::Alert(answer) => {
            ask!(call_alert(&questions::alert_answer(answer)) => Raw::Alert)
        }
        Call::Clipboard => ask!(call_clipboard() => Raw::Text),
        Call::SetClipboard(text) => ask!(call_set_clipboard(&text)),
        Call::Orientation => ask!(call_orientation() => Raw::Orientation),
        Call::SetOrientation(orientation) => {
            ask!(call_set_orientation(questions::orientation(orientation)))
        }
        Call::Push { path, data } => {
            let (lent, data) = lend(store, data)?;
            let pushed = it
                .call_push(&mut *store, session, token, &path, lent)
                .await?;
            store.data_mut().take(data)?;
            pushed.map(|()| Raw::Done)
        }
        Call::Pull(path) => ask!(call_pull(&path) => Raw::Data),
        Call::Native { method, params } => ask!(call_native(&method, &params) => Raw::Json),
        Call::Alive => ask!(call_alive()),
        Call::Shutdown => ask!(call_shutdown()),
    })
}

/// Bytes for the length of one call: what the guest borrows, and what is to be
/// taken back.
fn lend(
    store: &mut Store<State>,
    bytes: Bytes,
) -> wasmtime::Result<(Resource<Blob>, Resource<Blob>)> {
    let state = store.data_mut();
    let blob = state
        .blob_bytes
        .blob(bytes)
        .map_err(|_| wasmtime::Error::msg("its blobs leave no room for the bytes of the call"))?;
    let own = state.give(blob).map_err(wasmtime::Error::msg)?;
    Ok((Resource::new_borrow(own.rep()), own))
}

//! From a target to a session: its driver, a new browser, the start page.

use std::time::Duration;

use hostler_sdk::clock;
use hostler_sdk::device::{Error, HandOver, OpenParams, Result, progress};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::driver;
use crate::session::Browser;
use crate::settings::{self, Target};
use crate::wire::{COMMAND, Endpoint, Fault, Kind, Wire, value};

/// How long to wait before a cloud that was full is asked again.
const BUSY_PAUSE: Duration = Duration::from_secs(5);

/// Each browser starts from an empty profile of its own, which is what `erase`
/// means; so `keep` and `clear-apps` find nothing else.
pub(crate) fn open(params: &OpenParams) -> Result<Browser> {
    if let HandOver::Snapshot(name) = &params.hand_over {
        return Err(Error::Unsupported(format!(
            "a browser has no snapshots, so {name:?} cannot be restored"
        )));
    }
    let target = settings::load()?
        .into_iter()
        .find(|target| target.hardware_id() == params.hardware_id)
        .ok_or_else(|| {
            Error::Lost(format!(
                "no target of the configuration is {} any more",
                params.hardware_id
            ))
        })?;
    let endpoint = Endpoint {
        base: base(&target)?,
        headers: target.headers.clone().into_iter().collect(),
    };
    if target.driver.is_some() {
        end_leftovers(&endpoint);
    }
    progress("starting a browser");
    let session = new_session(&endpoint, &target)?;
    let wire = Wire { endpoint, session };
    let mut browser = Browser::new(wire, target, params.first_ref);
    if let Err(error) = browser.begin() {
        // The error says what happened; a second one would not help.
        let _ = browser.end();
        return Err(error);
    }
    Ok(browser)
}

/// Where the endpoint is; a driver is started for it.
fn base(target: &Target) -> Result<String> {
    let Some(driver) = &target.driver else {
        let url = target.url.as_deref().unwrap_or_default();
        return Ok(url.trim_end_matches('/').to_owned());
    };
    progress(format!("starting {driver}"));
    let port = driver::start(driver, target)?;
    Ok(format!("http://127.0.0.1:{port}"))
}

#[derive(Deserialize)]
struct Running {
    id: String,
}

/// The driver is this device's alone: a session that is still there belongs to a
/// holder whose plugin was ended before it could close. A driver that does not
/// list them ends them with itself.
fn end_leftovers(endpoint: &Endpoint) {
    let listed = endpoint
        .send("GET", "/sessions", None, COMMAND)
        .and_then(|body| value::<Vec<Running>>(&body, "/value"));
    for Running { id } in listed.unwrap_or_default() {
        let wire = Wire {
            endpoint: endpoint.clone(),
            session: id,
        };
        let _ = wire.delete();
    }
}

/// Asks again while a cloud is full, as long as the target allows.
pub(crate) fn new_session(endpoint: &Endpoint, target: &Target) -> Result<String> {
    let body = json!({"capabilities": {"alwaysMatch": capabilities(target)}});
    let limit = Duration::from_secs(target.open_timeout_seconds.into());
    let began = clock::monotonic()?;
    loop {
        let left = limit.saturating_sub(clock::monotonic()?.saturating_sub(began));
        let asked = endpoint.send("POST", "/session", Some(&body), left.max(BUSY_PAUSE));
        match asked {
            Ok(answer) => {
                let id: String = value(&answer, "/value/sessionId")?;
                return check_id(id);
            }
            Err(fault) if fault.kind == Kind::Busy && left > BUSY_PAUSE => {
                progress("all sessions are in use; asking again");
                clock::sleep(BUSY_PAUSE).map_err(|_| Error::Cancelled)?;
            }
            Err(fault) => return Err(not_opened(fault)),
        }
    }
}

/// It becomes part of a path.
fn check_id(id: String) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:~".contains(&byte);
    if id.is_empty() || id.len() > 256 || !id.bytes().all(plain) {
        return Err(Error::other(format!(
            "the endpoint calls its session {:?}, which is no id",
            id.chars().take(80).collect::<String>()
        )));
    }
    Ok(id)
}

fn not_opened(fault: Fault) -> Error {
    let text = format!("no browser could be started: {}", fault.text);
    match fault.kind {
        Kind::Lost | Kind::TimedOut | Kind::Cancelled => fault.into(),
        _ => Error::Other(text),
    }
}

/// What a new session must be: the operator's own capabilities come last.
fn capabilities(target: &Target) -> Value {
    let mut chrome = Map::new();
    chrome.insert("args".to_owned(), json!(target.args));
    if let Some(binary) = &target.binary {
        chrome.insert("binary".to_owned(), json!(binary));
    }
    let mut emulation = Map::new();
    if let Some(metrics) = target.metrics {
        let metrics = json!({
            "width": metrics.width, "height": metrics.height, "pixelRatio": metrics.scale,
            "touch": metrics.mobile, "mobile": metrics.mobile,
        });
        emulation.insert("deviceMetrics".to_owned(), metrics);
    }
    if let Some(agent) = &target.user_agent {
        emulation.insert("userAgent".to_owned(), json!(agent));
    }
    if !emulation.is_empty() {
        chrome.insert("mobileEmulation".to_owned(), Value::Object(emulation));
    }
    let mut all = json!({
        "browserName": "chrome",
        // An alert waits for an answer; by default any command would dismiss it.
        "unhandledPromptBehavior": "ignore",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": chrome,
    });
    merge(&mut all, &Value::Object(target.capabilities.clone()));
    all
}

/// Objects key by key, everything else whole.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

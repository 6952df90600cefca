//! `[plugins.ID.config]`: the README has the table of keys.

use std::collections::{BTreeMap, BTreeSet};

use hostler_sdk::config;
use hostler_sdk::device::{Capabilities, Device, Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The contract's bounds of what a device says of itself.
const MAX_HARDWARE_ID: usize = 128;
const MAX_ALIASES: usize = 16;
const MAX_PLATFORM: usize = 32;

/// The longest name of a target.
const MAX_NAME: usize = 48;

/// The widest and highest screen, in CSS pixels: Chrome takes no more.
const MAX_SIDE: u32 = 10_000;

/// The longest that clouds keep a session waiting for a free device.
const MAX_OPEN_SECONDS: u32 = 600;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    targets: Vec<Target>,
}

/// One browser that can be leased.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// Of an endpoint that runs.
    pub(crate) url: Option<String>,
    /// A program to start as an endpoint.
    pub(crate) driver: Option<String>,
    #[serde(default = "chromium")]
    pub(crate) platform: String,
    #[serde(default = "browser")]
    pub(crate) kind: String,
    /// `mobile` or `desktop`, as the metrics say, if it is left out.
    pub(crate) target: Option<String>,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) binary: Option<String>,
    #[serde(default = "headless")]
    pub(crate) args: Vec<String>,
    pub(crate) metrics: Option<Metrics>,
    pub(crate) user_agent: Option<String>,
    pub(crate) start_page: Option<String>,
    /// Whether holders may send commands of Chrome's own: those reach files.
    #[serde(default)]
    pub(crate) native: bool,
    #[serde(default)]
    pub(crate) capabilities: Map<String, Value>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default = "open_seconds")]
    pub(crate) open_timeout_seconds: u32,
}

/// A screen to emulate.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    pub(crate) width: u32,
    pub(crate) height: u32,
    #[serde(default = "one")]
    pub(crate) scale: f64,
    #[serde(default = "yes")]
    pub(crate) mobile: bool,
}

fn chromium() -> String {
    "chromium".to_owned()
}

fn browser() -> String {
    "browser".to_owned()
}

/// Without a window, and where containers and root have neither Chrome's sandbox
/// nor a large /dev/shm.
fn headless() -> Vec<String> {
    [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ]
    .map(str::to_owned)
    .into()
}

fn open_seconds() -> u32 {
    120
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

/// All targets, each checked.
pub(crate) fn load() -> Result<Vec<Target>> {
    let settings: Settings = config::get()?;
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for target in &settings.targets {
        target.check().map_err(|what| {
            Error::other(format!(
                "[[plugins.ID.config.targets]] with name = {:?}: {what}",
                target.name
            ))
        })?;
        if !names.insert(&target.name) || !ids.insert(target.hardware_id()) {
            return Err(Error::other(format!(
                "[[plugins.ID.config.targets]]: two targets are called {:?}; names must differ",
                target.name
            )));
        }
    }
    Ok(settings.targets)
}

impl Target {
    fn check(&self) -> Result<(), String> {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let lower = |text: &str| {
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !text.is_empty() && text.bytes().all(fits)
        };
        if self.name.is_empty() || self.name.len() > MAX_NAME || !plain(&self.name) {
            return Err(format!(
                "a name has 1 to {MAX_NAME} printable ASCII characters and no spaces"
            ));
        }
        match (&self.url, &self.driver) {
            (Some(url), None) => check_url(url)?,
            (None, Some(driver)) if !driver.is_empty() => {}
            (Some(_), Some(_)) => return Err("give `url` or `driver`, not both".to_owned()),
            _ => {
                return Err(
                    "give `url = \"http://…\"` of an endpoint, or `driver = \"chromedriver\"` \
                            to have one started"
                        .to_owned(),
                );
            }
        }
        if self.hardware_id().len() > MAX_HARDWARE_ID {
            return Err(format!(
                "name and URL have over {MAX_HARDWARE_ID} characters together"
            ));
        }
        if !lower(&self.platform) || self.platform.len() > MAX_PLATFORM {
            return Err(format!(
                "platform = {:?} is not 1 to {MAX_PLATFORM} lower-case letters, digits and `-`",
                self.platform
            ));
        }
        if self.aliases.len() > MAX_ALIASES {
            return Err(format!("a device has at most {MAX_ALIASES} aliases"));
        }
        if let Some(metrics) = &self.metrics {
            let side = 1..=MAX_SIDE;
            if !side.contains(&metrics.width) || !side.contains(&metrics.height) {
                return Err(format!("metrics: width and height are 1 to {MAX_SIDE}"));
            }
            if !(0.1..=10.0).contains(&metrics.scale) {
                return Err("metrics: scale is 0.1 to 10".to_owned());
            }
        }
        if !(1..=MAX_OPEN_SECONDS).contains(&self.open_timeout_seconds) {
            return Err(format!("open_timeout_seconds is 1 to {MAX_OPEN_SECONDS}"));
        }
        Ok(())
    }

    /// Where it is and what it is called there.
    pub(crate) fn hardware_id(&self) -> String {
        let place = match (&self.url, &self.driver) {
            (Some(url), _) => url.split_once("://").map_or("", |(_, rest)| rest),
            (None, Some(driver)) => driver.rsplit('/').next().unwrap_or_default(),
            (None, None) => "",
        };
        format!("{}/{}", place.trim_end_matches('/'), self.name)
    }

    /// Whether fingers touch it.
    pub(crate) fn is_mobile(&self) -> bool {
        self.metrics.is_some_and(|metrics| metrics.mobile)
    }

    pub(crate) fn device(&self) -> Device {
        let target = if self.is_mobile() {
            "mobile"
        } else {
            "desktop"
        };
        Device {
            platform: self.platform.clone(),
            hardware_id: self.hardware_id(),
            name: self.name.clone(),
            kind: self.kind.clone(),
            target: self.target.clone().unwrap_or_else(|| target.to_owned()),
            version: None,
            // The browser is started by `open`.
            booted: false,
            aliases: self.aliases.clone(),
            capabilities: Capabilities {
                open_url: true,
                snapshot: true,
                act: true,
                movement: true,
                text: true,
                keys: true,
                buttons: true,
                wait_idle: true,
                screenshot: true,
                frame: true,
                logs: true,
                alert: true,
                clipboard: true,
                orientation: self.is_mobile(),
                native: self.native,
                shutdown: true,
                ..Capabilities::default()
            },
        }
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .ok_or_else(|| format!("url = {url:?} does not begin with http:// or https://"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err("url has credentials in it; put them into `headers`, as \
                    {{secret:NAME}}, so that nobody sees them"
            .to_owned());
    }
    if authority.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("url = {url:?} is no URL"));
    }
    if rest.contains(['?', '#']) {
        return Err(format!("url = {url:?} has a query; give the base alone"));
    }
    Ok(())
}

//! How the emulated screen is held. A driver puts its own metrics back whenever a
//! page is loaded, so they are set again before each call while it is turned.

use hostler_sdk::device::{Error, Orientation, Result};
use serde_json::{Value, json};

use crate::session::Browser;
use crate::settings::Metrics;

pub(crate) fn supported(browser: &Browser) -> Result<Metrics> {
    let metrics = browser.target.metrics.filter(|metrics| metrics.mobile);
    metrics.ok_or_else(|| Error::unsupported("be turned: its metrics are not mobile"))
}

pub(crate) fn turn(browser: &mut Browser, orientation: Orientation) -> Result {
    let metrics = supported(browser)?;
    set(browser, metrics, orientation)?;
    browser.held = orientation;
    Ok(())
}

/// Turns it again, unless it is held as the driver does it by itself.
pub(crate) fn restore(browser: &Browser) -> Result {
    if browser.held == Orientation::Portrait {
        return Ok(());
    }
    set(browser, supported(browser)?, browser.held)
}

fn set(browser: &Browser, metrics: Metrics, orientation: Orientation) -> Result {
    let params = override_of(metrics, orientation);
    Ok(browser
        .wire
        .cdp_run("Emulation.setDeviceMetricsOverride", params)?)
}

/// The metrics are those of the screen held upright.
fn override_of(metrics: Metrics, orientation: Orientation) -> Value {
    let (kind, angle) = match orientation {
        Orientation::Portrait => ("portraitPrimary", 0),
        Orientation::LandscapeLeft => ("landscapePrimary", 90),
        Orientation::PortraitUpsideDown => ("portraitSecondary", 180),
        Orientation::LandscapeRight => ("landscapeSecondary", 270),
    };
    let (width, height) = if angle % 180 == 0 {
        (metrics.width, metrics.height)
    } else {
        (metrics.height, metrics.width)
    };
    json!({
        "width": width, "height": height, "deviceScaleFactor": metrics.scale, "mobile": true,
        "screenWidth": width, "screenHeight": height,
        "screenOrientation": {"type": kind, "angle": angle},
    })
}

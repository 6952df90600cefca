//! Pictures of the page. Their bytes never pass through the plugin.

use hostler_sdk::Blob;
use hostler_sdk::device::{Image, Result};
use serde_json::{Value, json};

use crate::session::Browser;
use crate::view::View;
use crate::wire::{COMMAND, Fault, Kind};

/// The longest side of a picture in physical pixels: Chrome draws no larger one,
/// and what is below is left out.
const MAX_SIDE: f64 = 16_384.0;

/// Enough to follow what happens.
const FRAME_QUALITY: u32 = 60;

pub(crate) fn screenshot(browser: &Browser, full: bool) -> Result<Image> {
    let view = browser.view()?;
    let data = if full {
        let clip = json!({
            "x": 0, "y": 0, "scale": 1,
            "width": view.content_width.max(view.width).min(MAX_SIDE / view.scale),
            "height": view.content_height.max(view.height).min(MAX_SIDE / view.scale),
        });
        let params = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        captured(browser, params)?
    } else {
        decoded(&browser.wire.get_blob("/screenshot")?, "/value")?
    };
    Ok(Image {
        data,
        media_type: "image/png".to_owned(),
        scale: view.scale,
    })
}

/// One pixel for each unit, which is a seventh of a phone's.
pub(crate) fn frame(browser: &Browser) -> Result<Image> {
    let view = browser.view()?;
    let params = json!({
        "format": "jpeg", "quality": FRAME_QUALITY, "optimizeForSpeed": true,
        "clip": clip_of(&view),
    });
    Ok(Image {
        data: captured(browser, params)?,
        media_type: "image/jpeg".to_owned(),
        scale: 1.0,
    })
}

/// What is on the screen, with one pixel for each unit. Clips are in the page's
/// coordinates.
fn clip_of(view: &View) -> Value {
    json!({
        "x": view.page_x, "y": view.page_y, "width": view.width, "height": view.height,
        "scale": 1.0 / view.scale,
    })
}

fn captured(browser: &Browser, params: Value) -> Result<Blob, Fault> {
    let answer = browser
        .wire
        .cdp_blob("Page.captureScreenshot", params, COMMAND)?;
    decoded(&answer, "/value/data")
}

fn decoded(answer: &Blob, pointer: &str) -> Result<Blob, Fault> {
    answer.json_base64(pointer).map_err(|error| {
        Fault::new(
            Kind::Other,
            format!("the endpoint's answer holds no picture: {error}"),
        )
    })
}

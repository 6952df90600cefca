//! What part of a page is on the screen.

use hostler_sdk::device::Rect;
use serde::Deserialize;
use serde_json::json;

use crate::settings::Metrics;
use crate::wire::{COMMAND, Result, Wire};

/// The viewport: its CSS pixels are the device's units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct View {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Physical pixels in one of them.
    pub(crate) scale: f64,
    /// Where it begins on the page.
    pub(crate) page_x: f64,
    pub(crate) page_y: f64,
    /// What can be scrolled to.
    pub(crate) content_width: f64,
    pub(crate) content_height: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    css_visual_viewport: Viewport,
    css_content_size: Size,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Viewport {
    client_width: f64,
    client_height: f64,
    #[serde(default)]
    page_x: f64,
    #[serde(default)]
    page_y: f64,
    #[serde(default = "one")]
    scale: f64,
}

#[derive(Deserialize)]
struct Size {
    width: f64,
    height: f64,
}

fn one() -> f64 {
    1.0
}

impl View {
    /// As it stands now.
    pub(crate) fn look(wire: &Wire, metrics: Option<Metrics>) -> Result<Self> {
        let answer: Answer = wire.cdp("Page.getLayoutMetrics", json!({}))?;
        let ratio = match metrics {
            Some(metrics) => metrics.scale,
            None => wire.evaluate("devicePixelRatio", COMMAND)?,
        };
        let viewport = answer.css_visual_viewport;
        Ok(Self {
            // 980.00006 is what a page without a viewport of its own has.
            width: viewport.client_width.round(),
            height: viewport.client_height.round(),
            scale: ratio * viewport.scale,
            page_x: viewport.page_x,
            page_y: viewport.page_y,
            content_width: answer.css_content_size.width,
            content_height: answer.css_content_size.height,
        })
    }

    pub(crate) fn rect(&self) -> Rect {
        Rect {
            x: 0.0,
            y: 0.0,
            width: self.width,
            height: self.height,
        }
    }
}

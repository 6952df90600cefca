//! The device provider for browsers behind [W3C WebDriver]: chromedriver on this
//! machine, and clouds that speak the same.
//!
//! - `settings`: the operator's targets; each is one device.
//! - `wire`: requests to an endpoint, and what its refusals mean; `cdp`: Chrome's
//!   own commands through it; `interrupted`: what a lost answer and a crashed
//!   page leave.
//! - `open`: a new session, the start page; `driver`: the program that is started
//!   for it, if the target has one.
//! - `session`: one device in use, `address`: which pages a holder may have
//!   shown; what it does stands in `snapshot`, `element`,
//!   `gesture`, `text`, `keys`, `picture`, `idle`, `alert`, `logs`, `held`,
//!   `clipboard`.
//!
//! Coordinates are CSS pixels of the page's viewport. Refs name elements by the
//! document that they are in and the browser's number for them, so that an
//! element keeps its ref and no other ever gets it.
//!
//! Deliberately absent: apps, files and films; a browser has none. What a page in
//! a frame of another site shows: browsers keep it in a process of its own.
//!
//! [W3C WebDriver]: https://www.w3.org/TR/webdriver2/
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod address;
mod alert;
mod cdp;
mod clipboard;
mod driver;
mod element;
mod frames;
mod gesture;
mod held;
mod idle;
mod interrupted;
mod keys;
mod logs;
mod open;
mod picture;
mod session;
mod settings;
mod snapshot;
mod text;
mod view;
mod wire;

use hostler_sdk::About;
use hostler_sdk::device::{Device, DeviceProvider, OpenParams, Result};

pub use session::Browser;

/// The plugin.
#[derive(Debug)]
pub struct WebDriver;

hostler_sdk::export_provider!(WebDriver);

impl DeviceProvider for WebDriver {
    type Session = Browser;

    fn describe() -> About {
        About {
            title: "WebDriver".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The targets as they are configured. Endpoints are not asked: what they
    /// have is made by `open`. If none of their drivers is there, that is said.
    fn devices() -> Result<Vec<Device>> {
        let targets = settings::load()?;
        driver::check(&targets)?;
        Ok(targets.iter().map(settings::Target::device).collect())
    }

    fn open(params: OpenParams) -> Result<Browser> {
        open::open(&params)
    }
}

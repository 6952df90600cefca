//! A device provider without devices: it does on demand what the host must bound
//! or contain.
//!
//! The config says what it lists and what goes wrong before a session: see
//! [`Settings`]. In a session `native` names the behaviour: `behaviour` has them
//! all; `memory` searches its own memory.

mod behaviour;
mod memory;

use std::{cell::Cell, hint::black_box, time::Duration};

use hostler_sdk::device::{
    Capabilities, Device, DeviceProvider, DeviceSession, Error, Image, OpenParams, Orientation,
    Result, Screen, Tree, progress,
};
use hostler_sdk::{About, Blob, clock, config};
use serde::Deserialize;

pub use behaviour::Nonsense;

/// `[plugins.ID.config]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Hardware ids.
    devices: Vec<String>,
    on_list: Option<Mischief>,
    /// `on_list` happens at this call of one instance, counted from 1; 0: at each.
    at_call: u32,
    on_open: Option<Mischief>,
    on_close: Option<Mischief>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mischief {
    /// Panics.
    Panic,
    /// Never returns, and computes.
    Loop,
    /// Never returns, and waits.
    Sleep,
    /// Returns an error.
    Fail,
}

impl Mischief {
    fn happen(self) -> Result {
        match self {
            Self::Panic => panic!("panicked on purpose"),
            Self::Loop => spin(),
            Self::Sleep => loop {
                clock::sleep(Duration::from_secs(60))?;
            },
            Self::Fail => Err(Error::Lost("failed on purpose".into())),
        }
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

thread_local! {
    /// Calls of `devices` on this instance.
    static LISTED: Cell<u32> = const { Cell::new(0) };
}

/// The provider.
#[derive(Debug)]
pub struct Scripted;

/// A device that is open.
#[derive(Debug)]
pub struct Session {
    first_ref: u32,
    /// What the next answers are.
    nonsense: Option<Nonsense>,
    /// What was pushed last.
    pushed: Option<Blob>,
    /// Calls of `native` on this session.
    count: u32,
    /// What it was told to remember.
    remembered: String,
}

impl DeviceProvider for Scripted {
    type Session = Session;

    fn describe() -> About {
        About {
            title: "Scripted".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn devices() -> Result<Vec<Device>> {
        let settings: Settings = config::get()?;
        let call = LISTED.get() + 1;
        LISTED.set(call);
        if let Some(mischief) = settings.on_list
            && (settings.at_call == 0 || settings.at_call == call)
        {
            mischief.happen()?;
        }
        let device = |hardware_id: String| Device {
            platform: "scripted".into(),
            name: format!("Scripted, listed {call} times"),
            kind: "emulator".into(),
            target: "mobile".into(),
            aliases: vec![format!("alias-of-{hardware_id}")],
            capabilities: Capabilities {
                snapshot: true,
                native: true,
                ..Capabilities::default()
            },
            hardware_id,
            ..Device::default()
        };
        Ok(settings.devices.into_iter().map(device).collect())
    }

    fn open(params: OpenParams) -> Result<Session> {
        progress("booting");
        let settings: Settings = config::get()?;
        if let Some(mischief) = settings.on_open {
            mischief.happen()?;
        }
        progress("ready");
        Ok(Session {
            first_ref: params.first_ref,
            nonsense: None,
            pushed: None,
            count: 0,
            remembered: String::new(),
        })
    }
}

impl DeviceSession for Session {
    fn screen(&mut self) -> Result<Screen> {
        let width = match self.nonsense {
            Some(Nonsense::Screen) => f64::NAN,
            _ => 390.0,
        };
        Ok(Screen {
            width,
            height: 844.0,
            scale: 3.0,
            orientation: Orientation::Portrait,
        })
    }

    fn alive(&mut self) -> Result {
        Ok(())
    }

    fn close(&mut self) -> Result {
        let settings: Settings = config::get()?;
        settings.on_close.map_or(Ok(()), Mischief::happen)
    }

    fn snapshot(&mut self) -> Result<Tree> {
        Ok(behaviour::tree(self.first_ref, self.nonsense))
    }

    /// `/value` of what was pushed, decoded, as a WebDriver has it.
    fn screenshot(&mut self, _: bool) -> Result<Image> {
        let pushed = self.pushed.as_ref();
        let pushed = pushed.ok_or_else(|| Error::NotFound("nothing was pushed".into()))?;
        Ok(Image {
            data: pushed.json_base64("/value")?,
            media_type: "image/png".into(),
            scale: 1.0,
        })
    }

    fn push(&mut self, _: &str, data: &Blob) -> Result {
        self.pushed = Some(data.slice(0, data.len()?)?);
        Ok(())
    }

    /// A part of what was pushed: `from..to`.
    fn pull(&mut self, path: &str) -> Result<Blob> {
        let pushed = self.pushed.as_ref();
        let pushed = pushed.ok_or_else(|| Error::NotFound("nothing was pushed".into()))?;
        let (from, to) = path
            .split_once("..")
            .and_then(|(from, to)| Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?)))
            .ok_or_else(|| Error::Invalid("a range is needed".into()))?;
        Ok(pushed.slice(from, to.saturating_sub(from))?)
    }

    fn clipboard(&mut self) -> Result<String> {
        Ok("x".repeat(20_000_000))
    }

    fn native(&mut self, method: &str, params: &str) -> Result<String> {
        self.count += 1;
        self.behave(method, params)
    }

    fn shutdown(&mut self) -> Result {
        Ok(())
    }
}

hostler_sdk::export_provider!(Scripted);

//! Device providers: what knows one kind of device. Implement
//! [`DeviceProvider`] and [`DeviceSession`] and name the former in
//! [`export_provider!`](crate::export_provider!).
//!
//! Unlike a harness, a provider waits: [`http`](crate::http),
//! [`Command::run`](crate::process::Command::run), [`service`](crate::service) and
//! [`clock::sleep`](crate::clock::sleep) return when they are done, and the host
//! may drop the whole instance meanwhile. Nothing that must outlive a call may
//! live in the plugin alone.
//!
//! Coordinates are device-independent units (CSS pixels, points, dp), the origin
//! is the top left corner of the screen as it stands now, x grows to the right
//! and y downwards.
//!
//! # A whole provider
//! Lamps that answer `GET /state` and `POST /toggle`; a tap toggles.
//!
//! ```
//! use hostler_sdk::device::*;
//! use hostler_sdk::{About, http::Request};
//!
//! struct Lamps;
//! struct Lamp;
//!
//! const LAMP: &str = "http://127.0.0.1:7000";
//!
//! impl DeviceProvider for Lamps {
//!     type Session = Lamp;
//!
//!     fn describe() -> About {
//!         About { title: "Lamps".into(), version: env!("CARGO_PKG_VERSION").into() }
//!     }
//!
//!     fn devices() -> Result<Vec<Device>> {
//!         Ok(vec![Device {
//!             platform: "lamp".into(),
//!             hardware_id: "lamp-1".into(),
//!             name: "Lamp in the hall".into(),
//!             kind: "device".into(),
//!             target: "lamp".into(),
//!             booted: true,
//!             capabilities: Capabilities { act: true, ..Capabilities::default() },
//!             ..Device::default()
//!         }])
//!     }
//!
//!     fn open(_: OpenParams) -> Result<Lamp> {
//!         progress("switching on");
//!         let mut lamp = Lamp;
//!         lamp.alive().map(|()| lamp)
//!     }
//! }
//!
//! impl DeviceSession for Lamp {
//!     fn screen(&mut self) -> Result<Screen> {
//!         Ok(Screen { width: 1.0, height: 1.0, scale: 1.0, orientation: Orientation::Portrait })
//!     }
//!
//!     fn act(&mut self, _: Target, act: Act) -> Result {
//!         match act {
//!             Act::Tap(_) => Request::post(format!("{LAMP}/toggle")).send().map(drop)?,
//!             _ => return Err(Error::unsupported("do anything but be tapped")),
//!         }
//!         Ok(())
//!     }
//!
//!     fn alive(&mut self) -> Result {
//!         match Request::get(format!("{LAMP}/state")).send() {
//!             Ok(state) if state.is_success() => Ok(()),
//!             Ok(state) => Err(Error::Lost(format!("the lamp answers {}", state.status))),
//!             Err(error) => Err(Error::Lost(format!("the lamp does not answer: {error}"))),
//!         }
//!     }
//!
//!     fn close(&mut self) -> Result {
//!         Ok(())
//!     }
//! }
//!
//! hostler_sdk::export_provider!(Lamps);
//!
//! // Its test: what it will ask over HTTP, and what is answered.
//! use hostler_sdk::testing::{Exchange, ProviderBench, Script};
//! let script = Script::new()
//!     .then(Exchange::new("GET", "http://127.0.0.1:7000/state"))
//!     .then(Exchange::new("POST", "http://127.0.0.1:7000/toggle"));
//! let mut bench = ProviderBench::<Lamps>::new(script.clone());
//! bench.open("lamp-1").unwrap();
//! assert_eq!(bench.progress(), ["switching on"]);
//! bench.call(|lamp| lamp.act(Target::Ref(1), Act::Tap(1))).unwrap();
//! let refused = bench.call(|lamp| lamp.snapshot()).unwrap_err();
//! assert!(matches!(refused, Error::Unsupported(_)));
//! assert_eq!(script.left(), 0);
//! ```
//!
//! Deliberately absent: leases and fencing tokens. A call with a token that is
//! smaller than one seen before never reaches the session.

mod error;
pub(crate) mod fence;
mod gesture;
mod screen;
mod session;
mod value;

pub use error::{Error, Result};
pub use gesture::{Act, AlertAnswer, Direction, Movement, Stop, Target};
pub use screen::{Image, Node, Orientation, Point, Rect, Screen, States, Tree};
pub use session::DeviceSession;
pub use value::{Alert, App, AppState, Capabilities, Device, HandOver, LogLine, Logs, OpenParams};

use crate::{About, backend};

/// What lists and opens devices of one kind.
pub trait DeviceProvider: 'static {
    /// One device in use.
    type Session: DeviceSession;

    /// What this plugin is. May look at [`config`](crate::config); nothing outside
    /// may be reached.
    fn describe() -> About;

    /// All devices that there are now, at most 10000. One instance serves all
    /// these calls.
    ///
    /// # Errors
    /// What keeps the plugin from knowing, for the operator.
    fn devices() -> Result<Vec<Device>>;

    /// Boots the device if it does not run, makes it ready, and opens it; says
    /// with [`progress`] what takes long. There is one session an instance.
    ///
    /// # Errors
    /// [`Error::Lost`] means that the device is not there.
    fn open(params: OpenParams) -> Result<Self::Session>;
}

/// Tells whoever waits for [`DeviceProvider::open`] what is being done now, in a
/// few words: `booting`. At once, not when the call returns. Texts over 200 bytes
/// are cut.
pub fn progress(text: impl AsRef<str>) {
    // Nothing depends on its being heard.
    let _ = backend::progress(text.as_ref());
}

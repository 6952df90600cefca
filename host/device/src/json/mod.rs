//! How devices, leases and what is done with them look as JSON: one shape for
//! REST, MCP and the command line, which all read and write these types.
//!
//! - [`Device`], [`Lease`], [`Busy`]: who holds what, as far as the reader may
//!   know. A lease's id stands in [`Granted`] only, for its holder.
//! - [`Command`] is a call of a device as it is written, [`Outcome`] what came
//!   back; [`outline`] shows a snapshot as text.
//! - [`Event`]: what happened, in a stream.
//! - [`Failure`]: every way to say no, with a stable code.
//!
//! Names are in snake case, durations in milliseconds with `_ms` behind them.
//! A reader passes over members that it does not know.

mod busy;
mod call;
mod command;
mod device;
mod event;
mod failure;
mod lease;
mod outcome;
mod outline;
mod screen;
mod target;

pub use busy::Busy;
pub use call::{CommandError, MAX_FINGERS, MAX_STOPS, MAX_TEXT};
pub use command::{AlertAnswer, Command, Stop};
pub use device::{Device, DeviceState, DeviceStatus, Devices, Holder, ProviderFailure};
pub use event::{Event, EventKind, Told};
pub use failure::{Failure, FailureBody};
pub use lease::{Granted, Lease, LeaseState, Leases, Mode};
pub use outcome::{Outcome, Picture};
pub use outline::{Outline, outline};
pub use screen::{Alert, App, AppState, LogLine, Logs, Node, Rect, Screen, Snapshot};
pub use target::{Direction, MAX_SELECTOR, Orientation, Point, Target, TargetError};

use std::time::Duration;

/// Milliseconds, as far as a JSON number goes.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

use crate::device::DeviceKey;
use crate::id::{FencingToken, LeaseId};
use crate::moment::Moment;
use crate::saved::Record;
use crate::terms::HandOver;

/// What commands bring about. Several commands may fill one, for a group
/// commit: write `records`, wait until they are durable, and only then act on
/// the `events` that [`Event::needs_records`] and answer the commands.
///
/// Records that could not be written stay due: they go ahead of the next ones.
/// Until then [`crate::Registry::abandon`] what was allocated or handed over and
/// answer with the error.
#[derive(Debug, Default)]
#[must_use = "the records must be durable before the events are acted on"]
pub struct Effects {
    /// To be made durable, in this order.
    pub records: Vec<Record>,
    /// To be acted on after that, in this order.
    pub events: Vec<Event>,
}

/// Something to do or to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Do: check that the device lives and make it ready for `id`, then say
    /// [`crate::Registry::handed_over`] or [`crate::Registry::hand_over_failed`].
    /// Not before two records are durable, if they are on their way: the
    /// [`Record::Tokens`] that has room for `token`, and the one that came with
    /// the device's last [`Event::TearDown`]. So the tokens that a device sees
    /// rise over a crash too, and a lease that a crash brings back finds its
    /// device as it was.
    HandOver {
        /// Whose turn it is.
        id: LeaseId,
        /// What it gets.
        key: DeviceKey,
        /// Its token, to go with every provider call from now on.
        token: FencingToken,
        /// How.
        kind: HandOver,
    },
    /// Do: end the device session at once, whatever it is doing, then say
    /// [`crate::Registry::torn_down`] when nothing of it is left. Until then
    /// nobody gets the device.
    TearDown {
        /// The device.
        key: DeviceKey,
        /// The token of the session that ends.
        token: FencingToken,
    },
    /// Tell the holder: the device is yours.
    Granted {
        /// Whose.
        id: LeaseId,
        /// The device.
        key: DeviceKey,
        /// Its token.
        token: FencingToken,
        /// When it ends without a renewal.
        until: Moment,
    },
    /// Tell the waiter: you are now number `position` in the queue.
    Moved {
        /// Whose.
        id: LeaseId,
        /// From 1; of several queues the one where it is nearest.
        position: usize,
    },
    /// Tell the holder: without a renewal your lease ends soon.
    Ending {
        /// Whose.
        id: LeaseId,
        /// When.
        until: Moment,
    },
    /// Tell the holder or the waiter: it is over.
    Ended {
        /// Whose.
        id: LeaseId,
        /// Of which device, if there was one.
        key: Option<DeviceKey>,
        /// Why.
        cause: EndCause,
    },
}

impl Event {
    /// Whether this must wait for all records before it. What takes something
    /// away need not, and should not when the disk is full: nobody else gets
    /// the device before later records are durable. Of a hand-over only what
    /// [`Event::HandOver`] says must be durable.
    pub fn needs_records(&self) -> bool {
        matches!(self, Event::Granted { .. })
    }
}

/// Why a lease, or the wait for one, is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// Its holder gave it back, or the waiter left.
    Released,
    /// It was not renewed in time, or a command ran past its own deadline.
    Expired,
    /// The wait was over before a device was free.
    WaitedTooLong,
    /// The device could not be handed over, or not in time.
    HandOverFailed,
    /// Whoever asked was gone before hearing of it.
    Abandoned,
    /// An operator, or the principal of the session that held it, ended it.
    Forced,
    /// No provider sees the device any more.
    DeviceLost,
    /// The principal is no more: its harness session ended.
    PrincipalEnded,
    /// The lease that this reader was beside is over.
    HolderLeft,
}

impl EndCause {
    /// A stable code for programs. Where whoever comes too late is refused for a
    /// reason of its own, the refusal has the same.
    pub fn code(self) -> &'static str {
        match self {
            EndCause::Released => "LEASE_RELEASED",
            EndCause::Expired => "LEASE_EXPIRED",
            EndCause::WaitedTooLong => "WAIT_TIMED_OUT",
            EndCause::HandOverFailed => "HAND_OVER_FAILED",
            EndCause::Abandoned => "LEASE_ABANDONED",
            EndCause::Forced => "LEASE_REVOKED",
            EndCause::DeviceLost => "DEVICE_LOST",
            EndCause::PrincipalEnded => "SESSION_ENDED",
            EndCause::HolderLeft => "HOLDER_LEFT",
        }
    }

    /// As a part of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            EndCause::Released => "it was released",
            EndCause::Expired => "it was not renewed in time",
            EndCause::WaitedTooLong => "no device was free before the end of the wait",
            EndCause::HandOverFailed => "the device could not be handed over",
            EndCause::Abandoned => "whoever asked for it was gone",
            EndCause::Forced => "it was released by an operator or by the owner of the session",
            EndCause::DeviceLost => "the device is no longer connected",
            EndCause::PrincipalEnded => "the session that held it has ended",
            EndCause::HolderLeft => "the holder that it was beside left",
        }
    }
}

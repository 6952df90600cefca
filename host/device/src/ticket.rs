//! The way from an ask to a lease.

use hostler_lease::{LeaseId, Mode, Refused};
use hostler_provider::{DeviceError, Wish};
use tokio::sync::watch;

use crate::{Devices, Labels, Lease, Refusal, Who};

/// An ask that was taken up: the device is being made ready, or there is a queue
/// before it. Dropped, it gives up: the place in the queue is left, and a device
/// that its holder has not used yet is free again.
#[derive(Debug)]
pub struct Ticket {
    pub(crate) devices: Devices,
    pub(crate) id: LeaseId,
    pub(crate) way: watch::Receiver<Way>,
    /// Gives up when dropped, unless somebody else has taken the seat meanwhile.
    pub(crate) seat: Option<Seat>,
    /// It is of the call that asked, or of one that took its place; not of one
    /// that found the ask there.
    pub(crate) asker: bool,
    pub(crate) told: Told,
    /// What to ask again if the device turns out to be gone, and others will do.
    pub(crate) again: Option<Box<Again>>,
}

/// Whoever waits for the end of an ask, by number: its client may be back before
/// the host notices that the connection of before is lost.
pub(crate) type Seat = u64;

/// An ask, to be repeated.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    pub(crate) who: Who,
    pub(crate) labels: Labels,
    pub(crate) wish: Wish,
    pub(crate) policy: Option<String>,
    pub(crate) mode: Mode,
    /// How often yet.
    pub(crate) left: usize,
}

/// What a ticket tells.
#[derive(Debug)]
pub enum Step {
    /// It waits, and is now number so and so.
    Waiting {
        /// From 1.
        position: usize,
    },
    /// The device is being made ready; in the provider's words.
    Progress(String),
    /// The device is there.
    Granted(Granted),
}

/// A lease that its holder has not heard of yet. Dropped by whoever asked for
/// it, the lease ends if it is fresh: nothing has been done under it. Say
/// [`Granted::keep`] when the answer is on its way.
#[derive(Debug)]
pub struct Granted {
    pub(crate) devices: Devices,
    pub(crate) lease: Box<Lease>,
    pub(crate) asker: bool,
    /// Frees when dropped, as for a ticket.
    pub(crate) seat: Option<Seat>,
}

/// How far an ask has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way {
    pub(crate) position: Option<usize>,
    pub(crate) progress: Option<String>,
    pub(crate) end: Option<Result<Lease, Refusal>>,
    /// Whoever waits for the end now.
    pub(crate) seat: Seat,
}

/// What of the way was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    position: Option<usize>,
    progress: Option<String>,
}

impl Ticket {
    /// By which to come back after the connection or the host was away:
    /// [`Devices::rejoin`]. It is the lease's id. If a device of several turns out
    /// to be gone when it is opened, another is asked for, under a new id.
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// What happens next; after [`Step::Granted`] or an error nothing more. Steps
    /// that nobody awaited are skipped, never the last. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// The wait or the hand-over ended without a lease.
    pub async fn next(&mut self) -> Result<Step, Refusal> {
        loop {
            let way = self.way.borrow_and_update().clone();
            if let Some(end) = way.end {
                let seat = self.seat.take();
                // One whose seat was taken is of a connection that is lost.
                if let Err(Refusal::Device(DeviceError::Lost(_))) = end
                    && seat.is_none_or(|seat| seat == way.seat)
                    && let Some(again) = self.again.clone()
                {
                    match self.devices.ask_again(*again).await {
                        Ok(mut next) => {
                            std::mem::swap(self, &mut next);
                            continue;
                        }
                        // It was the last one.
                        Err(Refusal::Lease(Refused::UnknownPool(_)) | Refusal::NoDevice(_)) => {}
                        Err(refused) => return Err(refused),
                    }
                }
                return end.map(|lease| {
                    Step::Granted(Granted {
                        devices: self.devices.clone(),
                        lease: Box::new(lease),
                        asker: self.asker,
                        // What another call asked for is not this one's to free.
                        seat: seat.filter(|_| self.asker),
                    })
                });
            }
            if way.progress != self.told.progress
                && let Some(text) = way.progress
            {
                self.told.progress = Some(text.clone());
                return Ok(Step::Progress(text));
            }
            if way.position != self.told.position {
                self.told.position = way.position;
                if let Some(position) = way.position {
                    return Ok(Step::Waiting { position });
                }
            }
            if self.way.changed().await.is_err() {
                return Err(Refusal::Stopping);
            }
        }
    }

    /// Waits for the lease.
    ///
    /// # Errors
    /// The wait or the hand-over ended without one.
    pub async fn granted(mut self) -> Result<Granted, Refusal> {
        loop {
            if let Step::Granted(granted) = self.next().await? {
                return Ok(granted);
            }
        }
    }

    /// Leaves the ask as it is: it waits on without anybody, until
    /// [`Devices::rejoin`] or the end of its wait.
    pub fn detach(mut self) -> LeaseId {
        self.seat = None;
        self.id
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            self.devices.abandon(self.id, seat);
        }
    }
}

impl Granted {
    /// What was granted.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether this call made the lease. If not, another call of the same session
    /// did, and dropping this frees nothing.
    pub fn asked_here(&self) -> bool {
        self.asker
    }

    /// The answer is on its way: from now on the lease is its holder's, whatever
    /// becomes of other calls that got it too.
    pub fn keep(mut self) -> Lease {
        let seat = self.seat.take();
        self.devices.kept(self.lease.id, seat);
        Lease::clone(&self.lease)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            self.devices.abandon(self.lease.id, seat);
        }
    }
}

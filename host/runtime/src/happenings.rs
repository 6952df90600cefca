//! What the children and the exchanges of a session do, on its way to the
//! plugin: in one order, and only so much of it waits.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    children::{lines::LINE_LIMIT, pump::ChildEvent},
    exchanges::ExchangeEvent,
};

/// Happenings that wait; behind them pipes and connections fill up.
const WAITING: usize = 64;

/// Bytes of output that may wait for a session's plugin, over all its children
/// and exchanges: two of the longest lines.
pub(crate) const WAITING_BYTES: usize = 2 * LINE_LIMIT;

/// Output that follows other output faster than this is a burst, and then is
/// collected for as long: each batch costs a call of the plugin, an append to
/// the journal and a write to every viewer, however small it is. Slower output,
/// as of a model that thinks, never waits. The timer's shortest time.
pub(crate) const BURST: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(crate) enum Happening {
    /// Of the child with this id.
    Child(u32, ChildEvent),
    /// Of the exchange with this id.
    Exchange(u32, ExchangeEvent),
}

/// Where happenings of a session are sent.
#[derive(Debug, Clone)]
pub(crate) struct Happenings {
    sender: mpsc::Sender<Happening>,
    room: Arc<Semaphore>,
}

/// The same for one child or exchange.
#[derive(Debug, Clone)]
pub(crate) struct Emitter {
    id: u32,
    happenings: Happenings,
}

/// Bytes that wait until this is dropped.
pub(crate) type Held = OwnedSemaphorePermit;

/// The session has ended.
#[derive(Debug)]
pub(crate) struct Unheard;

impl Happenings {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Happening>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let room = Arc::new(Semaphore::new(WAITING_BYTES));
        (Self { sender, room }, receiver)
    }

    pub(crate) fn emitter(&self, id: u32) -> Emitter {
        Emitter {
            id,
            happenings: self.clone(),
        }
    }
}

impl Emitter {
    /// Waits until so many bytes may wait.
    pub(crate) async fn room(&self, bytes: usize) -> Result<Held, Unheard> {
        let bytes = u32::try_from(bytes.min(WAITING_BYTES)).unwrap_or(u32::MAX);
        let room = self.happenings.room.clone().acquire_many_owned(bytes);
        room.await.map_err(|_| Unheard)
    }

    pub(crate) async fn child(&self, event: ChildEvent) -> Result<(), Unheard> {
        self.emit(Happening::Child(self.id, event)).await
    }

    pub(crate) async fn exchange(&self, event: ExchangeEvent) -> Result<(), Unheard> {
        self.emit(Happening::Exchange(self.id, event)).await
    }

    async fn emit(&self, happening: Happening) -> Result<(), Unheard> {
        let sent = self.happenings.sender.send(happening).await;
        sent.map_err(|_| Unheard)
    }
}

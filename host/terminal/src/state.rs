//! What a terminal has shown: filled by the pump, read by views.

use std::{
    collections::VecDeque,
    os::{fd::OwnedFd, unix::net::UnixStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    input::Input,
    program::Exit,
    ring::Ring,
    screen::Screen,
    size::{Size, SizeRule},
};

/// Changes of the size that a view may still have to tell. One that is further
/// behind gets a screen.
const RESIZES: usize = 64;

/// Bytes that may be shown and not yet drawn. A screen is needed only now and
/// then, and of a long batch most scrolls away undrawn; and drawing these takes
/// few milliseconds, for which everybody else waits.
const UNDRAWN: u64 = 128 * 1024;

/// A terminal, without the handle that keeps its program alive.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) shown: Mutex<Shown>,
    /// Something was shown.
    pub(crate) changed: Notify,
    pub(crate) orders: Mutex<Orders>,
    /// A byte makes the pump look at the orders.
    pub(crate) waker: UnixStream,
}

/// What the pump is to do.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) input: Input,
    pub(crate) rule: SizeRule,
    /// The program has ended.
    pub(crate) exit: Option<Exit>,
    /// Until then.
    pub(crate) slave: Option<OwnedFd>,
}

/// What there is to see.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) ring: Ring,
    screen: Screen,
    /// The offset up to which the screen shows it.
    drawn: u64,
    pub(crate) resizes: VecDeque<Resize>,
    /// The number of the last change of the size; the first is 1.
    pub(crate) last_resize: u64,
    /// Where it was.
    pub(crate) resized_at: Option<u64>,
    /// Nothing more will be shown.
    pub(crate) end: Option<Exit>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Resize {
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) size: Size,
}

/// Nothing that a thread leaves half done here harms the next one.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn wake(&self) {
        use std::io::Write as _;
        // Full: it will look anyway.
        let _ = (&self.waker).write(&[0]);
    }

    /// The program has ended.
    pub(crate) fn ended(&self, exit: Exit) {
        let mut orders = lock(&self.orders);
        orders.exit = Some(exit);
        orders.slave = None;
        orders.input.clear();
        drop(orders);
        self.wake();
    }
}

impl Shown {
    pub(crate) fn new(screen: Screen, ring: usize) -> Self {
        Self {
            ring: Ring::new(ring),
            screen,
            drawn: 0,
            resizes: VecDeque::new(),
            last_resize: 0,
            resized_at: None,
            end: None,
        }
    }

    pub(crate) fn output(&mut self, bytes: &[u8]) {
        // What is not drawn must be in the ring.
        let most = UNDRAWN.min(self.ring.limit() as u64);
        let undrawn = self.ring.end() - self.drawn;
        if undrawn + bytes.len() as u64 > most {
            self.catch_up();
        }
        self.ring.push(bytes);
        if bytes.len() as u64 > most {
            change(&mut self.screen, |screen| screen.feed(bytes));
            self.drawn = self.ring.end();
        }
    }

    /// The screen with everything that was shown.
    pub(crate) fn screen(&mut self) -> &Screen {
        self.catch_up();
        &self.screen
    }

    fn catch_up(&mut self) {
        let from = std::mem::replace(&mut self.drawn, self.ring.end());
        for part in self.ring.after(from) {
            change(&mut self.screen, |screen| screen.feed(part));
        }
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.catch_up();
        change(&mut self.screen, |screen| screen.resize(size));
        let offset = self.ring.end();
        self.last_resize += 1;
        self.resized_at = Some(offset);
        if self.resizes.len() >= RESIZES {
            self.resizes.pop_front();
        }
        self.resizes.push_back(Resize {
            number: self.last_resize,
            offset,
            size,
        });
    }
}

/// The bytes come from programs, and a defect in the screen must not end the
/// terminal: it goes on from an empty one.
fn change(screen: &mut Screen, change: impl FnOnce(&mut Screen)) {
    if catch_unwind(AssertUnwindSafe(|| change(screen))).is_err() {
        tracing::error!(
            "the screen of a terminal could not follow its program and was cleared; a redraw \
             of the program mends it"
        );
        if let Some(fresh) = Screen::new(screen.size()) {
            *screen = fresh;
        }
    }
}

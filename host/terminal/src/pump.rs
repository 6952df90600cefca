//! The thread between a PTY and memory. It reads always, whoever looks, and
//! writes what the program takes. Being a thread of its own, a program that
//! floods its terminal delays no task of the host.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{
    program::Exit,
    pty,
    size::Size,
    state::{Shared, lock},
};

/// One batch of output. A read of a Linux PTY never has more than 4 KiB, but a
/// program that floods it has written more while the last batch was drawn.
const READ: usize = 64 * 1024;

/// Between two changes of the size: while a window is dragged, the program
/// redraws this often, and the last size counts.
const RESIZE_PAUSE: Duration = Duration::from_millis(20);

/// How long output may stay open after the program and its descendants ended:
/// only a process that could not be found holds the terminal then.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

pub(crate) struct Pump {
    pub(crate) master: File,
    pub(crate) woken: UnixStream,
    pub(crate) shared: Arc<Shared>,
    /// What the PTY has now.
    pub(crate) size: Size,
}

/// What the orders come down to.
struct Due {
    write: bool,
    size: Size,
    exit: Option<Exit>,
}

impl Pump {
    /// Until the program has ended and all was read.
    pub(crate) fn run(mut self) {
        let mut buffer = vec![0; READ];
        let mut next_resize = Instant::now();
        let mut deadline = None;
        // No process has the terminal open.
        let mut hung_up = false;
        let exit = loop {
            let due = self.due();
            let now = Instant::now();
            if let Some(exit) = due.exit {
                let deadline = *deadline.get_or_insert(now + LAST_OUTPUT);
                if hung_up || now >= deadline {
                    break exit;
                }
            }
            let resizes = due.size != self.size;
            if resizes && now >= next_resize {
                self.resize(due.size);
                next_resize = now + RESIZE_PAUSE;
                continue;
            }
            let alarm = [deadline, resizes.then_some(next_resize)];
            let alarm = alarm.into_iter().flatten().min();
            let wait = alarm.map(|alarm| alarm.saturating_duration_since(now));
            let ready = self.wait(!hung_up, due.write, wait);
            if ready.contains(PollFlags::OUT) {
                self.write();
            }
            if ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                hung_up = !self.read(&mut buffer);
            }
        };
        lock(&self.shared.shown).end = Some(exit);
        self.shared.changed.notify_waiters();
    }

    fn due(&self) -> Due {
        let orders = lock(&self.shared.orders);
        Due {
            write: !orders.input.is_empty(),
            size: orders.rule.size(),
            exit: orders.exit,
        }
    }

    /// What the master is ready for.
    fn wait(&mut self, read: bool, write: bool, wait: Option<Duration>) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, read);
        events.set(PollFlags::OUT, read && write);
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        let mut fds = [
            PollFd::new(&self.woken, PollFlags::IN),
            PollFd::new(&self.master, events),
        ];
        // One that hung up is always ready.
        let watched = if read { 2 } else { 1 };
        let polled = poll(fds.get_mut(..watched).unwrap_or_default(), wait.as_ref());
        if polled.is_err() {
            // Interrupted; a lasting error would show at the next read.
            return PollFlags::empty();
        }
        let [woken, master] = fds.map(|fd| fd.revents());
        if !woken.is_empty() {
            let mut bytes = [0; 64];
            while matches!((&self.woken).read(&mut bytes), Ok(count) if count == bytes.len()) {}
        }
        if read { master } else { PollFlags::empty() }
    }

    /// Reads what is there, as far as there is room. Whether there may be more,
    /// now or later.
    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let mut filled = 0;
        let mut open = true;
        // One batch costs a look of every viewer, however small it is.
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.master.read(room) {
                Ok(0) => open = false,
                Ok(count) => {
                    filled += count;
                    continue;
                }
                // EIO is how Linux says that nobody has it open.
                Err(error) => open = is_passing(&error),
            }
            break;
        }
        let bytes = buffer.get(..filled).unwrap_or_default();
        if !bytes.is_empty() {
            lock(&self.shared.shown).output(bytes);
            self.shared.changed.notify_waiters();
        }
        open
    }

    fn write(&mut self) {
        let mut orders = lock(&self.shared.orders);
        if orders.input.write(&self.master).is_err() {
            // Nobody will ever read it.
            orders.input.clear();
        }
    }

    fn resize(&mut self, size: Size) {
        self.size = size;
        if let Err(error) = pty::resize(&self.master, size) {
            tracing::warn!(%error, "a terminal could not be given its new size");
            return;
        }
        lock(&self.shared.shown).resize(size);
        self.shared.changed.notify_waiters();
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

//! One terminal.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Mutex},
    thread,
};

use tokio::sync::oneshot;

use crate::{
    error::TerminalError,
    input::Input,
    program::{BoxFuture, Exit, Program, Spawned, Spawner},
    pty::Pty,
    pump::Pump,
    ring::RING,
    screen::Screen,
    size::{Size, SizeRule, ViewerId},
    state::{Orders, Shared, Shown, lock},
    view::View,
};

/// How a terminal is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// Who opens it, and sets the size until somebody else types.
    pub viewer: ViewerId,
    pub size: Size,
    /// Bytes of output that are kept, [`RING`] by default.
    pub ring: usize,
}

impl Opening {
    #[must_use]
    pub fn new(viewer: ViewerId, size: Size) -> Self {
        Self {
            viewer,
            size,
            ring: RING,
        }
    }
}

/// A program on a PTY. Cheap to clone; dropping the last clone ends the program.
#[derive(Debug, Clone)]
pub struct Terminal(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    /// Dropped or used, the program ends.
    end: Mutex<Option<oneshot::Sender<()>>>,
}

impl Terminal {
    /// Starts `program` in a new terminal.
    ///
    /// # Errors
    /// The system gives no PTY, or the program could not be started.
    pub async fn open(
        spawner: &dyn Spawner,
        program: Program,
        opening: Opening,
    ) -> Result<Self, TerminalError> {
        let Some(name) = program.argv.first() else {
            return Err(TerminalError::NoProgram);
        };
        let name = name.to_string_lossy().into_owned();
        let Opening { viewer, size, ring } = opening;
        let screen = Screen::new(size).ok_or_else(|| no_pty("a screen without cells"))?;
        let pty = Pty::open(size).map_err(TerminalError::NoPty)?;
        let (waker, woken) = pair().map_err(TerminalError::NoPty)?;
        let started = spawner.spawn(program, pty.tty).await;
        let Spawned { exit, end } = started.map_err(|source| TerminalError::NotStarted {
            program: name,
            source,
        })?;
        let shared = Arc::new(Shared {
            shown: Mutex::new(Shown::new(screen, ring)),
            changed: tokio::sync::Notify::new(),
            orders: Mutex::new(Orders {
                input: Input::default(),
                rule: SizeRule::new(viewer, size),
                exit: None,
                slave: Some(pty.slave),
            }),
            waker,
        });
        let pump = Pump {
            master: pty.master,
            woken,
            shared: Arc::clone(&shared),
            size,
        };
        thread::Builder::new()
            .name("terminal".into())
            .spawn(|| pump.run())
            .map_err(TerminalError::NoPty)?;
        let watch = Watch {
            shared: Arc::clone(&shared),
            exit: Exit::default(),
        };
        tokio::spawn(watch.until(exit));
        let end = Mutex::new(Some(end));
        Ok(Self(Arc::new(Handle { shared, end })))
    }

    /// Looks at it: from a screen on, or from the offset that a returning viewer
    /// has reached, if what follows is still there and the size is the same.
    #[must_use]
    pub fn view(&self, after: Option<u64>) -> View {
        View::new(Arc::clone(&self.0.shared), after)
    }

    /// Gives the program input. Who types sets the size from now on.
    ///
    /// # Errors
    /// The program has ended, or does not read: then nothing of it is taken.
    pub fn write(&self, viewer: ViewerId, bytes: &[u8]) -> Result<(), TerminalError> {
        let mut orders = lock(&self.0.shared.orders);
        if orders.exit.is_some() {
            return Err(TerminalError::Ended);
        }
        orders.input.push(bytes)?;
        orders.rule.typed(viewer);
        drop(orders);
        self.0.shared.wake();
        Ok(())
    }

    /// A viewer's own size. Whether it counts now: it does if that viewer typed
    /// last; otherwise it is remembered for when it does.
    pub fn resize(&self, viewer: ViewerId, size: Size) -> bool {
        let mut orders = lock(&self.0.shared.orders);
        let counts = orders.rule.wish(viewer, size) && orders.exit.is_none();
        drop(orders);
        if counts {
            self.0.shared.wake();
        }
        counts
    }

    /// A viewer is gone; its size is forgotten.
    pub fn leave(&self, viewer: ViewerId) {
        lock(&self.0.shared.orders).rule.leave(viewer);
    }

    /// What the program sees, or is about to.
    #[must_use]
    pub fn size(&self) -> Size {
        lock(&self.0.shared.orders).rule.size()
    }

    /// How the program ended, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        lock(&self.0.shared.orders).exit
    }

    /// Ends the program with its whole process session. Views see the end when
    /// it is gone.
    pub fn close(&self) {
        lock(&self.0.end).take();
    }
}

/// Tells the pump of the program's end, also when the task that waits for it is
/// thrown away with its runtime.
struct Watch {
    shared: Arc<Shared>,
    exit: Exit,
}

impl Watch {
    async fn until(mut self, exit: BoxFuture<'static, Exit>) {
        self.exit = exit.await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.ended(self.exit);
    }
}

fn pair() -> std::io::Result<(UnixStream, UnixStream)> {
    let (waker, woken) = UnixStream::pair()?;
    waker.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    Ok((waker, woken))
}

fn no_pty(why: &str) -> TerminalError {
    TerminalError::NoPty(std::io::Error::other(why))
}

//! Lines that someone types, read by a thread of their own: nothing else can
//! wait for a terminal and for the host at the same time.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _},
    os::fd::AsFd as _,
    sync::mpsc as blocking,
    thread,
};

use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::mpsc;

/// The longest answer that is read: what a terminal holds as one line.
const LINE_BYTES: u64 = 4096;

/// A terminal to read from.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// For throwing away what was typed before the question; none in tests.
    file: Option<File>,
    wanted: blocking::Sender<()>,
    lines: mpsc::Receiver<Option<String>>,
    reading: bool,
}

impl Terminal {
    /// Stdin if it is a terminal, else the terminal that controls this process.
    /// `None` if there is neither.
    pub(crate) fn open() -> Option<Self> {
        let stdin = io::stdin();
        let file = if stdin.is_terminal() {
            File::from(stdin.as_fd().try_clone_to_owned().ok()?)
        } else {
            File::open("/dev/tty").ok()?
        };
        let reader = file.try_clone().ok()?;
        let (wanted, wants) = blocking::channel();
        let (sender, lines) = mpsc::channel(1);
        thread::spawn(move || read_lines(reader, &wants, &sender));
        Some(Self {
            file: Some(file),
            wanted,
            lines,
            reading: false,
        })
    }

    /// A terminal at which nobody types.
    #[cfg(test)]
    pub(crate) fn deaf() -> Self {
        let (_, lines) = mpsc::channel(1);
        Self {
            file: None,
            wanted: blocking::channel().0,
            lines,
            reading: false,
        }
    }

    /// Wants a line, typed from now on: what is already there was not meant for
    /// the question that comes now.
    pub(crate) fn read_line(&mut self) {
        if let Some(file) = &self.file {
            let _ = tcflush(file, QueueSelector::IFlush);
        }
        self.listen();
    }

    /// Wants a line, whenever it was typed.
    pub(crate) fn listen(&mut self) {
        // A read that is not done serves this one.
        if !self.reading {
            self.reading = true;
            let _ = self.wanted.send(());
        }
    }

    /// The line; `None` at the end of the terminal. Waits for ever while none
    /// is wanted.
    pub(crate) async fn line(&mut self) -> Option<String> {
        if !self.reading {
            return std::future::pending().await;
        }
        let line = self.lines.recv().await.flatten();
        self.reading = false;
        line
    }
}

fn read_lines(
    terminal: File,
    wants: &blocking::Receiver<()>,
    lines: &mpsc::Sender<Option<String>>,
) {
    let mut terminal = BufReader::new(terminal);
    while wants.recv().is_ok() {
        let mut line = Vec::new();
        let read = terminal
            .by_ref()
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line);
        let line = match read {
            Ok(1..) => Some(String::from_utf8_lossy(&line).into_owned()),
            Ok(0) | Err(_) => None,
        };
        if lines.blocking_send(line).is_err() {
            break;
        }
    }
}

//! What is going on, for whoever waits: one line that changes on a terminal, a
//! line for each change elsewhere. It goes to stderr: stdout is for what came.

use std::io::{self, IsTerminal as _, Write};

use crate::client::text::one_line;

/// Longest line, in characters: it must not wrap, or it could not be taken back.
const LINE: usize = 78;

/// To the beginning of the line, and clear it.
const CLEAR: &str = "\r\u{1b}[2K";

#[derive(Debug)]
pub(super) struct Progress<W: Write = io::Stderr> {
    out: W,
    terminal: bool,
    /// What stands there now.
    shown: Option<String>,
}

impl Progress {
    pub(super) fn stderr() -> Self {
        Self::new(io::stderr(), io::stderr().is_terminal())
    }
}

impl<W: Write> Progress<W> {
    fn new(out: W, terminal: bool) -> Self {
        let shown = None;
        Self {
            out,
            terminal,
            shown,
        }
    }

    /// Says what is going on now. Nobody reading it is no error.
    pub(super) fn say(&mut self, what: &str) {
        let line = one_line(what, LINE);
        if self.shown.as_ref() == Some(&line) {
            return;
        }
        let _ = if self.terminal {
            write!(self.out, "{CLEAR}{line}")
        } else {
            writeln!(self.out, "{line}")
        };
        let _ = self.out.flush();
        self.shown = Some(line);
    }

    /// Takes back what stands there.
    pub(super) fn end(&mut self) {
        if self.shown.take().is_some() && self.terminal {
            let _ = write!(self.out, "{CLEAR}");
            let _ = self.out.flush();
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(terminal: bool) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, terminal);
        progress.say("place 2 in the queue");
        progress.say("place 2 in the queue");
        progress.say("booting\u{1b}[2J");
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn on_a_terminal_there_is_one_line_which_goes_when_it_is_over() {
        let text = said(true);
        assert!(!text.contains('\n'), "{text:?}");
        assert!(text.ends_with(CLEAR), "{text:?}");
        assert_eq!(text.matches("place 2").count(), 1, "{text:?}");
        assert!(text.contains("booting\\u{1b}[2J"), "{text:?}");
    }

    #[test]
    fn elsewhere_each_change_is_a_plain_line() {
        assert_eq!(said(false), "place 2 in the queue\nbooting\\u{1b}[2J\n");
    }
}

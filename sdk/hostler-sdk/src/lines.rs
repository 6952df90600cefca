//! Writing a line protocol to a child, past the host's write credit.

use std::collections::VecDeque;

use serde::Serialize;

use crate::{Error, Result, process::Child};

/// How many bytes may wait inside the plugin: as much as the longest line that
/// the host hands in, so that whatever could be read can be written on.
pub const MAX_QUEUED: usize = 32 << 20;

/// Writes lines to a child's standard input in order and without loss: what does
/// not fit now waits here. Call [`drained`](Self::drained) at
/// [`Event::WriteDrained`](crate::Event::WriteDrained).
#[derive(Debug)]
pub struct LineWriter {
    child: Child,
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    closing: bool,
}

impl LineWriter {
    /// A writer for `child`.
    pub const fn new(child: Child) -> Self {
        Self {
            child,
            queue: VecDeque::new(),
            queued: 0,
            closing: false,
        }
    }

    /// The child that is written to.
    pub const fn child(&self) -> Child {
        self.child
    }

    /// Writes `value` as one line of JSON. Raw JSON of a client may have line ends
    /// between its tokens; they become spaces.
    ///
    /// # Errors
    /// As [`write_line`](Self::write_line).
    pub fn write_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        let mut line = serde_json::to_vec(value)?;
        for byte in &mut line {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        self.push(line)
    }

    /// Writes `line`, which must not contain a line end, and a line end.
    ///
    /// # Errors
    /// `Limit` when more than [`MAX_QUEUED`] bytes would wait; otherwise as
    /// [`Child::write`], but never `WouldBlock`.
    pub fn write_line(&mut self, line: &str) -> Result {
        if line.contains('\n') {
            return Err(Error::Invalid("a line with a line end inside".to_owned()));
        }
        self.push(line.as_bytes().to_vec())
    }

    /// Closes the child's standard input once everything has been written.
    ///
    /// # Errors
    /// As [`Child::close_stdin`].
    pub fn close(&mut self) -> Result {
        self.closing = true;
        self.drained()
    }

    /// Writes what waits, as far as it fits.
    ///
    /// # Errors
    /// As [`Child::write`], but never `WouldBlock`.
    pub fn drained(&mut self) -> Result {
        while let Some(line) = self.queue.front() {
            match self.child.write(line) {
                Ok(()) => self.queued -= line.len(),
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error),
            }
            self.queue.pop_front();
        }
        if std::mem::take(&mut self.closing) {
            self.child.close_stdin()?;
        }
        Ok(())
    }

    fn push(&mut self, mut line: Vec<u8>) -> Result {
        line.push(b'\n');
        if self.queue.is_empty() {
            match self.child.write(&line) {
                Err(Error::WouldBlock) => {}
                done => return done,
            }
        }
        if self.queued + line.len() > MAX_QUEUED {
            return Err(Error::Limit(format!(
                "{} does not read: {} bytes wait and at most {MAX_QUEUED} may",
                self.child, self.queued
            )));
        }
        self.queued += line.len();
        self.queue.push_back(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::{LineWriter, MAX_QUEUED};
    use crate::testing::Bench;
    use crate::{
        Description, Error, Event, Harness, OpenParams, Origin, Prompt, PromptCapabilities,
        RequestId, Result, Status, process::Command,
    };

    /// Writes each prompt as a line.
    struct Copy(LineWriter);

    impl Harness for Copy {
        fn describe() -> Description {
            Description {
                title: "Copy".to_owned(),
                version: "1".to_owned(),
                prompt: PromptCapabilities::default(),
                fork: false,
            }
        }

        fn probe() -> Result<Status> {
            Ok(Status::ready("always"))
        }

        fn open(_: RequestId, _: OpenParams, _: Origin) -> Result<Self> {
            Ok(Self(LineWriter::new(Command::new("copy").spawn()?)))
        }

        fn prompt(&mut self, _: RequestId, prompt: Prompt) -> Result {
            self.0.write_line(&prompt.text()?)
        }

        fn call(&mut self, _: RequestId, _: &str, params: &str) -> Result {
            self.0
                .write_json(&RawValue::from_string(params.to_owned())?)
        }

        fn cancel(&mut self) -> Result {
            self.0.close()
        }

        fn on_event(&mut self, event: Event) -> Result {
            match event {
                Event::WriteDrained(_) => self.0.drained(),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn lines_past_the_credit_wait_and_keep_their_order() {
        let mut bench = Bench::<Copy>::new();
        let (child, _) = bench.open().spawned();
        assert_eq!(bench.prompt("one").written(), "one\n");
        bench.block_writes();
        assert_eq!(bench.prompt("two").written(), "");
        assert_eq!(bench.prompt("three").written(), "");
        assert_eq!(bench.drained(child).written(), "two\nthree\n");
        assert_eq!(
            bench.drained(child).written(),
            "",
            "each line goes out once"
        );
    }

    #[test]
    fn a_line_behind_a_waiting_one_waits_although_it_would_fit() {
        let mut bench = Bench::<Copy>::new();
        bench.open();
        bench.block_writes();
        bench.prompt("one");
        bench.unblock_writes();
        assert_eq!(bench.prompt("two").written(), "");
    }

    #[test]
    fn the_input_is_closed_behind_the_last_waiting_line() {
        let mut bench = Bench::<Copy>::new();
        let (child, _) = bench.open().spawned();
        bench.block_writes();
        bench.prompt("last words");
        bench.cancel();
        assert!(bench.stdin_is_open(child));
        assert_eq!(bench.drained(child).written(), "last words\n");
        assert!(!bench.stdin_is_open(child));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut bench = Bench::<Copy>::new();
        bench.open();
        bench.block_writes();
        assert_eq!(bench.prompt(&"x".repeat(MAX_QUEUED - 1)).failed(), None);
        let effects = bench.prompt("y");
        assert!(matches!(effects.failed(), Some(Error::Limit(_))));
    }

    #[test]
    fn a_line_end_inside_a_line_is_refused() {
        let mut bench = Bench::<Copy>::new();
        bench.open();
        let effects = bench.prompt("two\nlines");
        assert!(matches!(effects.failed(), Some(Error::Invalid(_))));
        assert_eq!(effects.written(), "");
    }

    #[test]
    fn json_that_came_over_several_lines_goes_out_as_one() {
        let mut bench = Bench::<Copy>::new();
        bench.open();
        let written = bench
            .call_json("x", "{\r\n \"text\":\n\"a\\nb\"}")
            .written();
        assert_eq!(written.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(value, json!({"text": "a\nb"}));
    }
}

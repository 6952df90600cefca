//! What waits for the program to read it.

use std::{
    collections::VecDeque,
    io::{self, Write},
};

use crate::error::TerminalError;

/// Bytes that may wait for a program to read them: a large text that is pasted.
pub const INPUT: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Input {
    waiting: VecDeque<u8>,
}

impl Input {
    /// All of it or nothing.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TerminalError> {
        let waiting = self.waiting.len();
        if waiting + bytes.len() > INPUT {
            return Err(TerminalError::InputFull {
                waiting,
                limit: INPUT,
            });
        }
        self.waiting.extend(bytes);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The memory is given back, too.
    pub(crate) fn clear(&mut self) {
        self.waiting = VecDeque::new();
    }

    /// Writes what `to` takes without blocking.
    pub(crate) fn write(&mut self, mut to: impl Write) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let written = match to.write(self.waiting.as_slices().0) {
                Ok(0) => return Ok(()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.waiting.drain(..written);
        }
        self.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_bounded_and_refused_as_a_whole() {
        let mut input = Input::default();
        input.push(&vec![b'x'; INPUT - 1]).unwrap();
        let refused = input.push(b"ab").unwrap_err();
        assert!(
            matches!(refused, TerminalError::InputFull { waiting, .. } if waiting == INPUT - 1)
        );
        input.push(b"a").unwrap();
        let mut written = Vec::new();
        input.write(&mut written).unwrap();
        assert_eq!(written.len(), INPUT);
        assert!(written.ends_with(b"xa"));
        input.push(b"ab").unwrap();
    }
}

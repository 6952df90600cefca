//! The control sequence that is being received: what came of it so far.

use avt::parser::State;

/// Longest beginning of a sequence that is kept, in bytes. Those that move the
/// cursor or paint have a few dozen; only strings such as images are longer, and
/// the middle of one shows nothing.
const LONGEST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Sequence {
    text: String,
    /// Its text was not kept in full.
    cut: bool,
}

impl Sequence {
    pub(super) fn begin(&mut self, introducer: char) {
        self.text.clear();
        self.cut = false;
        self.text.push(introducer);
    }

    /// Controls inside of a sequence are not part of it: they were carried out.
    pub(super) fn push(&mut self, character: char) {
        if character.is_ascii_control() {
            return;
        }
        if self.text.len() >= LONGEST {
            self.cut = true;
        } else {
            self.text.push(character);
        }
    }

    /// From the introducer on, if there is all of it.
    pub(super) fn text(&self) -> Option<&str> {
        (!self.cut).then_some(&self.text)
    }

    /// What brings a terminal into the middle of the sequence. `state` is the
    /// parser's.
    pub(super) fn resume(&self, state: State) -> &str {
        match state {
            State::Ground => "",
            _ if !self.cut => &self.text,
            // A string that nobody knows: the rest of it is passed over.
            State::OscString => "\x1b]9999;",
            State::SosPmApcString => "\x1bX",
            State::DcsEntry
            | State::DcsParam
            | State::DcsIntermediate
            | State::DcsPassthrough
            | State::DcsIgnore => "\x1bP@",
            _ => &self.text,
        }
    }
}

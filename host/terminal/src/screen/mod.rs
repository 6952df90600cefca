//! What a terminal that saw every byte would show, and how to tell it to one
//! that did not.
//!
//! avt keeps the cells, the cursor and what concerns them; its dump reproduces
//! them, also the alternate screen, margins and saved cursors. Three things are
//! added here: a character that is not whole yet (`utf8`), a control sequence
//! that is not complete yet (`sequence`), and modes that avt has no use for
//! (`modes`). `skip`: what of a flood need not be drawn.
//!
//! Not kept: scrollback, hyperlinks, images, colours of the palette, keyboard
//! protocols beyond xterm's (a program sets them again when it redraws), the
//! parameters of an incomplete sequence of more than 4 KiB, and origin mode while
//! the cursor is outside of the margins, where only a new size can put it: no
//! sequence does.

mod modes;
mod sequence;
mod skip;
mod utf8;

use avt::parser::{Function, Parser, State};

use self::{
    modes::Modes,
    sequence::Sequence,
    skip::{Skip, WORTH, skip},
    utf8::Decoder,
};
use crate::size::Size;

/// Ends a control sequence without effect.
const CANCEL: char = '\x18';
/// Likewise.
const SUBSTITUTE: char = '\x1a';

pub(crate) struct Screen {
    size: Size,
    decoder: Decoder,
    emulator: Emulator,
}

struct Emulator {
    parser: Parser,
    cells: avt::Terminal,
    sequence: Sequence,
    modes: Modes,
    /// It may scroll in parts.
    has_margins: bool,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen")
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Screen {
    pub(crate) fn new(size: Size) -> Option<Self> {
        let cells = avt::Terminal::new(size.cols().into(), size.rows().into()).ok()?;
        Some(Self {
            size,
            decoder: Decoder::default(),
            emulator: Emulator {
                parser: Parser::new(),
                cells,
                sequence: Sequence::default(),
                modes: Modes::default(),
                has_margins: false,
            },
        })
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if bytes.len() < WORTH {
            return self.draw(bytes);
        }
        // To where a character and a sequence that came in parts are whole.
        let line = bytes.iter().position(|byte| *byte == b'\n');
        let (head, bytes) = bytes.split_at(line.map_or(0, |line| line + 1));
        self.draw(head);
        let rest = self.skip(bytes).unwrap_or(bytes);
        self.draw(rest);
    }

    fn draw(&mut self, bytes: &[u8]) {
        let emulator = &mut self.emulator;
        self.decoder.decode(bytes, |text| {
            text.chars().for_each(|character| emulator.feed(character));
        });
    }

    /// What is left to draw, if something can be passed over.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let emulator = &mut self.emulator;
        let ground = emulator.parser.state == State::Ground && self.decoder.held() == 0;
        if !ground || emulator.has_margins {
            return None;
        }
        let Skip { colours, rest } = skip(bytes, self.size.rows())?;
        for byte in colours.into_iter().flatten() {
            emulator.feed(char::from(*byte));
        }
        emulator.cells.execute(Function::Cr);
        Some(rest)
    }

    pub(crate) fn resize(&mut self, size: Size) {
        // As avt does.
        if size.rows() != self.size.rows() {
            self.emulator.has_margins = false;
        }
        self.size = size;
        self.emulator
            .cells
            .resize(size.cols().into(), size.rows().into());
    }

    /// What makes any terminal of this size equal to this one, and how many of
    /// the last bytes are not in it: they are the beginning of a character and
    /// come first after it.
    pub(crate) fn dump(&self) -> (String, usize) {
        let mut dump = String::from("\x1bc");
        dump.push_str(&self.emulator.cells.dump());
        self.emulator.modes.dump(&mut dump);
        dump.push_str(self.emulator.sequence.resume(self.emulator.parser.state));
        (dump, self.decoder.held())
    }
}

impl Emulator {
    fn feed(&mut self, character: char) {
        let before = self.parser.state;
        let function = self.parser.feed(character);
        if before != State::Ground || self.parser.state != State::Ground {
            self.track(before, character);
        }
        if let Some(function) = function {
            match function {
                // Also one without effect.
                Function::Decstbm(top, bottom) => self.has_margins = top > 1 || bottom > 0,
                Function::Ris | Function::Decstr => self.has_margins = false,
                _ => {}
            }
            self.cells.execute(function);
        }
    }

    /// Follows a control sequence through `character`.
    fn track(&mut self, before: State, character: char) {
        let introduces = matches!(
            character,
            '\x1b' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}' | '\u{9e}' | '\u{9f}'
        );
        // A string ends before its terminator, which may introduce the next
        // sequence; others end with their last character.
        let is_string = before == State::OscString;
        let complete = if introduces {
            is_string
        } else {
            self.parser.state == State::Ground && !matches!(character, CANCEL | SUBSTITUTE)
        };
        if !introduces && !is_string {
            self.sequence.push(character);
        }
        if let (true, Some(sequence)) = (complete, self.sequence.text()) {
            self.modes.note(sequence);
        }
        if introduces {
            self.sequence.begin(character);
        } else if is_string {
            self.sequence.push(character);
        }
    }
}

#[cfg(test)]
mod tests;

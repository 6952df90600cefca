//! What a screen consists of beside its cells and its cursor, and avt does not
//! keep: how keys, the mouse and pastes are sent to the program, the shape of
//! the cursor, the title. Without it a late viewer would see the screen and
//! could not work in it.

use std::fmt::Write;

/// DEC private modes that are off after a reset and that a program may leave on.
/// Not here: those that avt keeps (1, 6, 7, 25, 47, 1047 to 1049) and 2026, which
/// stops the drawing for a moment.
const KEPT: [u16; 16] = [
    5,    // reverse video
    9,    // mouse: presses
    12,   // the cursor blinks
    45,   // reverse wrap
    66,   // application keypad
    1000, // mouse: presses and releases
    1002, // mouse: and drags
    1003, // mouse: and moves
    1004, // focus
    1005, // mouse: coordinates as UTF-8
    1006, // mouse: coordinates as SGR
    1007, // mouse wheel as arrow keys
    1015, // mouse: coordinates as urxvt
    1016, // mouse: coordinates in pixels
    1034, // 8-bit meta
    2004, // brackets around pastes
];

/// Longest title, in characters.
const TITLE: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Modes {
    /// In the order in which they were set: of the mouse modes the last counts.
    set: Vec<u16>,
    keypad: bool,
    cursor_shape: u16,
    title: String,
}

impl Modes {
    /// Notes a control sequence that is complete, from its introducer on. That
    /// of a string may lack its terminator.
    pub(super) fn note(&mut self, sequence: &str) {
        if let Some(control) = after(sequence, "\x1b[", '\u{9b}') {
            self.control(control);
        } else if let Some(command) = after(sequence, "\x1b]", '\u{9d}') {
            self.command(command);
        } else {
            match sequence {
                "\x1b=" => self.keypad = true,
                "\x1b>" => self.keypad = false,
                "\x1bc" => *self = Self::default(),
                _ => {}
            }
        }
    }

    fn control(&mut self, control: &str) {
        if control == "!p" {
            self.keypad = false;
        } else if let Some(shape) = control.strip_suffix(" q") {
            self.cursor_shape = shape.parse().unwrap_or(0);
        } else if let Some(modes) = control.strip_prefix('?') {
            let (modes, on) = match (modes.strip_suffix('h'), modes.strip_suffix('l')) {
                (Some(modes), _) => (modes, true),
                (_, Some(modes)) => (modes, false),
                (None, None) => return,
            };
            for mode in modes.split(';').filter_map(|mode| mode.parse().ok()) {
                self.set.retain(|set| *set != mode);
                if on && KEPT.contains(&mode) {
                    self.set.push(mode);
                }
            }
        }
    }

    fn command(&mut self, command: &str) {
        if let Some(title) = command.strip_prefix("0;").or(command.strip_prefix("2;")) {
            self.title = title
                .chars()
                .filter(|character| !character.is_control())
                .take(TITLE)
                .collect();
        }
    }

    /// What brings a terminal that was reset into these modes.
    pub(super) fn dump(&self, dump: &mut String) {
        for mode in &self.set {
            let _ = write!(dump, "\x1b[?{mode}h");
        }
        if self.keypad {
            dump.push_str("\x1b=");
        }
        if self.cursor_shape != 0 {
            let _ = write!(dump, "\x1b[{} q", self.cursor_shape);
        }
        if !self.title.is_empty() {
            let _ = write!(dump, "\x1b]2;{}\x1b\\", self.title);
        }
    }
}

fn after<'a>(sequence: &'a str, long: &str, short: char) -> Option<&'a str> {
    sequence
        .strip_prefix(long)
        .or_else(|| sequence.strip_prefix(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(sequences: &[&str]) -> String {
        let mut modes = Modes::default();
        for sequence in sequences {
            modes.note(sequence);
        }
        let mut dump = String::new();
        modes.dump(&mut dump);
        dump
    }

    #[test]
    fn modes_are_kept_in_their_order_until_they_are_taken_back() {
        let set = [
            "\x1b[?1000;1006h",
            "\u{9b}?2004h",
            "\x1b[?1003h",
            "\x1b[?1000h",
        ];
        assert_eq!(dump(&set), "\x1b[?1006h\x1b[?2004h\x1b[?1003h\x1b[?1000h");
        assert_eq!(dump(&["\x1b[?1006;2004h", "\x1b[?1006l"]), "\x1b[?2004h");
        assert_eq!(dump(&["\x1b[?2026h", "\x1b[?25h", "\x1b[?h"]), "");
    }

    #[test]
    fn keypad_cursor_and_title_are_kept_and_a_reset_clears_all() {
        let all = ["\x1b=", "\x1b[5 q", "\x1b]0;a \u{7}title"];
        assert_eq!(dump(&all), "\x1b=\x1b[5 q\x1b]2;a title\x1b\\");
        assert_eq!(dump(&[&all[..], &["\x1bc"]].concat()), "");
        assert_eq!(dump(&["\x1b=", "\x1b[!p"]), "");
        assert_eq!(dump(&["\x1b]52;c;AAAA", "\x1b]1;icon"]), "");
    }
}

//! What programs that stand in for an agent have in common. They answer with a
//! recorded turn, whose text is as long and comes as fast as the prompt wants.
//!
//! `[[deltas N]]` in a prompt makes it N pieces of text as fast as agents write
//! them, `[[slow N MS]]` one every MS milliseconds (the words of
//! `tests/model-server`); `[[batches N]]` is as fast as the first, but several
//! pieces are written at once. The text of each piece is the [`monotonic`] clock
//! in nanoseconds just before it was written.

use std::{
    io::{self, Write},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::monotonic;

/// Between two pieces as fast as they come: real ones take 0.2 s for 3000.
const PACE: Duration = Duration::from_micros(65);

/// How many pieces one write of `[[batches N]]` has: what comes in a millisecond.
const BATCH: u32 = 16;

/// Stands in a line where the text of a piece belongs.
const GAP: &str = "@text@";

/// A recorded line, with a gap for its text.
#[derive(Debug)]
pub struct Piece {
    head: String,
    tail: String,
}

impl Piece {
    /// With its gap at this JSON pointer; none if the line has nothing there.
    #[must_use]
    pub fn new(mut line: Value, pointer: &str) -> Option<Self> {
        *line.pointer_mut(pointer)? = GAP.into();
        let line = line.to_string();
        let (head, tail) = line.split_once(GAP)?;
        Some(Self {
            head: head.to_owned(),
            tail: format!("{tail}\n"),
        })
    }
}

/// How much text there shall be, and how fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pieces: u32,
    /// Between two writes.
    pause: Duration,
    /// Pieces of one write.
    together: u32,
}

impl Wanted {
    /// By the directive in a prompt; without one a few words.
    #[must_use]
    pub fn by(prompt: &str) -> Self {
        let directive = prompt
            .split_once("[[")
            .and_then(|(_, rest)| rest.split_once("]]"))
            .map_or("", |(directive, _)| directive);
        let words: Vec<&str> = directive.split(' ').collect();
        let number = |word: &str| word.parse().unwrap_or(1);
        let (pieces, pause, together) = match words[..] {
            ["deltas", pieces] => (number(pieces), PACE, 1),
            ["batches", pieces] => (number(pieces), PACE * BATCH, BATCH),
            ["slow", pieces, pause] => {
                let pause = Duration::from_millis(number(pause).into());
                (number(pieces), pause, 1)
            }
            _ => (3, PACE, 1),
        };
        Self {
            pieces,
            pause,
            together,
        }
    }

    /// Writes the pieces; the whole text.
    ///
    /// # Errors
    /// Nobody reads it.
    pub fn tell(self, out: &mut impl Write, piece: &Piece) -> io::Result<String> {
        let mut text = String::new();
        let mut lines = Vec::new();
        let begin = Instant::now();
        let (mut told, mut writes) = (0, 0);
        while told < self.pieces {
            lines.clear();
            for _ in 0..self.together.min(self.pieces - told) {
                let stamp = monotonic().as_nanos().to_string();
                for part in [&piece.head, &stamp, &piece.tail] {
                    lines.extend_from_slice(part.as_bytes());
                }
                text.push_str(&stamp);
                told += 1;
            }
            out.write_all(&lines)?;
            out.flush()?;
            writes += 1;
            // By the clock, so that a late wake-up is made up for.
            sleep((begin + self.pause * writes).saturating_duration_since(Instant::now()));
        }
        Ok(text)
    }
}

/// Writes one line.
///
/// # Errors
/// Nobody reads it.
pub fn write(out: &mut impl Write, line: &Value) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    out.write_all(&bytes)?;
    out.flush()
}

/// The messages of a recording with who said them: true for the agent.
///
/// # Errors
/// A line is not JSON.
pub fn recorded(text: &str) -> serde_json::Result<Vec<(bool, Value)>> {
    let mut messages = Vec::new();
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line)?;
        let said = line["dir"] == "<";
        if said || line["dir"] == ">" {
            messages.push((said, line["msg"].take()));
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(prompt: &str) -> (Vec<String>, String) {
        let line = json!({"before": 1, "delta": {"text": "recorded"}});
        let piece = Piece::new(line, "/delta/text").unwrap();
        let mut out = Vec::new();
        let whole = Wanted::by(prompt).tell(&mut out, &piece).unwrap();
        let texts = String::from_utf8(out).unwrap();
        let texts = texts.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["before"], 1);
            line["delta"]["text"].as_str().unwrap().to_owned()
        });
        (texts.collect(), whole)
    }

    #[test]
    fn as_many_pieces_come_as_are_wanted_and_together_they_are_the_text() {
        for (prompt, pieces) in [
            ("hello", 3),
            ("[[deltas 40]]", 40),
            ("say [[batches 40]] now", 40),
            ("[[slow 2 1]]", 2),
        ] {
            let (texts, whole) = told(prompt);
            assert_eq!(texts.len(), pieces, "{prompt}");
            assert_eq!(texts.concat(), whole);
        }
    }

    #[test]
    fn the_text_of_a_piece_is_when_it_was_written() {
        let before = monotonic();
        let (texts, _) = told("[[deltas 2]]");
        let times: Vec<u64> = texts.iter().map(|text| text.parse().unwrap()).collect();
        assert!(times.iter().all(|time| {
            let time = Duration::from_nanos(*time);
            time >= before && time <= monotonic()
        }));
    }

    #[test]
    fn only_what_was_said_is_recorded() {
        let text =
            "{\"dir\":\"$\",\"msg\":0}\n{\"dir\":\">\",\"msg\":1}\n{\"dir\":\"<\",\"msg\":2}\n";
        let messages = recorded(text).unwrap();
        assert_eq!(messages, [(false, json!(1)), (true, json!(2))]);
    }
}

//! What a call brought, as much of it as people are shown: its beginning and its
//! end, and how much was between them.

/// How much is kept of the beginning, and of the end, in bytes: some hundred lines
/// each. A model gets no more of one output either.
const MAX_PART: usize = 32 << 10;

/// An output that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Output {
    head: String,
    tail: String,
    /// Bytes between them.
    left_out: usize,
}

impl Output {
    pub(crate) fn push(&mut self, words: &str) {
        // What is said after a gap belongs to the end.
        let room = match self.tail.is_empty() && self.left_out == 0 {
            true => MAX_PART - self.head.len(),
            false => 0,
        };
        let (head, rest) = words.split_at(words.floor_char_boundary(room));
        self.head.push_str(head);
        // Of this piece no more can stay.
        let skipped = rest.len().saturating_sub(MAX_PART);
        let skipped = rest.ceil_char_boundary(skipped);
        let kept = rest.get(skipped..).unwrap_or_default();
        let over = (self.tail.len() + kept.len()).saturating_sub(MAX_PART);
        let over = self.tail.ceil_char_boundary(over.min(self.tail.len()));
        self.tail.drain(..over);
        self.tail.push_str(kept);
        self.left_out += skipped + over;
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self.left_out {
            0 => format!("{}{}", self.head, self.tail),
            bytes => format!(
                "{}\n[… {bytes} bytes are left out here …]\n{}",
                self.head, self.tail
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pieces: &[&str]) -> Output {
        let mut output = Output::default();
        pieces.iter().for_each(|piece| output.push(piece));
        output
    }

    #[test]
    fn what_fits_is_whole() {
        assert_eq!(of(&["one ", "two"]).text(), "one two");
        let (a, b) = ("a".repeat(MAX_PART), "b".repeat(MAX_PART));
        assert_eq!(of(&[&a, &b]).text(), format!("{a}{b}"));
        assert_eq!(of(&[&format!("{a}{b}")]).text(), format!("{a}{b}"));
    }

    #[test]
    fn of_what_does_not_the_middle_is_counted() {
        let (a, b) = ("a".repeat(MAX_PART), "b".repeat(MAX_PART));
        let cut = format!("{a}\n[… 4 bytes are left out here …]\n{b}");
        for pieces in [
            &[a.as_str(), "xxxx", &b][..],
            &[&format!("{a}xxxx{b}")],
            &[&a, "xx", "xx", &b],
            &[&a, &format!("xxxx{b}")],
        ] {
            assert_eq!(of(pieces).text(), cut);
        }
    }

    #[test]
    fn it_is_bounded_and_never_cut_within_a_letter() {
        let mut output = Output::default();
        for _ in 0..40 {
            output.push(&"ä€𝄞.".repeat(999));
            assert!(output.head.len() <= MAX_PART && output.tail.len() <= MAX_PART);
        }
        let kept = output.head.len() + output.tail.len();
        assert_eq!(kept + output.left_out, 40 * 999 * 10);
    }
}

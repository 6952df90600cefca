//! The end of a command's output, within a bound.

/// Keeps the last bytes that were written.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: std::collections::VecDeque<u8>,
    limit: usize,
    truncated: bool,
}

impl Ring {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            bytes: std::collections::VecDeque::new(),
            limit,
            truncated: false,
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        let skipped = chunk.len().saturating_sub(self.limit);
        let kept = chunk.get(skipped..).unwrap_or_default();
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
        self.truncated |= excess > 0 || skipped > 0;
    }

    /// As text, beginning at a whole character; other bytes that are not UTF-8
    /// are replaced. With it, whether the beginning is missing.
    pub(super) fn text(&self) -> (String, bool) {
        let is_continuation = |byte: &&u8| (0x80..0xC0).contains(*byte);
        let torn = if self.truncated {
            // A character has at most three continuation bytes.
            self.bytes
                .iter()
                .take(3)
                .take_while(is_continuation)
                .count()
        } else {
            0
        };
        let bytes: Vec<u8> = self.bytes.iter().skip(torn).copied().collect();
        // A character at the end may not be there in full yet.
        let whole = match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => bytes.len(),
        };
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned();
        (text, self.truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(limit: usize, chunks: &[&[u8]]) -> (String, bool) {
        let mut ring = Ring::new(limit);
        for chunk in chunks {
            ring.push(chunk);
        }
        ring.text()
    }

    #[test]
    fn the_end_is_kept_and_the_loss_is_told() {
        assert_eq!(text(4, &[b"abcd"]), ("abcd".into(), false));
        assert_eq!(text(4, &[b"abc", b"de"]), ("bcde".into(), true));
        assert_eq!(text(4, &[b"a", b"bcdefghi"]), ("fghi".into(), true));
        assert_eq!(text(0, &[b"a"]), (String::new(), true));
        assert_eq!(text(4, &[]), (String::new(), false));
    }

    #[test]
    fn text_begins_and_ends_at_a_whole_character_however_it_is_cut() {
        let written = "aé€😀z".as_bytes();
        for limit in 0..=written.len() {
            for cut in 0..=written.len() {
                let (shown, _) = text(limit, &[&written[..cut], &written[cut..]]);
                assert!(
                    "aé€😀z".ends_with(&shown),
                    "limit {limit}, cut {cut}: {shown:?}"
                );
            }
        }
        let (shown, truncated) = text(100, &["é".as_bytes(), &"é".as_bytes()[..1]]);
        assert_eq!((shown.as_str(), truncated), ("é", false));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(text(9, &[b"a\xffb"]), ("a\u{fffd}b".into(), false));
    }
}

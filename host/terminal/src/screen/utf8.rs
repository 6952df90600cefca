//! From bytes to text, however the bytes are cut.

/// Longest beginning of a character that is not whole yet.
const TORN: usize = 3;

/// Holds back the beginning of a character until the rest has come. Bytes that
/// are not UTF-8 become U+FFFD, as terminals show them.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    torn: Vec<u8>,
}

impl Decoder {
    /// Bytes that are held back.
    pub(super) fn held(&self) -> usize {
        self.torn.len()
    }

    pub(super) fn decode(&mut self, mut bytes: &[u8], mut text: impl FnMut(&str)) {
        while let (false, Some((&byte, rest))) = (self.torn.is_empty(), bytes.split_first()) {
            self.torn.push(byte);
            match std::str::from_utf8(&self.torn) {
                Ok(character) => text(character),
                Err(error) if error.error_len().is_none() && self.torn.len() <= TORN => {
                    bytes = rest;
                    continue;
                }
                Err(_) => {
                    // The byte belongs to what follows.
                    text("\u{fffd}");
                    self.torn.clear();
                    continue;
                }
            }
            self.torn.clear();
            bytes = rest;
        }
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text(chunk.valid());
            let invalid = chunk.invalid();
            let torn = chunks.peek().is_none()
                && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
            if torn {
                self.torn.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                text("\u{fffd}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(pieces: &[&[u8]]) -> (String, usize) {
        let (mut decoder, mut all) = (Decoder::default(), String::new());
        for piece in pieces {
            decoder.decode(piece, |text| all.push_str(text));
        }
        (all, decoder.held())
    }

    proptest! {
        #[test]
        fn text_does_not_depend_on_where_the_bytes_are_cut(
            pieces in prop::collection::vec(
                prop_oneof![
                    "[a-zé€😀]{0,3}".prop_map(String::into_bytes),
                    prop::collection::vec(prop::sample::select(&[0x41u8, 0x80, 0xc3, 0xe2, 0xf0, 0x9f, 0xff][..]), 0..4),
                ],
                0..8,
            ),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let bytes = pieces.concat();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let cut: Vec<_> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let (text, held) = decode(&cut);
            let whole = &bytes[..bytes.len() - held];
            prop_assert_eq!(text, String::from_utf8_lossy(whole));
        }
    }

    #[test]
    fn the_beginning_of_a_character_is_held_back() {
        assert_eq!(
            decode(&["a€".as_bytes(), &"😀".as_bytes()[..3]]),
            ("a€".into(), 3)
        );
        assert_eq!(decode(&[&[0xe2, 0x82], b"b"]), ("\u{fffd}b".into(), 0));
    }
}

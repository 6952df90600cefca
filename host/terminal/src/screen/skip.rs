//! What of a flood need not be drawn.
//!
//! A program that prints a large file scrolls most of it off the screen before
//! anybody sees it. Once twice as many lines as the screen has have been scrolled
//! through its full height, nothing of what was there before is left but the
//! colours that text is written in. So of text that far before the end of a batch
//! only the colours are followed. It is exact, and many times as fast.

/// Fewer bytes are not worth the look.
pub(super) const WORTH: usize = 8 * 1024;

/// How a batch is drawn that begins in the ground state.
pub(super) struct Skip<'a> {
    /// Sequences that set colours, of the part that is passed over.
    pub(super) colours: Vec<&'a [u8]>,
    /// The rest. It begins at the beginning of a line.
    pub(super) rest: &'a [u8],
}

/// `rows` is the height of the screen, which must scroll as a whole.
pub(super) fn skip(bytes: &[u8], rows: u16) -> Option<Skip<'_>> {
    let mut colours = Vec::new();
    let plain = plain(bytes, &mut colours);
    let begin = begin(bytes.get(..plain)?, 2 * usize::from(rows) + 1)?;
    let before = colours.into_iter().take_while(|colour| colour.0 < begin);
    let mut colours = Vec::new();
    for (from, to) in before {
        let colour = bytes.get(from..to)?;
        // What came before it has no effect any more.
        if matches!(colour, b"\x1b[m" | b"\x1b[0m") {
            colours.clear();
        }
        colours.push(colour);
    }
    Some(Skip {
        colours,
        rest: bytes.get(begin..)?,
    })
}

/// The length of the beginning that is nothing but lines of text in colours.
/// Collects where the colours are set.
fn plain(bytes: &[u8], colours: &mut Vec<(usize, usize)>) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            // The second byte of a control character may follow.
            0xc2 => match bytes.get(at + 1) {
                Some(0xa0..) => at + 2,
                _ => return at,
            },
            b' '..=b'~' | 0x80.. | b'\r' | b'\n' | b'\t' => at + 1,
            b'\x1b' => match paint(bytes, at) {
                Some((end, b'm')) => {
                    colours.push((at, end));
                    end
                }
                // Erases a part of a line.
                Some((end, b'K')) => end,
                _ => return at,
            },
            _ => return at,
        };
    }
    at
}

/// The end and the last byte of the control sequence that begins at `at`.
fn paint(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    let parameters = bytes.get(at..)?.strip_prefix(b"\x1b[")?;
    let len = parameters
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    Some((at + 2 + len + 1, *parameters.get(len)?))
}

/// The beginning of a line with `lines` ends of lines after it.
fn begin(plain: &[u8], lines: usize) -> Option<usize> {
    let ends = |(at, byte): (usize, &u8)| (*byte == b'\n').then_some(at);
    let mut ends = plain.iter().enumerate().rev().filter_map(ends).skip(lines);
    ends.find(|&end| end.checked_sub(1).and_then(|before| plain.get(before)) == Some(&b'\r'))
        .map(|end| end + 1)
}

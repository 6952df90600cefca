//! Output in lines of bounded length.

/// Longest line. A tool result with an image is one line of a few MiB.
pub(crate) const LINE_LIMIT: usize = 32 * 1024 * 1024;

/// Longest line of standard error, which is for people: much more than they read.
pub(crate) const ERROR_LIMIT: usize = 64 * 1024;

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// It was cut, or held bytes that are not UTF-8.
    pub(crate) lossy: bool,
}

/// Cuts chunks of bytes into lines.
#[derive(Debug)]
pub(crate) struct Splitter {
    partial: Vec<u8>,
    /// The rest of an overlong line is thrown away up to its end.
    overlong: bool,
    limit: usize,
}

impl Splitter {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            partial: Vec::new(),
            overlong: false,
            limit,
        }
    }

    /// Appends the lines that `chunk` completes.
    pub(crate) fn push(&mut self, chunk: &[u8], lines: &mut Vec<Line>) {
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (piece, after) = rest.split_at(end);
            self.extend(piece);
            lines.push(self.take());
            rest = after.get(1..).unwrap_or_default();
        }
        self.extend(rest);
    }

    /// A last line without an end.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        (!self.partial.is_empty() || self.overlong).then(|| self.take())
    }

    fn extend(&mut self, piece: &[u8]) {
        let room = self.limit - self.partial.len();
        let taken = piece.get(..room).unwrap_or(piece);
        self.partial.extend_from_slice(taken);
        self.overlong |= piece.len() > room;
    }

    fn take(&mut self) -> Line {
        let mut bytes = std::mem::take(&mut self.partial);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let cut = std::mem::take(&mut self.overlong);
        match String::from_utf8(bytes) {
            Ok(text) => Line { text, lossy: cut },
            Err(error) => Line {
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                lossy: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(limit: usize, chunks: &[&[u8]]) -> Vec<(String, bool)> {
        let mut splitter = Splitter::new(limit);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, &mut lines);
        }
        lines.extend(splitter.finish());
        lines
            .into_iter()
            .map(|line| (line.text, line.lossy))
            .collect()
    }

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_arrive() {
        let text = "one\r\n\ntwo é\nlast".as_bytes();
        let expected = split(100, &[text]);
        assert_eq!(
            expected
                .iter()
                .map(|(text, _)| text.as_str())
                .collect::<Vec<_>>(),
            ["one", "", "two é", "last"]
        );
        for cut in 0..text.len() {
            assert_eq!(
                split(100, &[&text[..cut], &text[cut..]]),
                expected,
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_line_over_the_limit_is_cut_and_marked_and_the_next_one_is_whole() {
        assert_eq!(
            split(4, &[b"12345", b"678\nab", b"\n"]),
            [("1234".into(), true), ("ab".into(), false)]
        );
        assert_eq!(split(4, &[b"1234\n"]), [("1234".into(), false)]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_and_marked() {
        assert_eq!(split(9, &[b"a\xffb\n"]), [("a\u{fffd}b".into(), true)]);
    }
}

//! Lines with a bound, and what can be learnt of one that is over it.

use std::{borrow::Cow, fmt, io};

use hostler_wire::{Id, RawValue};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};

/// How much of a line over the bound is kept: its id stands before the params.
const BEGINNING: usize = 64 * 1024;

/// Read at once.
const BUFFER: usize = 64 * 1024;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Whole(Vec<u8>),
    /// Only its beginning was kept.
    TooLong(Vec<u8>),
}

/// Reads lines of at most `max` bytes.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    max: usize,
    /// What has come of the next line, so that nothing is lost with a future
    /// that is dropped in its middle.
    line: Vec<u8>,
    too_long: bool,
    begun: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R, max: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER, reader),
            max,
            line: Vec::new(),
            too_long: false,
            begun: false,
        }
    }

    /// The next line; none at the end. The last one needs no line end. Nothing is
    /// lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let buffer = self.reader.fill_buf().await?;
            if buffer.is_empty() && !self.begun {
                return Ok(None);
            }
            self.begun = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or(buffer);
            if !self.too_long {
                self.line.extend_from_slice(part);
                if self.line.len() > self.max {
                    self.too_long = true;
                    self.line.truncate(BEGINNING);
                    self.line.shrink_to_fit();
                }
            }
            let last = end.is_some() || buffer.is_empty();
            let used = end.map_or(buffer.len(), |end| end + 1);
            consume(&mut self.reader, used);
            if last {
                self.begun = false;
                let line = std::mem::take(&mut self.line);
                return Ok(Some(if std::mem::take(&mut self.too_long) {
                    Line::TooLong(line)
                } else {
                    Line::Whole(line)
                }));
            }
        }
    }
}

fn consume(reader: &mut (impl AsyncBufRead + Unpin), count: usize) {
    reader.consume(count);
}

/// The id of a request of which only the beginning is there, so that it can be
/// answered. The id of an answer is not ours to use, so the method must be there
/// too.
pub(super) fn id_of_request(beginning: &[u8]) -> Option<Id> {
    let mut found = Beginning::default();
    // It ends in the middle, which is an error, and all before it counts.
    let _ = serde_json::Deserializer::from_slice(beginning).deserialize_map(&mut found);
    found.id.filter(|_| found.is_request)
}

#[derive(Debug, Default)]
struct Beginning {
    id: Option<Id>,
    is_request: bool,
}

impl<'de> Visitor<'de> for &mut Beginning {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "id" => self.id = Id::from_raw(map.next_value::<&RawValue>()?),
                "method" => {
                    map.next_value::<IgnoredAny>()?;
                    self.is_request = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8], max: usize) -> Vec<Line> {
        let mut lines = Lines::new(text, max);
        let mut all = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            all.push(line);
        }
        all
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.into())
    }

    #[tokio::test]
    async fn lines_are_read_one_by_one_and_the_last_needs_no_end() {
        assert_eq!(
            lines(b"a\n\nb", 10).await,
            [whole("a"), whole(""), whole("b")]
        );
        assert_eq!(lines(b"", 10).await, []);
        assert_eq!(lines(b"a\n", 10).await, [whole("a")]);
    }

    #[tokio::test]
    async fn a_line_that_comes_in_parts_is_whole_although_reading_was_given_up() {
        let (mut near, far) = tokio::io::duplex(64);
        let mut lines = Lines::new(far, 10);
        for part in ["on", "e\nt", "wo\n"] {
            tokio::select! {
                biased;
                line = lines.next() => panic!("{line:?}"),
                () = std::future::ready(()) => {}
            }
            tokio::io::AsyncWriteExt::write_all(&mut near, part.as_bytes())
                .await
                .unwrap();
            if part == "e\nt" {
                assert_eq!(lines.next().await.unwrap(), Some(whole("one")));
            }
        }
        assert_eq!(lines.next().await.unwrap(), Some(whole("two")));
    }

    #[tokio::test]
    async fn a_line_over_the_bound_is_skipped_and_the_next_one_is_whole() {
        let text = format!("{}\n{}\nnext\n", "x".repeat(100), "y".repeat(101));
        let read = lines(text.as_bytes(), 100).await;
        assert_eq!(read[0], whole(&"x".repeat(100)));
        assert_eq!(read[1], Line::TooLong(vec![b'y'; 101]));
        assert_eq!(read[2], whole("next"));
    }

    #[tokio::test]
    async fn of_a_line_over_the_bound_only_the_beginning_is_kept() {
        let text = "x".repeat(BUFFER * 5);
        let read = lines(text.as_bytes(), BUFFER * 2).await;
        assert_eq!(read, [Line::TooLong(vec![b'x'; BEGINNING])]);
    }

    #[test]
    fn a_request_is_known_by_its_beginning() {
        let id = |text: &str| id_of_request(text.as_bytes());
        let cut = r#"{"jsonrpc":"2.0","id":7,"method":"session/prompt","params":{"id":8,"x":"yyy"#;
        assert_eq!(id(cut), Some(Id::number(7)));
        assert_eq!(
            id(r#"{"method":"m","id":"a","params":["#),
            Some(Id::string("a"))
        );
        for other in [
            r#"{"jsonrpc":"2.0","id":7,"result":{"x":"yyy"#,
            r#"{"jsonrpc":"2.0","method":"m","params":{"id":8,"x":"#,
            r#"{"id":[1],"method":"m","params":"#,
            "[1,2",
            "yyy",
            "",
        ] {
            assert_eq!(id(other), None, "{other}");
        }
    }
}

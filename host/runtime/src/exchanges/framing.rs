//! A body in pieces of bounded length, however its bytes arrive.

use std::num::NonZeroUsize;

use bytes::{Buf as _, Bytes, BytesMut};
use hostler_egress::FetchError;
use sse_core::{SseDecoder, SseEvent};

use crate::children::lines::{Line, Splitter};

/// Longest piece: what an API says in one event or line, images included.
pub(crate) const PIECE_LIMIT: usize = 8 * 1024 * 1024;

/// Longest name and id of an event: words and numbers. An id comes with every
/// further event, so it must not be large.
const NAME_LIMIT: usize = 1024;

/// The decoder of events keeps room for one as large as the largest so far. More
/// than this is given back after the event, because every further one would
/// bring as much.
const EVENT_ROOM: usize = 64 * 1024;

/// How a body is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Whole,
    Lines,
    Events,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Of an event, unless it is `message`.
    pub(crate) name: Option<String>,
    /// Of the last event that had one.
    pub(crate) id: Option<String>,
    /// It was cut, or held bytes that are not UTF-8.
    pub(crate) lossy: bool,
}

impl Piece {
    /// Bytes that it takes while it waits.
    pub(crate) fn weight(&self) -> usize {
        let name = self.name.as_ref().map_or(0, String::len);
        let id = self.id.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.text.len() + name + id
    }
}

/// Cuts one body.
#[derive(Debug)]
pub(crate) struct Cutter(Kind);

#[derive(Debug)]
enum Kind {
    Whole(BytesMut),
    Lines(Splitter),
    Events(Box<SseDecoder>),
}

impl Cutter {
    pub(crate) fn new(framing: Framing) -> Self {
        const LIMIT: NonZeroUsize = NonZeroUsize::new(PIECE_LIMIT).unwrap();
        Self(match framing {
            Framing::Whole => Kind::Whole(BytesMut::new()),
            Framing::Lines => Kind::Lines(Splitter::new(PIECE_LIMIT)),
            Framing::Events => Kind::Events(Box::new(SseDecoder::with_limit(LIMIT))),
        })
    }

    /// Appends the pieces that `chunk` completes, also before an error.
    pub(crate) fn push(
        &mut self,
        mut chunk: Bytes,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), FetchError> {
        match &mut self.0 {
            Kind::Whole(body) => {
                if body.len() + chunk.len() > PIECE_LIMIT {
                    return Err(too_large("the body of the response has"));
                }
                body.extend_from_slice(&chunk);
            }
            Kind::Lines(splitter) => {
                let mut lines = Vec::new();
                splitter.push(&chunk, &mut lines);
                pieces.extend(lines.into_iter().map(Piece::from));
            }
            Kind::Events(decoder) => {
                while chunk.has_remaining() {
                    match decoder.next(&mut chunk) {
                        None | Some(Ok(SseEvent::Retry(_))) => {}
                        Some(Ok(SseEvent::Message(event))) => {
                            let id = event.last_event_id;
                            if event.event.len().max(id.as_ref().map_or(0, |id| id.len()))
                                > NAME_LIMIT
                            {
                                return Err(FetchError::Limit(format!(
                                    "an event of the response has a name or an id of more than \
                                     {NAME_LIMIT} bytes"
                                )));
                            }
                            let mut text = event.data;
                            if text.capacity() > EVENT_ROOM {
                                text.shrink_to_fit();
                                // A copy has no more room than it needs.
                                **decoder = SseDecoder::clone(decoder);
                            }
                            pieces.push(Piece {
                                lossy: text.contains(char::REPLACEMENT_CHARACTER),
                                text,
                                name: (event.event != "message").then(|| event.event.into_owned()),
                                id: id.map(|id| (*id).to_owned()),
                            });
                        }
                        Some(Err(_)) => return Err(too_large("an event of the response has")),
                    }
                }
            }
        }
        Ok(())
    }

    /// At the end of the body. An event that is not complete is none.
    pub(crate) fn finish(&mut self, pieces: &mut Vec<Piece>) {
        match &mut self.0 {
            Kind::Whole(body) => pieces.push(text(std::mem::take(body).into())),
            Kind::Lines(splitter) => pieces.extend(splitter.finish().map(Piece::from)),
            Kind::Events(_) => {}
        }
    }
}

impl From<Line> for Piece {
    fn from(line: Line) -> Self {
        Self {
            text: line.text,
            lossy: line.lossy,
            ..Self::default()
        }
    }
}

fn text(bytes: Vec<u8>) -> Piece {
    let (text, lossy) = match String::from_utf8(bytes) {
        Ok(text) => (text, false),
        Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
    };
    Piece {
        text,
        lossy,
        ..Piece::default()
    }
}

fn too_large(what: &str) -> FetchError {
    let mib = PIECE_LIMIT / 1024 / 1024;
    FetchError::Limit(format!("{what} more than {mib} MiB"))
}

#[cfg(test)]
mod tests;

//! What happened outside, as events for the plugin.

use super::effects::Running;
use crate::{
    bindings::{
        exports::hostler::harness::harness::Event as GuestEvent,
        hostler::{
            harness::events::{ChildExit, HttpFailure, HttpHead, HttpPiece, Line, StartFailure},
            host::process::{Exit, Stdio},
        },
    },
    children::pump::ChildEvent,
    exchanges::ExchangeEvent,
    happenings::Happening,
    state::State,
};

/// One batch of events ends at this many bytes, so that a flood is cut
/// into calls that fit their budget…
const BYTES: usize = 1024 * 1024;

/// …or when this many events are in it; those of one chunk stay together.
const EVENTS: usize = 4096;

#[derive(Default)]
pub(super) struct Batch {
    events: Vec<GuestEvent>,
    bytes: usize,
}

impl Batch {
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES || self.events.len() >= EVENTS
    }

    pub(super) fn into_events(self) -> Vec<GuestEvent> {
        self.events
    }

    pub(super) fn add(&mut self, happening: Happening, running: &mut Running, state: &mut State) {
        match happening {
            Happening::Child(child, event) => self.child(child, event, running, state),
            // Of one that was cancelled meanwhile nothing is told.
            Happening::Exchange(exchange, event) if running.exchanges.contains_key(&exchange) => {
                self.exchange(exchange, event, running, state);
            }
            Happening::Exchange(..) => {}
        }
    }

    fn child(&mut self, child: u32, event: ChildEvent, running: &mut Running, state: &mut State) {
        let mut forget = || {
            running.children.remove(&child);
            state.children.remove(&child);
        };
        match event {
            ChildEvent::Started => self.events.push(GuestEvent::Started(child)),
            ChildEvent::Drained => self.events.push(GuestEvent::WriteDrained(child)),
            ChildEvent::Lines {
                stderr,
                lines,
                _held: _,
            } => {
                let source = if stderr { Stdio::Err } else { Stdio::Out };
                for line in lines {
                    self.bytes += line.text.len();
                    self.events.push(GuestEvent::Line(Line {
                        child,
                        source,
                        text: line.text,
                        lossy: line.lossy,
                    }));
                }
            }
            ChildEvent::StartFailed(message) => {
                forget();
                let failure = StartFailure { child, message };
                self.events.push(GuestEvent::StartFailed(failure));
            }
            ChildEvent::Exited(exit) => {
                forget();
                let exit = Exit {
                    code: exit.code,
                    signal: exit.signal,
                };
                self.events
                    .push(GuestEvent::Exited(ChildExit { child, exit }));
            }
        }
    }

    fn exchange(
        &mut self,
        exchange: u32,
        event: ExchangeEvent,
        running: &mut Running,
        state: &mut State,
    ) {
        let mut forget = || {
            running.exchanges.remove(&exchange);
            state.exchanges.remove(&exchange);
        };
        match event {
            ExchangeEvent::Head { status, headers } => {
                self.events.push(GuestEvent::HttpHead(HttpHead {
                    exchange,
                    status,
                    headers,
                }));
            }
            ExchangeEvent::Pieces { pieces, _held: _ } => {
                for piece in pieces {
                    self.bytes += piece.weight();
                    self.events.push(GuestEvent::HttpPiece(HttpPiece {
                        exchange,
                        text: piece.text,
                        name: piece.name,
                        id: piece.id,
                        lossy: piece.lossy,
                    }));
                }
            }
            ExchangeEvent::End => {
                forget();
                self.events.push(GuestEvent::HttpEnd(exchange));
            }
            ExchangeEvent::Failed(error) => {
                forget();
                let error = state.not_fetched(error);
                let failure = HttpFailure { exchange, error };
                self.events.push(GuestEvent::HttpFailed(failure));
            }
        }
    }
}

//! The stream of the thread: one over all its runs, made again when it is lost.

use std::time::Duration;

use hostler_sdk::{
    Error, Failure, Result,
    exchange::{self, ExchangeId},
    timer,
};

use crate::{
    refusal::{self, Asked, Refusal},
    run::Stage,
    session::Decopilot,
};

/// Fires when a lost stream is to be made again.
pub(crate) const TIMER: u64 = 1;

/// Between the loss of a stream and the next try, doubled with each that fails.
const FIRST: Duration = Duration::from_millis(250);

/// The longest time between two tries: people wait.
const LONGEST: Duration = Duration::from_secs(15);

/// The same while nobody waits: others may go on with the thread, and people want to
/// see it, but a service that is away is not asked all the time.
const FIRST_IDLE: Duration = Duration::from_secs(2);
const LONGEST_IDLE: Duration = Duration::from_secs(5 * 60);

/// Tries in a row before a turn gives up: about a minute. The run goes on at the
/// service, and the next prompt shows what was missed.
const TRIES: u32 = 8;

#[derive(Debug, Default)]
pub(crate) struct Link {
    exchange: Option<ExchangeId>,
    pub state: State,
    /// Tries in a row that brought nothing.
    failures: u32,
    /// Something came since [`Link::is_quiet`] was asked.
    heard: bool,
}

#[derive(Debug, Default)]
pub(crate) enum State {
    #[default]
    Closed,
    /// The answer is not here yet.
    Opening,
    Open,
    /// The service keeps no stream of this thread now.
    Absent,
    /// Its answer says why not.
    Refused(Refused),
    /// Until the next try.
    Waiting,
}

#[derive(Debug, Default)]
pub(crate) struct Refused {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Link {
    pub(crate) fn is(&self, exchange: ExchangeId) -> bool {
        self.exchange == Some(exchange)
    }

    /// Somebody waits now: the next try is made at once.
    pub(crate) fn hurry(&mut self) {
        self.state = State::Closed;
        self.failures = 0;
    }

    /// Whether nothing came since this was asked before.
    pub(crate) fn is_quiet(&mut self) -> bool {
        !std::mem::take(&mut self.heard)
    }
}

impl Decopilot {
    /// Opens the stream, unless it is open or about to be.
    pub(crate) fn connect(&mut self) -> Result {
        let Some(thread) = &self.thread else {
            return Ok(());
        };
        if self.link.exchange.is_some() {
            return Ok(());
        }
        self.link.exchange = Some(exchange::open(self.service.stream(thread))?);
        self.link.state = State::Opening;
        timer::cancel(TIMER)
    }

    pub(crate) fn stream_head(&mut self, status: u16, headers: Vec<(String, String)>) -> Result {
        match status {
            204 => self.link.state = State::Absent,
            200..300 => {
                self.link.state = State::Open;
                self.link.heard = true;
                // What ended while nobody listened is not told again.
                let asked = match self.run.stage {
                    Stage::Idle if self.turn.is_some() || !self.unsettled => Ok(()),
                    _ => self.ask_state(),
                };
                return asked.and(self.advance());
            }
            _ => {
                self.link.state = State::Refused(Refused {
                    status,
                    headers,
                    body: String::new(),
                });
            }
        }
        Ok(())
    }

    pub(crate) fn stream_piece(&mut self, text: &str, name: Option<&str>, lossy: bool) -> Result {
        if let State::Refused(refused) = &mut self.link.state {
            refused.body.push_str(text);
            return Ok(());
        }
        self.link.heard = true;
        self.link.failures = 0;
        self.notices.found();
        // Some versions begin with a copy of all messages, under a name.
        if name.is_some() || text == "[DONE]" {
            return Ok(());
        }
        match serde_json::from_str(text) {
            Ok(chunk) => self.chunk(chunk),
            Err(error) if lossy => {
                let why = format!("bytes of it are lost: {error}");
                self.notices.skipped(text, why)
            }
            Err(error) => self.notices.skipped(text, error),
        }
    }

    pub(crate) fn stream_ended(&mut self) -> Result {
        self.link.exchange = None;
        self.unsettled |= self.turn.is_none();
        match std::mem::take(&mut self.link.state) {
            State::Refused(refused) => self.stream_refused(&refused),
            State::Absent => self.stream_absent(),
            _ => self.lost("it ended"),
        }
    }

    pub(crate) fn stream_failed(&mut self, error: &Error) -> Result {
        self.link.exchange = None;
        self.link.state = State::Closed;
        self.unsettled |= self.turn.is_none();
        match refusal::may_pass(error) {
            true => self.lost(&error.to_string()),
            false => self.fail_turn(refusal::failed(Asked::Stream, error)),
        }
    }

    fn stream_refused(&mut self, refused: &Refused) -> Result {
        let refusal = Refusal::new(refused.status, &refused.headers, &refused.body);
        match refusal.may_pass() {
            true => self.lost(&format!("status {}", refusal.status)),
            false => self.fail_turn(refusal.failure(Asked::Stream, &self.service)),
        }
    }

    /// There may be one once a run has begun.
    fn stream_absent(&mut self) -> Result {
        self.link.state = State::Absent;
        if self.turn.is_none() {
            return self.try_again_later();
        }
        if self.run.stage == Stage::Idle {
            return self.advance();
        }
        self.ask_state().and(self.try_again_soon())
    }

    /// The service answers, so nobody gives up.
    pub(crate) fn try_again_soon(&mut self) -> Result {
        self.link.failures = self.link.failures.min(TRIES - 2);
        self.try_again()
    }

    fn lost(&mut self, why: &str) -> Result {
        if self.turn.is_none() {
            return self.try_again_later();
        }
        let told = self.notices.lost(why);
        told.and(self.try_again())
    }

    /// Nobody waits, so nobody gives up.
    fn try_again_later(&mut self) -> Result {
        self.link.failures = self.link.failures.saturating_add(1);
        self.link.state = State::Waiting;
        timer::set(TIMER, rarely(self.link.failures))
    }

    fn try_again(&mut self) -> Result {
        self.link.failures += 1;
        if self.link.failures > TRIES {
            self.link.failures = 0;
            let failed = self.fail_turn(Failure::internal(format!(
                "Decopilot could not be reached in {TRIES} tries. Its run may go on: what was \
                 missed is shown when it is back, or with the next prompt"
            )));
            // Nobody waits any more.
            return failed.and(self.try_again_later());
        }
        self.link.state = State::Waiting;
        timer::set(TIMER, delay(self.link.failures, FIRST, LONGEST))
    }
}

/// The same while nobody waits.
pub(crate) fn rarely(failures: u32) -> Duration {
    delay(failures, FIRST_IDLE, LONGEST_IDLE)
}

/// Before the try after so many that failed.
fn delay(failures: u32, first: Duration, longest: Duration) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_and_never_too_rare() {
        let delays: Vec<_> = (1..=TRIES).map(|it| delay(it, FIRST, LONGEST)).collect();
        assert_eq!(delays[0], FIRST);
        assert!(delays.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(delay(u32::MAX, FIRST, LONGEST), LONGEST);
        assert_eq!(delay(u32::MAX, FIRST_IDLE, LONGEST_IDLE), LONGEST_IDLE);
    }
}

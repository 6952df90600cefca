//! Codes that bring a token to another machine, once.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::identity::{Principal, Scopes};
use crate::store::TokenDigest;
use crate::token::TokenError;

/// How long a code can be redeemed: enough to walk to the other machine, and
/// little for one that is left on a screen.
pub const PAIRING_LIFE: Duration = Duration::from_secs(300);

/// Codes that wait at the same time: a class room, and no more memory than that.
const MAX_WAITING: usize = 64;

/// Random bytes of a code. Nobody guesses 128 bits in [`PAIRING_LIFE`].
const RANDOM_BYTES: usize = 16;

/// The longest text that is looked at as a code.
const MAX_CODE_CHARS: usize = 64;

/// Wrong codes in [`WRONG_WINDOW`] that are answered in full. It bounds what
/// strangers can write into the log and the audit; it does not keep the right
/// code out, or any stranger could.
const MAX_WRONG: u32 = 10;

/// See [`MAX_WRONG`].
const WRONG_WINDOW: Duration = Duration::from_secs(60);

/// What whoever redeems a code gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Who they will be.
    pub principal: Principal,
    /// What they may do.
    pub scopes: Scopes,
    /// How long their token counts from then on; for ever if it is not said.
    pub life: Option<Duration>,
    /// What the token is called, unless they say it themselves.
    pub label: String,
    /// Who offers it.
    pub by: Principal,
}

/// A secret for one use. Not shown by `Debug`.
pub struct PairingCode(String);

impl PairingCode {
    /// The secret itself, for the one who is to have it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(hidden)")
    }
}

/// Why there is no pairing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// Too many codes wait.
    #[error(
        "{MAX_WAITING} pairing codes wait to be redeemed, which is the most; each is gone after 5 minutes"
    )]
    TooManyWaiting,
    /// No code, used up, or too late.
    #[error(
        "this pairing code is not valid: a code can be redeemed once, within 5 minutes; make another with `hostler pair`"
    )]
    Unknown,
    /// As [`PairingError::Unknown`], after too many of those.
    #[error("too many wrong pairing codes; try again in a minute")]
    TooManyWrong,
    /// The operating system gives no random bytes.
    #[error(transparent)]
    Random(TokenError),
}

/// The codes that wait, as digests. They are gone when the host ends. Cheap to
/// clone; all clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Pairings(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<TokenDigest, (Offer, Instant)>,
    wrong: u32,
    /// When the counting of wrong ones began.
    wrong_since: Option<Instant>,
}

impl Pairings {
    /// Makes a code for `offer`.
    ///
    /// # Errors
    /// Too many wait, or there are no random bytes.
    pub fn offer(&self, offer: Offer, now: Instant) -> Result<PairingCode, PairingError> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| PairingError::Random(TokenError::NoRandom(error)))?;
        let code = PairingCode(URL_SAFE_NO_PAD.encode(bytes));
        let mut state = self.lock();
        // At most `MAX_WAITING` of them.
        state.waiting.retain(|_, (_, until)| *until > now);
        if state.waiting.len() >= MAX_WAITING {
            return Err(PairingError::TooManyWaiting);
        }
        let digest = TokenDigest::of_text(code.expose());
        state.waiting.insert(digest, (offer, now + PAIRING_LIFE));
        Ok(code)
    }

    /// Takes the offer of a code, which nobody can redeem again.
    ///
    /// # Errors
    /// It is no code that counts.
    pub fn redeem(&self, code: &str, now: Instant) -> Result<Offer, PairingError> {
        let mut state = self.lock();
        let found = if code.len() <= MAX_CODE_CHARS {
            state.waiting.remove(&TokenDigest::of_text(code))
        } else {
            None
        };
        if let Some((offer, until)) = found
            && until > now
        {
            return Ok(offer);
        }
        let counting = |since: Instant| now.saturating_duration_since(since) < WRONG_WINDOW;
        if !state.wrong_since.is_some_and(counting) {
            state.wrong_since = Some(now);
            state.wrong = 0;
        }
        state.wrong = state.wrong.saturating_add(1);
        if state.wrong > MAX_WRONG {
            return Err(PairingError::TooManyWrong);
        }
        Err(PairingError::Unknown)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Scope;

    fn offer() -> Offer {
        Offer {
            principal: Principal::new("ann"),
            scopes: [Scope::View].into_iter().collect(),
            life: None,
            label: "phone".into(),
            by: Principal::local(),
        }
    }

    #[test]
    fn a_code_is_redeemed_once() {
        let pairings = Pairings::default();
        let now = Instant::now();
        let code = pairings.offer(offer(), now).unwrap();
        let other = pairings.offer(offer(), now).unwrap();
        assert_ne!(code.expose(), other.expose());
        assert_eq!(pairings.redeem(code.expose(), now), Ok(offer()));
        let again = pairings.redeem(code.expose(), now);
        assert_eq!(again, Err(PairingError::Unknown));
        assert_eq!(pairings.redeem(other.expose(), now), Ok(offer()));
    }

    #[test]
    fn of_many_that_redeem_at_once_one_gets_it() {
        let pairings = Pairings::default();
        let code = pairings.offer(offer(), Instant::now()).unwrap();
        let got = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| pairings.redeem(code.expose(), Instant::now()).is_ok()))
                .collect();
            let outcomes = threads.into_iter().map(|thread| thread.join().unwrap());
            outcomes.filter(|got| *got).count()
        });
        assert_eq!(got, 1);
    }

    #[test]
    fn a_code_counts_for_five_minutes() {
        let pairings = Pairings::default();
        let now = Instant::now();
        let (early, late) = (
            pairings.offer(offer(), now).unwrap(),
            pairings.offer(offer(), now).unwrap(),
        );
        let last = now + Duration::from_secs(300) - Duration::from_millis(1);
        assert_eq!(pairings.redeem(early.expose(), last), Ok(offer()));
        let over = now + Duration::from_secs(300);
        let refused = pairings.redeem(late.expose(), over);
        assert_eq!(refused, Err(PairingError::Unknown));
    }

    #[test]
    fn wrong_codes_are_bounded_and_do_not_keep_the_right_one_out() {
        let pairings = Pairings::default();
        let now = Instant::now();
        let code = pairings.offer(offer(), now).unwrap();
        let endless = "x".repeat(1_000_000);
        let wrong = ["", "wrong", &endless, &code.expose()[1..]];
        let outcomes = wrong.iter().cycle().take(MAX_WRONG as usize);
        for text in outcomes {
            assert_eq!(pairings.redeem(text, now), Err(PairingError::Unknown));
        }
        let more = pairings.redeem("wrong", now);
        assert_eq!(more, Err(PairingError::TooManyWrong));
        assert_eq!(pairings.redeem(code.expose(), now), Ok(offer()));
        let later = pairings.redeem("wrong", now + WRONG_WINDOW);
        assert_eq!(later, Err(PairingError::Unknown));
    }

    #[test]
    fn only_so_many_codes_wait() {
        let pairings = Pairings::default();
        let now = Instant::now();
        for _ in 0..MAX_WAITING {
            pairings.offer(offer(), now).unwrap();
        }
        let refused = pairings.offer(offer(), now).unwrap_err();
        assert_eq!(refused, PairingError::TooManyWaiting);
        pairings.offer(offer(), now + PAIRING_LIFE).unwrap();
    }

    #[test]
    fn codes_are_neither_shown_nor_kept() {
        let pairings = Pairings::default();
        let code = pairings.offer(offer(), Instant::now()).unwrap();
        assert_eq!(code.expose().len(), 22, "128 bits");
        assert!(!format!("{code:?} {pairings:?}").contains(code.expose()));
    }
}

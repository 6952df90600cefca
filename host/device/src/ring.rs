use std::{
    collections::VecDeque,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    Told, Who,
    config::EVENTS_KEPT,
    event::{About, Event, What},
};

/// Positions that each second of the clock has room for: so that those of a
/// later start are greater, and 2^53 is not reached before the year 2242.
const POSITIONS_OF_A_SECOND: u64 = 1 << 20;

/// The latest events, for whoever was away for a moment.
#[derive(Debug)]
pub(crate) struct Ring {
    events: VecDeque<Event>,
    /// Of the last event, or of the start.
    latest: u64,
}

impl Ring {
    pub(crate) fn new() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            events: VecDeque::new(),
            latest: since.as_secs() * POSITIONS_OF_A_SECOND,
        }
    }

    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    pub(crate) fn push(&mut self, about: Option<About>, what: What) -> u64 {
        if self.events.len() >= EVENTS_KEPT {
            self.events.pop_front();
        }
        self.latest += 1;
        let (principal, session) = about.map_or((None, None), |about| {
            (Some(about.principal), Some(about.session))
        });
        self.events.push_back(Event {
            position: self.latest,
            principal,
            session,
            what,
        });
        self.latest
    }

    /// The first event after `seen` that `who` may know of; otherwise up to where
    /// there is none.
    pub(crate) fn next(&self, who: &Who, seen: u64) -> Result<Told, u64> {
        // Without events: of the next one.
        let oldest = self.latest + 1 - self.events.len() as u64;
        if seen > self.latest || seen + 1 < oldest {
            return Ok(Told::Reset {
                position: self.latest,
            });
        }
        let skip = usize::try_from(seen + 1 - oldest).unwrap_or(usize::MAX);
        self.events
            .iter()
            .skip(skip)
            .find(|event| event.principal.as_ref().is_none_or(|of| who.may_see(of)))
            .map(|event| Told::Event(event.clone()))
            .ok_or(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use hostler_lease::{Label, Principal};

    use super::*;

    fn who(name: &str, admin: bool) -> Who {
        Who {
            principal: Principal::new(name).unwrap(),
            token: Label::new("token").unwrap(),
            surface: Label::new("test").unwrap(),
            admin,
        }
    }

    fn about(name: &str) -> Option<About> {
        Some(About {
            principal: Principal::new(name).unwrap(),
            session: "default".to_owned(),
        })
    }

    #[test]
    fn each_hears_what_it_may_know_in_order_and_once() {
        let mut ring = Ring::new();
        let start = ring.latest();
        ring.push(about("ann"), What::Moved { position: 1 });
        ring.push(None, What::DevicesChanged);
        ring.push(about("bob/session:1"), What::Moved { position: 2 });
        let all = |who: &Who| {
            let mut seen = start;
            let mut heard = Vec::new();
            while let Ok(told) = ring.next(who, seen) {
                let Told::Event(event) = told else { panic!() };
                seen = event.position;
                heard.push(event.what);
            }
            heard
        };
        let (ann, bob) = (What::Moved { position: 1 }, What::Moved { position: 2 });
        let changed = What::DevicesChanged;
        assert_eq!(all(&who("ann", false)), [ann.clone(), changed.clone()]);
        assert_eq!(all(&who("bob", false)), [changed.clone(), bob.clone()]);
        assert_eq!(all(&who("eve", false)), std::slice::from_ref(&changed));
        assert_eq!(all(&who("eve", true)), [ann, changed, bob]);
    }

    #[test]
    fn who_missed_events_is_told_to_look_anew() {
        let mut ring = Ring::new();
        let start = ring.latest();
        let ann = who("ann", false);
        assert_eq!(ring.next(&ann, start), Err(start));
        for _ in 0..=EVENTS_KEPT {
            ring.push(None, What::DevicesChanged);
        }
        let position = ring.latest();
        assert_eq!(ring.next(&ann, start), Ok(Told::Reset { position }));
        assert!(matches!(ring.next(&ann, start + 1), Ok(Told::Event(_))));
        assert_eq!(ring.next(&ann, position + 1), Ok(Told::Reset { position }));
        assert_eq!(ring.next(&ann, 0), Ok(Told::Reset { position }));
        assert!(position < 1 << 53);
    }
}

//! Questions of agents that the host asks the client. Their ids are the same on
//! every connection.

use std::collections::HashMap;

use hostler_wire::Id;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Settled questions that are remembered until their client lets go of them;
/// what is over it are clients that never do.
const MOST: usize = 1024;

#[derive(Debug)]
struct Ask {
    session: Option<String>,
    state: State,
    /// The host has asked it on this connection, so that it can be answered.
    live: bool,
}

#[derive(Debug)]
enum State {
    /// The client has it.
    Shown,
    /// With this; the host may not have heard it.
    Answered(Utf8Bytes),
    /// Nobody waits for the answer any more.
    Settled,
}

/// What is to be done with the host's question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    New,
    /// The client has it already.
    Known,
    /// This is the client's answer.
    Answered(Utf8Bytes),
}

/// What is to be done with the client's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Send,
    /// Kept until the host asks again, or dropped.
    Keep,
}

#[derive(Debug, Default)]
pub(super) struct Asks(HashMap<Id, Ask>);

impl Asks {
    pub(super) fn asked(&mut self, id: &Id, session: Option<String>) -> Asked {
        if let Some(ask) = self.0.get_mut(id) {
            ask.live = true;
            return match &ask.state {
                State::Shown => Asked::Known,
                State::Answered(text) => Asked::Answered(text.clone()),
                // It was settled once and cannot come back but as a new one.
                State::Settled => {
                    ask.state = State::Shown;
                    Asked::New
                }
            };
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, ask| matches!(ask.state, State::Shown));
        }
        let ask = Ask {
            session,
            state: State::Shown,
            live: true,
        };
        self.0.insert(id.clone(), ask);
        Asked::New
    }

    /// The client answers. What was never asked is the host's to refuse.
    pub(super) fn answered(&mut self, id: &Id, text: &Utf8Bytes) -> Answer {
        let Some(ask) = self.0.get_mut(id) else {
            return Answer::Send;
        };
        if matches!(ask.state, State::Settled) {
            self.0.remove(id);
            return Answer::Keep;
        }
        ask.state = State::Answered(text.clone());
        if ask.live { Answer::Send } else { Answer::Keep }
    }

    /// The question is settled. True: the client still shows it.
    pub(super) fn settled(&mut self, id: &Id) -> bool {
        let Some(ask) = self.0.get_mut(id) else {
            return false;
        };
        match ask.state {
            State::Shown => {
                ask.state = State::Settled;
                true
            }
            State::Settled => false,
            State::Answered(_) => {
                self.0.remove(id);
                false
            }
        }
    }

    /// The host says that its question is answered or cancelled; whoever shows
    /// it is told otherwise.
    pub(super) fn heard(&mut self, id: &Id) {
        if matches!(self.0.get(id), Some(ask) if matches!(ask.state, State::Answered(_))) {
            self.0.remove(id);
        }
    }

    /// An answer waits for the host to ask again.
    pub(super) fn has_unsent(&self) -> bool {
        let unsent = |ask: &Ask| !ask.live && matches!(ask.state, State::Answered(_));
        self.0.values().any(unsent)
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.0.contains_key(id)
    }

    /// Those of a session that the client has are new when they are asked again.
    pub(super) fn forget_shown(&mut self, session: &str) {
        self.0.retain(|_, ask| {
            ask.session.as_deref() != Some(session) || !matches!(ask.state, State::Shown)
        });
    }

    /// All of a session that the client has left.
    pub(super) fn forget(&mut self, session: &str) {
        self.0
            .retain(|_, ask| ask.session.as_deref() != Some(session));
    }

    pub(super) fn lost(&mut self) {
        for ask in self.0.values_mut() {
            ask.live = false;
        }
    }

    /// Settles those of a session that are open no more. Those that the client
    /// still shows.
    pub(super) fn settle(&mut self, session: &str, open: impl Fn(&Id) -> bool) -> Vec<Id> {
        let of = |ask: &Ask| ask.session.as_deref() == Some(session);
        let gone = self.0.iter().filter(|(id, ask)| of(ask) && !open(id));
        let mut gone: Vec<_> = gone.map(|(id, _)| id.clone()).collect();
        gone.retain(|id| self.settled(id));
        gone.sort();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        Id::string("s/1")
    }

    fn answer() -> Utf8Bytes {
        Utf8Bytes::from_static("yes")
    }

    fn asked() -> Asks {
        let mut asks = Asks::default();
        assert_eq!(asks.asked(&id(), Some("s".into())), Asked::New);
        asks
    }

    #[test]
    fn a_question_is_shown_once_however_often_it_is_asked() {
        let mut asks = asked();
        asks.lost();
        assert_eq!(asks.asked(&id(), None), Asked::Known);
        assert_eq!(asks.answered(&id(), &answer()), Answer::Send);
    }

    #[test]
    fn an_answer_given_offline_is_sent_when_the_host_asks_again() {
        let mut asks = asked();
        asks.lost();
        assert_eq!(asks.answered(&id(), &answer()), Answer::Keep);
        assert_eq!(asks.asked(&id(), None), Asked::Answered(answer()));
    }

    #[test]
    fn an_answer_that_was_lost_with_the_connection_is_sent_again() {
        let mut asks = asked();
        assert_eq!(asks.answered(&id(), &answer()), Answer::Send);
        asks.lost();
        assert_eq!(asks.asked(&id(), None), Asked::Answered(answer()));
    }

    #[test]
    fn what_was_settled_meanwhile_is_withdrawn_and_its_answer_dropped() {
        let mut asks = asked();
        asks.lost();
        assert_eq!(asks.settle("other", |_| false), []);
        assert_eq!(asks.settle("s", |_| true), []);
        assert_eq!(asks.settle("s", |_| false), [id()]);
        assert_eq!(asks.answered(&id(), &answer()), Answer::Keep);
        assert!(asks.0.is_empty());
    }

    #[test]
    fn settled_questions_are_bounded() {
        let mut asks = Asks::default();
        for number in 0..MOST as u64 * 3 {
            asks.asked(&Id::number(number), None);
            asks.settled(&Id::number(number));
        }
        assert!(asks.0.len() <= MOST);
    }
}

//! Whatever happens to a session, a client that goes on from any position gets
//! exactly what it has missed.

use hostler_replay::Position;
use hostler_runtime::Ended;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use crate::stage::*;

/// A session whose stream a client has followed without a break, whatever
/// happened to it.
struct Followed {
    hosts: Vec<Host>,
    session: Session,
    instance: Option<Instance>,
    /// The request of the turn that runs.
    turn: Option<u64>,
    prompts: u64,
    follower: Viewer,
    /// What the follower was sent.
    all: Vec<(Position, Value)>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Prompt,
    Say,
    End,
    /// Out of memory and back, in the same host.
    PutBack,
    /// The host is killed, and the next one starts.
    Kill,
}

impl Followed {
    async fn new() -> Self {
        let mut host = Host::new();
        let follower = Viewer::positioned();
        let (session, instance) = host.session_for(&follower).await;
        Self {
            hosts: vec![host],
            session,
            instance: Some(instance),
            turn: None,
            prompts: 0,
            follower,
            all: Vec::new(),
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Prompt if self.turn.is_none() => self.prompt().await,
            Step::Say | Step::Prompt => {
                if let Some(instance) = &self.instance {
                    instance.say(&format!("{}", self.all.len())).await;
                }
            }
            Step::End => {
                if let (Some(instance), Some(request)) = (&self.instance, self.turn.take()) {
                    instance.answer(request, end_turn()).await;
                }
            }
            Step::PutBack => {
                self.session.close().await.unwrap();
                if let Some(instance) = self.instance.take() {
                    instance.end(Ended::Closed).await;
                }
                self.note().await;
                self.come_back().await;
            }
            Step::Kill => {
                self.note().await;
                self.hosts.push(self.hosts.last().unwrap().after_a_kill());
                // Its connection is gone with the host.
                self.follower = Viewer::positioned();
                self.come_back().await;
            }
        }
        self.note().await;
    }

    async fn prompt(&mut self) {
        self.prompts += 1;
        let key = self.prompts.to_string();
        let answer = self
            .session
            .prompt_once(&self.follower, self.prompts, &key, "hi");
        drop(answer.await);
        if self.instance.is_none() {
            let fresh = self.hosts.last_mut().unwrap().instance().await;
            fresh.open().await;
            self.instance = Some(fresh);
        }
        let instance = self.instance.as_mut().unwrap();
        self.turn = Some(instance.prompted().await.0);
    }

    /// The follower goes on from the last that it has.
    async fn come_back(&mut self) {
        (self.instance, self.turn) = (None, None);
        self.session = self.hosts.last().unwrap().take_up(&self.session.id);
        let after = self.all.last().map(|(position, _)| *position);
        self.session.attach_from(&self.follower, after).await;
    }

    async fn note(&mut self) {
        self.session.settle().await;
        let mut frames = self.follower.rest();
        if let Some(welcome) = frames
            .iter()
            .find_map(|frame| Some(frame.get("answer")?["reset"].clone()))
        {
            assert_eq!(welcome, json!(self.all.is_empty()));
            frames.retain(|frame| frame.get("answer").is_none());
        }
        self.all.extend(placed(&frames));
    }

    /// Cuts the stream at every frame: from there on exactly the rest comes.
    async fn cut_everywhere(&mut self) {
        let mut beginnings: Vec<_> = self.all.iter().map(|(position, _)| *position).collect();
        // The beginning of each epoch is a position too.
        beginnings.extend(self.all.iter().map(|(Position { epoch, .. }, _)| Position {
            epoch: *epoch,
            seq: 0,
        }));
        for after in beginnings {
            let mut viewer = Viewer::positioned();
            self.session.attach_from(&viewer, Some(after)).await;
            let frames = viewer.rest();
            let welcome = frames[0].get("answer").expect("the answer comes first");
            assert_eq!(welcome["reset"], false, "{after}");
            let missed = self.all.iter().filter(|(position, _)| *position > after);
            let missed: Vec<_> = missed.cloned().collect();
            assert_eq!(placed(&frames), missed, "after {after}");
            self.session.lose(&viewer).await;
        }
        for (position, _) in &self.all {
            let same = |(other, _): &&(Position, Value)| other == position;
            assert_eq!(self.all.iter().filter(same).count(), 1, "{position}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn from_every_position_exactly_what_was_missed_comes(
        steps in vec(prop_oneof![
            3 => Just(Step::Prompt),
            4 => Just(Step::Say),
            2 => Just(Step::End),
            1 => Just(Step::PutBack),
            1 => Just(Step::Kill),
        ], 1..24)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut followed = Followed::new().await;
            for step in steps {
                followed.step(step).await;
            }
            followed.cut_everywhere().await;
        });
    }
}

#[tokio::test]
async fn older_epochs_are_served_and_positions_grow_over_kills_and_take_ups() {
    let mut followed = Followed::new().await;
    for step in [
        Step::Prompt,
        Step::Say,
        Step::Kill,
        Step::Prompt,
        Step::End,
        Step::PutBack,
        Step::Prompt,
        Step::Say,
        Step::End,
    ] {
        followed.step(step).await;
    }
    followed.cut_everywhere().await;
    let positions: Vec<_> = followed.all.iter().map(|(position, _)| *position).collect();
    assert!(positions.is_sorted());
    let (first, last) = (positions[0], positions[positions.len() - 1]);
    assert_eq!(last.epoch, first.epoch + 1, "{positions:?}");
    for pair in positions.windows(2) {
        let next = pair[0].epoch == pair[1].epoch && pair[0].seq + 1 == pair[1].seq;
        assert!(next || pair[1].seq == 1, "{pair:?}");
    }
}

//! Connections cut anywhere, hosts killed at any time: each update once and in
//! order, each request answered once, each prompt run once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::model::Host;
use crate::link::machine::{Link, Note, Out};

#[derive(Debug, Clone)]
enum Action {
    Prompt,
    Load,
    /// The client answers a question that it shows.
    Answer,
    /// So many messages arrive.
    Up(usize),
    Down(usize),
    /// The running turn says something, asks, ends.
    Say,
    Ask,
    End,
    /// Another client has a turn.
    Other,
    /// Of what is on its way so many messages still arrive.
    Cut(usize, usize),
    Connect,
    Kill,
    /// The host's journal cannot serve the next position that is asked for.
    Forget,
    /// It sends some again that it has sent.
    Repeat,
}

fn actions(resets: bool) -> impl Strategy<Value = Vec<Action>> {
    let forget = if resets { Action::Forget } else { Action::Say };
    let action = prop_oneof![
        3 => Just(Action::Prompt),
        1 => Just(Action::Load),
        2 => Just(Action::Answer),
        8 => (0..6_usize).prop_map(Action::Up),
        8 => (0..9_usize).prop_map(Action::Down),
        6 => Just(Action::Say),
        2 => Just(Action::Ask),
        3 => Just(Action::End),
        2 => Just(Action::Other),
        3 => (0..4_usize, 0..6_usize).prop_map(|(up, down)| Action::Cut(up, down)),
        4 => Just(Action::Connect),
        1 => Just(Action::Kill),
        1 => Just(forget),
        1 => Just(Action::Repeat),
    ];
    prop::collection::vec(action, 0..120)
}

/// A plain client, the link, and what is on its way.
struct World {
    host: Host,
    link: Link,
    connected: bool,
    up: VecDeque<Value>,
    id: u64,
    open: BTreeSet<u64>,
    /// What the client has been told since the last replay.
    seen: Vec<Value>,
    /// The host may forget.
    resets: bool,
    shown: BTreeSet<u64>,
    ever_shown: BTreeSet<u64>,
}

impl World {
    fn new(resets: bool) -> Self {
        let mut host = Host::default();
        host.kill();
        let mut world = Self {
            host,
            link: Link::new("me".into()),
            connected: false,
            up: VecDeque::new(),
            id: 0,
            open: BTreeSet::new(),
            seen: Vec::new(),
            resets,
            shown: BTreeSet::new(),
            ever_shown: BTreeSet::new(),
        };
        world.act(&Action::Connect);
        world.request("initialize");
        world.settle();
        world.request("session/load");
        world
    }

    fn request(&mut self, method: &str) {
        self.id += 1;
        self.open.insert(self.id);
        let params = json!({"sessionId": "s"});
        self.client(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
    }

    fn client(&mut self, message: &Value) {
        let mut out = Vec::new();
        self.link.client(message.to_string(), &mut out);
        self.put(out);
    }

    fn put(&mut self, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Host(text) => {
                    assert!(self.connected, "sent without a connection: {text}");
                    self.up.push_back(serde_json::from_str(&text).unwrap());
                }
                Out::Client(text) => self.given(&serde_json::from_str(&text).unwrap()),
                // The client is given all of it again.
                Out::Note(Note::Anew(_)) => {
                    assert!(self.resets, "nothing was forgotten");
                    self.seen.clear();
                }
                Out::Note(_) => {}
                Out::Drop(why) | Out::Fail(why) => panic!("{why}"),
            }
        }
    }

    /// The client is given a message.
    fn given(&mut self, message: &Value) {
        match message["method"].as_str() {
            Some("session/update") => {
                let update = &message["params"]["update"];
                if update.get("said").is_some() {
                    self.seen.push(update["said"].clone());
                }
            }
            Some("session/request_permission") => {
                let ask = number(&message["id"]);
                assert!(self.shown.insert(ask), "shown twice: {ask}");
                self.ever_shown.insert(ask);
            }
            Some("$/cancel_request") => {
                let ask = number(&message["params"]["requestId"]);
                assert!(self.shown.remove(&ask), "not shown: {ask}");
            }
            Some(other) => panic!("{other}"),
            None => {
                let id = message["id"].as_u64().unwrap();
                assert!(self.open.remove(&id), "answered twice: {message}");
            }
        }
    }

    fn up(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(message) = self.up.pop_front() {
                self.host.take(&message);
            }
        }
    }

    fn down(&mut self, count: usize) {
        for _ in 0..count {
            let Some(message) = self.host.out.pop_front() else {
                return;
            };
            let mut out = Vec::new();
            let pass = self.link.host(&message.to_string(), &mut out);
            self.put(out);
            if pass {
                self.given(&message);
            }
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Prompt => self.request("session/prompt"),
            Action::Load => {
                // A fresh view: all of it comes again, questions too. Until the
                // host has it, other updates come, which are no part of that.
                self.settle();
                self.seen.clear();
                self.shown.clear();
                self.request("session/load");
                self.up(1000);
            }
            Action::Answer => {
                if let Some(ask) = self.shown.pop_first() {
                    self.client(&json!({"jsonrpc": "2.0", "id": format!("s/{ask}"), "result": {}}));
                }
            }
            Action::Up(count) => self.up(*count),
            Action::Down(count) => self.down(*count),
            Action::Say => self.host.say(),
            Action::Ask => self.host.ask(),
            Action::End => self.host.end(false),
            Action::Other => {
                self.host
                    .update(json!({"sessionUpdate": "user_message_chunk"}));
            }
            Action::Cut(up, down) => {
                self.up(*up);
                self.down(*down);
                self.cut();
            }
            Action::Connect if !self.connected => {
                self.connected = true;
                let mut out = Vec::new();
                self.link.connected(&mut out);
                self.put(out);
            }
            Action::Connect => {}
            Action::Kill => {
                self.cut();
                self.host.kill();
            }
            Action::Forget => self.host.forgets = true,
            Action::Repeat => self.host.repeats = true,
        }
    }

    fn cut(&mut self) {
        if std::mem::take(&mut self.connected) {
            self.up.clear();
            self.host.lose();
            let mut out = Vec::new();
            self.link.lost("cut", &mut out);
            self.put(out);
        }
    }

    fn quiet(&self) -> bool {
        self.up.is_empty() && self.host.out.is_empty()
    }

    fn settle(&mut self) {
        self.act(&Action::Connect);
        while !self.quiet() {
            self.up(1000);
            self.down(1000);
        }
    }

    /// Everything comes to its end.
    fn finish(&mut self) {
        self.settle();
        while !self.host.turns.is_empty() {
            self.host.end(false);
            self.settle();
        }
        assert_eq!(self.open, BTreeSet::new(), "without an answer");
        let all: Vec<_> = (1..=self.host.said).map(Value::from).collect();
        assert_eq!(self.seen, all);
        let mut ran = BTreeMap::<_, u32>::new();
        for (_, update) in &self.host.log {
            if let Some(key) = update["_meta"]["hostler"]["prompt"].as_str() {
                *ran.entry(key.to_owned()).or_default() += 1;
            }
        }
        assert!(ran.values().all(|times| *times == 1), "{ran:?}");
        assert_eq!(self.shown, BTreeSet::new(), "shown for ever");
        assert!(self.host.decided.values().all(|times| *times == 1));
        assert!(
            self.host
                .decided
                .keys()
                .all(|ask| self.ever_shown.contains(ask))
        );
    }
}

fn number(id: &Value) -> u64 {
    id.as_str().unwrap()[2..].parse().unwrap()
}

fn run(actions: &[Action], resets: bool) {
    let mut world = World::new(resets);
    for action in actions {
        world.act(action);
    }
    world.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_update_is_given_once_and_every_request_answered_once(actions in actions(false)) {
        run(&actions, false);
    }

    #[test]
    fn with_resets_the_client_still_has_all_of_it_in_order(actions in actions(true)) {
        run(&actions, true);
    }
}

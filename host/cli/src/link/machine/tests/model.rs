//! A host as the protocol has it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

/// A host with one session, by the protocol.
#[derive(Default)]
pub(super) struct Host {
    pub(super) epoch: u64,
    pub(super) seq: u64,
    /// The history: position and update.
    pub(super) log: Vec<((u64, u64), Value)>,
    /// Keys with the id that waits on this connection.
    pub(super) turns: VecDeque<String>,
    /// Keys that have run, with their ends.
    pub(super) ended: BTreeMap<String, Value>,
    pub(super) waiting: BTreeMap<String, Value>,
    pub(super) asks: BTreeSet<u64>,
    pub(super) asked: u64,
    /// How often each ask was answered by the client.
    pub(super) decided: BTreeMap<u64, u32>,
    pub(super) views: bool,
    pub(super) forgets: bool,
    /// The next attachment is served a little more than it asks for.
    pub(super) repeats: bool,
    pub(super) said: u64,
    pub(super) out: VecDeque<Value>,
}

impl Host {
    pub(super) fn update(&mut self, update: Value) {
        self.seq += 1;
        let at = (self.epoch, self.seq);
        if self.views {
            self.out.push_back(message(at, &update));
        }
        self.log.push((at, update));
    }

    pub(super) fn say(&mut self) {
        self.said += 1;
        let said = self.said;
        self.update(json!({ "said": said }));
    }

    pub(super) fn begin(&mut self) {
        if let Some(key) = self.turns.front().cloned() {
            self.update(
                json!({"sessionUpdate": "user_message_chunk", "_meta": {"hostler": {"prompt": key}}}),
            );
        }
    }

    pub(super) fn end(&mut self, error: bool) {
        let Some(key) = self.turns.pop_front() else {
            return;
        };
        self.settle_asks();
        self.update(json!({"_meta": {"hostler": {"turn": {"state": "ended", "prompt": key}}}}));
        let mut answer = json!({"jsonrpc": "2.0"});
        if error {
            answer["error"] = json!({"code": 1, "message": "", "data": {"code": "HOST_RESTARTED"}});
        } else {
            answer["result"] = json!({"stopReason": "end_turn"});
        }
        if let Some(id) = self.waiting.remove(&key) {
            answer["id"] = id;
            self.out.push_back(answer.clone());
        }
        self.ended.insert(key, answer);
        self.begin();
    }

    pub(super) fn settle_asks(&mut self) {
        for ask in std::mem::take(&mut self.asks) {
            if self.views {
                let params = json!({"requestId": format!("s/{ask}")});
                self.out.push_back(
                    json!({"jsonrpc": "2.0", "method": "$/cancel_request", "params": params}),
                );
            }
        }
    }

    pub(super) fn ask(&mut self) {
        if !self.turns.is_empty() {
            self.asked += 1;
            self.asks.insert(self.asked);
            if self.views {
                self.out.push_back(question(self.asked));
            }
        }
    }

    /// A message of the link.
    pub(super) fn take(&mut self, message: &Value) {
        let id = message["id"].clone();
        let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
        match message["method"].as_str() {
            Some("initialize") => {
                let capabilities = json!({"_meta": {"hostler": {"attach": true}}});
                let answer = result(json!({"agentCapabilities": capabilities}));
                self.out.push_back(answer);
            }
            Some("session/load") => {
                let log = self
                    .log
                    .iter()
                    .map(|(at, update)| self::message(*at, update));
                self.out.extend(log);
                self.out.push_back(result(json!({})));
                self.out.extend(self.asks.iter().map(|ask| question(*ask)));
                self.views = true;
            }
            Some("_hostler/session/attach") => {
                let after = &message["params"]["after"];
                let mut after = after["epoch"].as_u64().zip(after["seq"].as_u64());
                if std::mem::take(&mut self.forgets) {
                    after = None;
                }
                let from = after.map(|(epoch, seq)| {
                    let repeated = u64::from(std::mem::take(&mut self.repeats));
                    (epoch, seq.saturating_sub(repeated))
                });
                let asks: Vec<_> = self.asks.iter().map(|ask| format!("s/{ask}")).collect();
                self.out.push_back(result(json!({
                    "epoch": self.epoch, "headSeq": self.seq, "reset": after.is_none(),
                    "openPermissions": asks,
                })));
                let missed = self.log.iter().filter(|(at, _)| Some(*at) > from);
                let missed = missed.map(|(at, update)| self::message(*at, update));
                self.out.extend(missed);
                self.out.extend(self.asks.iter().map(|ask| question(*ask)));
                self.views = true;
            }
            Some("session/prompt") => {
                let key = message["params"]["_meta"]["hostler"]["key"]
                    .as_str()
                    .unwrap();
                if let Some(answer) = self.ended.get(key) {
                    let mut answer = answer.clone();
                    answer["id"] = id;
                    self.out.push_back(answer);
                    return;
                }
                self.waiting.insert(key.to_owned(), id);
                if !self.turns.iter().any(|turn| turn == key) {
                    self.turns.push_back(key.to_owned());
                    if self.turns.len() == 1 {
                        self.begin();
                    }
                }
            }
            Some(other) => panic!("{other}"),
            None => {
                let ask: u64 = id.as_str().unwrap()[2..].parse().unwrap();
                if self.asks.remove(&ask) {
                    *self.decided.entry(ask).or_default() += 1;
                }
            }
        }
    }

    pub(super) fn lose(&mut self) {
        self.views = false;
        self.waiting.clear();
        self.out.clear();
    }

    pub(super) fn kill(&mut self) {
        self.lose();
        self.epoch += 1;
        self.seq = 0;
        self.asks.clear();
        // What had not begun is lost with the host and comes again by its key.
        self.turns.truncate(1);
        self.end(true);
    }
}

fn message((epoch, seq): (u64, u64), update: &Value) -> Value {
    let meta = json!({"hostler": {"epoch": epoch, "seq": seq}});
    let params = json!({"sessionId": "s", "update": update, "_meta": meta});
    json!({"jsonrpc": "2.0", "method": "session/update", "params": params})
}

fn question(ask: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": format!("s/{ask}"), "method": "session/request_permission",
           "params": {"sessionId": "s"}})
}

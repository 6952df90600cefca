//! What clients and operators get wrong: each gets a stable code and a sentence,
//! and everything else goes on. The same rules have finer tests beside the code;
//! here they are seen from outside the built binary. Plugins that cannot be
//! loaded are in [`contained`](crate::contained).

mod door;
mod messages;
mod operator;
mod sessions;

use hostler_e2e::{Host, Peer, peer::Refusal};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    let trials = [
        messages::trials(),
        door::trials(),
        sessions::trials(),
        operator::trials(),
    ];
    trials.into_iter().flatten().collect()
}

/// A host with two clients that have a session each. The first one misbehaves.
struct Scene {
    peer: Peer,
    session: String,
    other: Peer,
    others: String,
    /// Last, because a host that stops waits for its connections.
    host: Host,
}

impl Scene {
    async fn start() -> Self {
        let host = Host::scripted();
        let (mut peer, mut other) = (Peer::start(&host).await, Peer::start(&host).await);
        Self {
            session: peer.session(&host).await,
            others: other.session(&host).await,
            host,
            peer,
            other,
        }
    }

    /// One request of the first client that must be refused.
    async fn refused(&mut self, method: &str, params: &Value, fault: (i32, &str, &str)) {
        let answer = self.peer.ask(method, params).await;
        is_fault(&answer, fault);
    }

    /// Both connections and both sessions are as good as before.
    async fn goes_on(mut self) {
        turn(&mut self.peer, &self.session).await;
        turn(&mut self.other, &self.others).await;
    }
}

async fn turn(peer: &mut Peer, session: &str) {
    peer.early.clear();
    let id = peer.begin_prompt(session, "say undisturbed").await;
    let answer = peer.answer(id).await;
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    let said = said(&peer.early);
    assert!(said.ends_with("undisturbed"), "{said}");
}

/// The agent's words, joined.
fn said(messages: &[Value]) -> String {
    messages
        .iter()
        .map(|message| &message["params"]["update"])
        .filter(|update| update["sessionUpdate"] == "agent_message_chunk")
        .filter_map(|update| update["content"]["text"].as_str())
        .collect()
}

/// Number, stable name, and what the sentence must have in it.
fn is_fault(answer: &Value, (number, name, sentence): (i32, &str, &str)) {
    let error = &answer["error"];
    assert_eq!(
        (&error["code"], &error["data"]["code"]),
        (&json!(number), &json!(name)),
        "{answer}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(sentence), "{message}");
}

fn is_refusal(refusal: &Refusal, status: u16, code: &str, says: &str) {
    assert_eq!((refusal.status, refusal.code.as_str()), (status, code));
    assert!(refusal.message.contains(says), "{}", refusal.message);
}

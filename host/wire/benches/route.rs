//! What every message costs before its session sees it: the envelope is read,
//! its session is found among a thousand, and its bytes are put on their way.

use std::{collections::HashMap, hint::black_box};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hostler_wire::{Message, session_id};
use serde_json::json;

const SESSIONS: usize = 1000;

/// Short, as most are.
const PIECE: usize = 226;

/// A file that an agent shows.
const FILE: usize = 85_000;

fn route(criterion: &mut Criterion) {
    let ids: Vec<_> = (0..SESSIONS)
        .map(|n| format!("0198c0de-7a11-4b1e-9c0d-{n:012}"))
        .collect();
    let mut sessions: HashMap<_, Vec<Bytes>> =
        ids.iter().map(|id| (id.clone(), Vec::new())).collect();
    let mut group = criterion.benchmark_group("envelope_routing");
    for (name, bytes) in [("226_bytes", PIECE), ("85_kilobytes", FILE)] {
        let message = message(&ids[SESSIONS / 2], bytes);
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| forward(black_box(&message), &mut sessions));
        });
    }
    group.finish();
}

fn forward(frame: &Bytes, sessions: &mut HashMap<String, Vec<Bytes>>) {
    let text = str::from_utf8(frame).expect("it is text");
    let Ok(Message::Notification { params, .. }) = Message::parse(text) else {
        panic!("it is a notification");
    };
    let session = session_id(params.expect("it has params")).expect("they are an object");
    let queue = sessions.get_mut(&*session.expect("it names a session"));
    let queue = queue.expect("the session is there");
    queue.push(frame.clone());
    black_box(&*queue);
    queue.clear();
}

/// An update of exactly so many bytes: lines of code, with what is escaped in
/// them.
fn message(session: &str, bytes: usize) -> Bytes {
    let around = |text: &str| {
        let content = json!({ "type": "text", "text": text });
        let update = json!({ "sessionUpdate": "agent_message_chunk", "content": content });
        let params = json!({ "sessionId": session, "update": update });
        json!({ "jsonrpc": "2.0", "method": "session/update", "params": params }).to_string()
    };
    let code = "    let \"name\" = other(1, 2);\n";
    let mut text = String::new();
    while around(&text).len() + 2 * code.len() < bytes {
        text.push_str(code);
    }
    text.push_str(&"x".repeat(bytes - around(&text).len()));
    let message = around(&text);
    assert_eq!(message.len(), bytes);
    message.into()
}

criterion_group!(benches, route);
criterion_main!(benches);

//! What does not go as it was asked, and says so: a sandbox, an MCP server that does
//! not start, a conversation that grows too long.

use serde_json::{Value, json};

use super::{
    pair::Pair,
    stage::Harness,
    turn::{Answer, Turn, notice},
};

/// In which no command may change anything, and nobody is asked.
pub(super) async fn sandbox(pair: &mut Pair) -> String {
    if pair.stage.harness != Harness::Codex {
        return "there is none".into();
    }
    pair.choose("approval", "never").await;
    pair.choose("sandbox", "read-only").await;
    let turn = pair.turn("[[bash : > made.txt]]", Answer::Open).await;
    if !turn.calls_are("failed") || pair.stage.did(&pair.folder, "made.txt") {
        turn.odd("a command that is shown as failed");
    }
    assert_eq!(
        turn.calls()[0]["rawInput"]["command"],
        ": > made.txt",
        "{turn:?}"
    );
    "shown as failed".into()
}

/// A server that is none.
pub(super) fn broken() -> Value {
    json!([{ "name": "absent", "command": "/no/such/program", "args": [], "env": [] }])
}

pub(super) async fn broken_server(pair: &mut Pair) -> String {
    let mut turn = pair.turn("[[text Without it.]]", Answer::Open).await;
    if turn.said() != "Without it." {
        turn.odd("an answer all the same");
    }
    let of_it = |update: &Value| notice(update).is_some_and(|words| words.contains("absent"));
    if !pair.updates.iter().any(of_it) {
        let told = |turn: &Turn| turn.updates.iter().chain(&turn.at_phone).any(of_it);
        pair.after(&mut turn, told).await;
    }
    let notices = pair.updates.iter().chain(&turn.at_phone);
    let mut notices = notices.filter(|update| of_it(update)).filter_map(notice);
    match notices.any(|words| words.contains("not used")) {
        true => "not used, and a notice says so".into(),
        false => "a notice names it".into(),
    }
}

pub(super) async fn compaction(pair: &mut Pair) -> String {
    if pair.stage.harness == Harness::Decopilot {
        return "there is none".into();
    }
    pair.turn("[[text The word is plum.]]", Answer::Unasked)
        .await;
    let turn = pair.turn("/compact", Answer::Unasked).await;
    if turn.stopped() != "end_turn" {
        turn.odd("the end of it");
    }
    let shown = turn.calls_are("completed");
    let next = pair.turn("[[text goes on]]", Answer::Unasked).await;
    if next.said() != "goes on" {
        next.odd("goes on");
    }
    match (shown, turn.notices().next(), turn.said().as_str()) {
        (true, ..) => "shown as a call".into(),
        (false, Some(_), _) => "a notice says so".into(),
        (false, None, "") => "yes".into(),
        (false, None, _) => "said so".into(),
    }
}

//! How turns end that do not end well, and that the session goes on.

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::{
    pair::Pair,
    turn::{Answer, Turn, notice},
};

pub(super) async fn unauthorized(pair: &mut Pair) -> String {
    status(pair, 401).await
}

pub(super) async fn too_many(pair: &mut Pair) -> String {
    status(pair, 429).await
}

pub(super) async fn overloaded(pair: &mut Pair) -> String {
    let cell = status(pair, 503).await;
    goes_on(pair).await;
    cell
}

/// What a person reads when the model or the service answers with this status.
async fn status(pair: &mut Pair, status: u16) -> String {
    let turn = pair
        .turn(&format!("[[status {status}]]"), Answer::Unasked)
        .await;
    let Some((code, words)) = turn.error() else {
        turn.odd("an error");
    };
    if !words.contains(&status.to_string()) {
        turn.odd("an error that names the status");
    }
    format!("`{code}` {}", as_always(&words))
}

/// Without what is another one in every run, and what the model said itself.
fn as_always(words: &str) -> String {
    const LOOPBACK: &str = "127.0.0.1:";
    let words = words.replace("the prompt asked for this error", "…");
    let mut parts = words.split(LOOPBACK);
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        all.push_str("HOST");
        all.push_str(part.trim_start_matches(|it: char| it.is_ascii_digit()));
    }
    all
}

async fn goes_on(pair: &mut Pair) {
    let next = pair.turn("[[text goes on]]", Answer::Unasked).await;
    if next.said() != "goes on" || next.stopped() != "end_turn" {
        next.odd("goes on");
    }
}

pub(super) async fn max_tokens(pair: &mut Pair) -> String {
    let turn = pair.turn("[[max-tokens]]", Answer::Unasked).await;
    let end = turn.stopped().to_owned();
    if end != "max_tokens" {
        turn.odd("max_tokens");
    }
    format!("`{end}`")
}

pub(super) async fn refusal(pair: &mut Pair) -> String {
    let turn = pair.turn("[[refuse]]", Answer::Unasked).await;
    let end = turn.stopped().to_owned();
    if end != "refusal" {
        turn.odd("refusal");
    }
    format!("`{end}`")
}

pub(super) async fn dropped(pair: &mut Pair) -> String {
    let prompt = "[[text This much is heard at once, ]][[drop]][[text and this later.]]";
    let turn = pair.turn(prompt, Answer::Unasked).await;
    let whole = "This much is heard at once, and this later.";
    if turn.stopped() != "end_turn" || turn.said() != whole {
        turn.odd(whole);
    }
    let mut updates = turn.updates.iter();
    let heard = |update: &&Value| {
        update["sessionUpdate"] == "agent_message_chunk" && notice(update).is_none()
    };
    // It was seen before it broke off.
    if updates.find(heard).is_none() {
        turn.odd("some text");
    }
    match updates.any(|update| notice(update).is_some()) {
        true => "shown once, with a notice".into(),
        false => "shown once".into(),
    }
}

pub(super) async fn killed(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[slow 500 20]]", Answer::Unasked).await;
    pair.until(&mut turn, |turn| turn.said().contains("word3 "))
        .await;
    let programs = pair.stage.programs(&pair.folder);
    for (pid, _) in &programs {
        // The first one may have ended the others.
        let _ = kill_process(*pid, Signal::KILL);
    }
    if programs.is_empty() {
        pair.cancel().await;
        pair.finish(turn).await;
        return "there is none".into();
    }
    let turn: Turn = pair.finish(turn).await;
    let error = turn.error().map(|(_, words)| words).unwrap_or_default();
    if !error.contains("in the middle") {
        turn.odd("an error that says so");
    }
    let next = pair
        .turn("After the kill. [[text goes on]]", Answer::Unasked)
        .await;
    if next.said() != "goes on" {
        next.odd("goes on");
    }
    let remembers = pair.stage.remembered("[[slow 500 20]]", "After the kill.");
    assert_eq!(remembers, "yes");
    "an error says so, the next turn remembers".into()
}

/// Before the host is killed.
pub(super) async fn before_restart(pair: &mut Pair) -> String {
    let turn = pair
        .turn("[[text Before it was killed.]]", Answer::Unasked)
        .await;
    if turn.stopped() != "end_turn" {
        turn.odd("end_turn");
    }
    String::new()
}

/// When another host runs on what is left.
pub(super) async fn after_restart(pair: &mut Pair) -> String {
    let turn = pair
        .turn("When it is back. [[text Here again.]]", Answer::Unasked)
        .await;
    if turn.said() != "Here again." {
        turn.odd("Here again.");
    }
    pair.stage
        .remembered("Before it was killed.", "When it is back.")
        .into()
}

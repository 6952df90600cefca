//! Tools, and who is asked about them: always the second client, which answers.

use super::{pair::Pair, stage::Harness, turn::Turn};

fn did(pair: &Pair, file: &str) -> bool {
    pair.stage.did(&pair.folder, file)
}

pub(super) async fn allowed(pair: &mut Pair) -> String {
    let prompt = "[[bash touch allowed.txt && echo made]]";
    let turn = pair.turn(prompt, "allow_once").await;
    if turn.asked.len() != 1 || !turn.calls_are("completed") || !did(pair, "allowed.txt") {
        turn.odd("a command that was asked about, and then ran");
    }
    assert_eq!(turn.calls()[0]["kind"], "execute", "{turn:?}");
    "yes".into()
}

pub(super) async fn denied(pair: &mut Pair) -> String {
    let turn = pair.turn("[[bash touch denied.txt]]", "reject_once").await;
    if turn.asked.len() != 1 || !turn.calls_are("failed") || did(pair, "denied.txt") {
        turn.odd("a command that was asked about, and did not run");
    }
    match turn.stopped() {
        "end_turn" => "yes, the agent is told".into(),
        "cancelled" => "yes, the turn ends".into(),
        _ => turn.odd("an end"),
    }
}

pub(super) async fn always(pair: &mut Pair) -> String {
    let prompt = "[[bash touch often.txt]]";
    let first = pair.turn(prompt, "allow_always").await;
    if first.asked.len() != 1 || !did(pair, "often.txt") {
        first.odd("a command that was asked about, and then ran");
    }
    let _ = std::fs::remove_file(pair.folder.join("often.txt"));
    let second = pair.turn(prompt, "reject_once").await;
    if !second.asked.is_empty() || !second.calls_are("completed") || !did(pair, "often.txt") {
        second.odd("the same command without a question");
    }
    "asked once".into()
}

pub(super) async fn cancel_text(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[slow 500 20]]", "").await;
    pair.until(&mut turn, |turn| !turn.said().is_empty()).await;
    pair.cancel().await;
    cancelled(pair, turn).await;
    "yes".into()
}

pub(super) async fn cancel_permission(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[bash touch never.txt]]", "").await;
    pair.until(&mut turn, |turn| !turn.asked.is_empty()).await;
    pair.cancel().await;
    cancelled(pair, turn).await;
    assert!(!did(pair, "never.txt"));
    "yes".into()
}

pub(super) async fn cancel_tool(pair: &mut Pair) -> String {
    // It never ends by itself; at the service it is the end of it that counts.
    let prompt = "[[bash touch begun.txt && tail -f begun.txt; sleep 600]]";
    let mut turn = pair.begin(prompt, "allow_once").await;
    pair.until(&mut turn, |turn| !turn.asked.is_empty()).await;
    let here = pair.stage.harness != Harness::Decopilot;
    if here {
        pair.wait("the command", works).await;
    } else {
        let runs = |turn: &Turn| turn.calls_are("in_progress");
        pair.until(&mut turn, runs).await;
    }
    pair.cancel().await;
    cancelled(pair, turn).await;
    if !here {
        return "yes, at the service".into();
    }
    let ended = |pair: &Pair| !works(pair);
    pair.wait("the end of the command", ended).await;
    "yes, its processes too".into()
}

fn works(pair: &Pair) -> bool {
    let programs = pair.stage.programs(&pair.folder);
    programs.iter().any(|(_, line)| line.starts_with("tail -f"))
}

/// The turn ends as cancelled, its calls too, and the session goes on.
async fn cancelled(pair: &mut Pair, turn: Turn) {
    let turn = pair.finish(turn).await;
    let calls = turn.calls();
    let open = calls.iter().filter(|call| call["status"] != "failed");
    if turn.stopped() != "cancelled" || open.count() > 0 {
        turn.odd("a cancelled turn without open calls");
    }
    let next = pair.turn("[[text goes on]]", "").await;
    if next.said() != "goes on" {
        next.odd("goes on");
    }
}

pub(super) async fn change(pair: &mut Pair) -> String {
    let prompt = "[[write poem.txt|roses are red\\n]]\
                  [[edit poem.txt|roses are red|roses are blue]][[text Done.]]";
    let turn = pair.turn(prompt, "allow_once").await;
    let calls = turn.calls();
    let contents = calls
        .iter()
        .filter_map(|call| call["content"].as_array())
        .flatten();
    let mut diffs = contents.filter(|content| content["type"] == "diff");
    let has = |text: &serde_json::Value, word| text.as_str().is_some_and(|it| it.contains(word));
    let shown = diffs.any(|diff| has(&diff["oldText"], "red") && has(&diff["newText"], "blue"));
    if !shown || !turn.calls_are("completed") || !did(pair, "poem.txt") {
        turn.odd("a file that is written and then changed, with the diff");
    }
    "yes".into()
}

pub(super) async fn plan(pair: &mut Pair) -> String {
    let turn = pair.turn("[[todo look|leap]][[text Planned.]]", "").await;
    let plan = turn.of("plan").last();
    let entries = plan.and_then(|plan| plan["entries"].as_array());
    let entries = entries.map_or(&[][..], Vec::as_slice);
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| (entry["content"].as_str(), entry["status"].as_str()))
        .collect();
    let (look, leap) = (
        (Some("look"), Some("in_progress")),
        (Some("leap"), Some("pending")),
    );
    if shown != [look, leap] {
        turn.odd("a plan of two steps");
    }
    "yes".into()
}

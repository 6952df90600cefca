//! Tools, and who is asked about them: always the second client, which answers.

use super::{
    pair::Pair,
    stage::Harness,
    turn::{ALLOW, Answer, Turn},
};
use crate::decopilot::said;

fn did(pair: &Pair, file: &str) -> bool {
    pair.stage.did(&pair.folder, file)
}

pub(super) async fn allowed(pair: &mut Pair) -> String {
    let prompt = "[[bash touch allowed.txt && echo made]]";
    let turn = pair.turn(prompt, ALLOW).await;
    if turn.asked.len() != 1 || !turn.calls_are("completed") || !did(pair, "allowed.txt") {
        turn.odd("a command that was asked about, and then ran");
    }
    assert_eq!(turn.calls()[0]["kind"], "execute", "{turn:?}");
    "yes".into()
}

pub(super) async fn denied(pair: &mut Pair) -> String {
    let turn = pair
        .turn("[[bash touch denied.txt]]", Answer::Takes("reject_once"))
        .await;
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
    let first = pair.turn(prompt, Answer::Takes("allow_always")).await;
    if first.asked.len() != 1 || !did(pair, "often.txt") {
        first.odd("a command that was asked about, and then ran");
    }
    let _ = std::fs::remove_file(pair.folder.join("often.txt"));
    let second = pair.turn(prompt, Answer::Unasked).await;
    if !second.calls_are("completed") || !did(pair, "often.txt") {
        second.odd("the same command without a question");
    }
    "asked once".into()
}

/// The second client takes the first answer.
pub(super) async fn question(pair: &mut Pair) -> String {
    let prompt = match pair.stage.harness {
        Harness::Claude => {
            r#"[[call AskUserQuestion {"questions":[{"question":"Which colour?",
            "header":"Colour","multiSelect":false,"options":[
            {"label":"Red","description":"Warm"},{"label":"Blue","description":"Cold"}]}]}]]"#
        }
        Harness::Codex => {
            // It asks in this mode alone.
            pair.choose("mode", "plan").await;
            r#"[[call request_user_input {"questions":[{"id":"colour","header":"Colour",
            "question":"Which colour?","options":[{"label":"Red","description":"Warm"},
            {"label":"Blue","description":"Cold"}]}]}]]"#
        }
        Harness::Decopilot => "[[ask choice|Which colour?|Red|Blue]]",
    };
    let turn = pair.turn(prompt, ALLOW).await;
    let [asked] = turn.asked.as_slice() else {
        turn.odd("one question");
    };
    let asked = asked.to_string();
    if !asked.contains("Which colour?") || !asked.contains("Blue") {
        turn.odd("the question with its answers");
    }
    let told = match pair.stage.harness {
        Harness::Claude => turn.calls()[0]["content"].to_string().contains("Red"),
        Harness::Codex => {
            let answer = r#"{\"answers\":{\"colour\":{\"answers\":[\"Red\"]}}}"#;
            !pair.stage.asked(answer).is_empty()
        }
        Harness::Decopilot => turn.said() == "You chose: Red",
    };
    if !told {
        turn.odd("the answer at the model");
    }
    match pair.stage.harness {
        Harness::Codex => "yes, in the mode `plan`".into(),
        Harness::Claude | Harness::Decopilot => "yes".into(),
    }
}

pub(super) async fn cancel_text(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[slow 500 20]]", Answer::Open).await;
    pair.until(&mut turn, |turn| !turn.said().is_empty()).await;
    pair.cancel().await;
    cancelled(pair, turn).await;
    "yes".into()
}

pub(super) async fn cancel_permission(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[bash touch never.txt]]", Answer::Open).await;
    pair.until(&mut turn, |turn| !turn.asked.is_empty()).await;
    pair.cancel().await;
    cancelled(pair, turn).await;
    assert!(!did(pair, "never.txt"));
    "yes".into()
}

pub(super) async fn cancel_tool(pair: &mut Pair) -> String {
    // It never ends by itself; at the service it is the end of it that counts.
    let prompt = "[[bash touch begun.txt && tail -f begun.txt; sleep 600]]";
    let mut turn = pair.begin(prompt, ALLOW).await;
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
    let mut next = Turn::default();
    let prompt = pair
        .begin_at_phone("session/prompt", "[[text goes on]]")
        .await;
    let end = pair.answer_at_phone(&mut next, prompt).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    // It may still be sent what the other client had of the turn before.
    if !said(&next.at_phone).ends_with("goes on") {
        next.odd("goes on");
    }
}

pub(super) async fn change(pair: &mut Pair) -> String {
    let prompt = "[[write poem.txt|roses are red\\n]]\
                  [[edit poem.txt|roses are red|roses are blue]][[text Done.]]";
    let turn = pair.turn(prompt, ALLOW).await;
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
    let turn = pair
        .turn("[[todo look|leap]][[text Planned.]]", Answer::Unasked)
        .await;
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

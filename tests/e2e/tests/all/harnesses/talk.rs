//! What is said, and what a client learns of a session.

use serde_json::Value;

use super::{editor::Via, pair::Pair, stage::Harness, turn::Answer};

/// What the second turn is to remember.
const SUNNY: &str = "It is sunny, and the wind is mild.";

pub(super) async fn text(pair: &mut Pair) -> String {
    let turn = pair
        .turn(&format!("How is it? [[text {SUNNY}]]"), Answer::Unasked)
        .await;
    if turn.stopped() != "end_turn" || turn.said() != SUNNY {
        turn.odd(SUNNY);
    }
    match turn.of("agent_message_chunk").count() {
        1 => "in one piece".into(),
        _ => "yes".into(),
    }
}

pub(super) async fn thoughts(pair: &mut Pair) -> String {
    let turn = pair
        .turn("[[think about clouds]] [[text Hm.]]", Answer::Unasked)
        .await;
    if turn.text("agent_thought_chunk").trim() != "about clouds" || turn.said() != "Hm." {
        turn.odd("a thought about clouds, and words");
    }
    "yes".into()
}

pub(super) async fn remembers(pair: &mut Pair) -> String {
    let turn = pair
        .turn("And now? [[text It rains.]]", Answer::Unasked)
        .await;
    if turn.said() != "It rains." {
        turn.odd("It rains.");
    }
    pair.stage.remembered(SUNNY, "And now?").into()
}

pub(super) async fn usage(pair: &mut Pair) -> String {
    let turn = pair.turn("[[text Fine.]]", Answer::Unasked).await;
    if let Some(told) = turn.of("usage_update").last() {
        assert!(told["used"].as_u64() > Some(0), "{told}");
        return match told["cost"]["amount"].is_number() {
            true => "yes, and the cost".into(),
            false => "yes".into(),
        };
    }
    let end = turn.end.as_ref().expect("an end");
    let id = pair.stage.harness.id();
    let usage = &end["result"]["_meta"][id]["usage"];
    if usage["totalTokens"].as_u64() > Some(0) {
        return format!("in `_meta.{id}.usage` of the answer");
    }
    turn.odd("what it used")
}

pub(super) async fn title(pair: &mut Pair) -> String {
    let titles = updates(pair, "session_info_update");
    let mut titles = titles.iter().filter_map(|update| update["title"].as_str());
    match titles.next_back() {
        Some(title) if title.starts_with("How is it?") => "the first prompt's beginning".into(),
        Some(title) => panic!("a title that nobody gave: {title}"),
        None => "no".into(),
    }
}

pub(super) async fn commands(pair: &mut Pair) -> String {
    let told = updates(pair, "available_commands_update");
    let Some(told) = told.last() else {
        return "none".into();
    };
    let commands = told["availableCommands"].as_array().expect("commands");
    let cell = match commands.as_slice() {
        [] => return "none".into(),
        [one] => format!("`/{}`", one["name"].as_str().expect("a name")),
        _ => "yes".into(),
    };
    match pair.via() {
        Via::WebSocket => cell,
        // It resumes a session to prompt it, and who opens one is told them.
        Via::Acpx => format!("{cell}, told to `acpx exec`"),
    }
}

fn updates(pair: &Pair, kind: &str) -> Vec<Value> {
    let all = pair.updates.iter();
    all.filter(|update| update["sessionUpdate"] == kind)
        .cloned()
        .collect()
}

pub(super) async fn model(pair: &mut Pair) -> String {
    let options = pair.opened["configOptions"].as_array().expect("options");
    let option = options.iter().find(|option| option["id"] == "model");
    let option = option.expect("the option `model`");
    let current = option["currentValue"].as_str().expect("a value");
    let values = option["options"].as_array().expect("models").iter();
    let mut others = values.filter_map(|model| model["value"].as_str());
    let other = match pair.stage.harness {
        // The request has the whole name of what this is short for.
        Harness::Claude => "sonnet",
        Harness::Codex | Harness::Decopilot => {
            others.rfind(|it| *it != current).expect("another one")
        }
    };
    let other = other.to_owned();
    pair.choose("model", &other).await;
    pair.turn("By another model. [[text Here.]]", Answer::Unasked)
        .await;
    let asked = pair.stage.asked("By another model.");
    let (_, body) = asked.last().expect("the prompt was sent");
    let used = [&body["model"], &body["tier"]].into_iter();
    let mut used = used.filter_map(Value::as_str);
    assert!(used.any(|it| it.contains(&other)), "{other}: {body}");
    match body["tier"].is_string() {
        true => "yes, a tier".into(),
        false => "yes".into(),
    }
}

/// In which files are changed without a question.
pub(super) async fn mode(pair: &mut Pair) -> String {
    let mode = match pair.stage.harness {
        Harness::Claude => "acceptEdits",
        Harness::Codex => "full-access",
        Harness::Decopilot => "auto",
    };
    pair.choose_to_be_asked().await;
    pair.set_mode(mode).await;
    let turn = pair
        .turn("[[write unasked.txt|hello]]", Answer::Unasked)
        .await;
    if !pair.stage.did(&pair.folder, "unasked.txt") {
        turn.odd("a file without a question");
    }
    "yes".into()
}

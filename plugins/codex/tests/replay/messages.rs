//! Text, thoughts, plans, usage.

use serde_json::{Value, json};

use crate::stage::{Stage, play};

fn delta(id: &str, text: &str) -> Value {
    json!({"itemId": id, "delta": text})
}

fn said(stage: &mut Stage, id: &str, text: &str) {
    stage.tell("item/agentMessage/delta", &delta(id, text));
}

fn complete(stage: &mut Stage, item: &Value) {
    stage.tell("item/completed", &json!({"item": item}));
}

#[test]
fn thoughts_that_come_again_after_a_break_are_shown_once() {
    let mut stage = Stage::prompted();
    let think = |stage: &mut Stage, id: &str, text: &str| {
        stage.tell(
            "item/reasoning/summaryTextDelta",
            &json!({"itemId": id, "delta": text, "summaryIndex": 0}),
        );
    };
    let done = |stage: &mut Stage, id: &str, text: &str| {
        let item = json!({"type": "reasoning", "id": id, "summary": [text], "content": []});
        stage.tell("item/completed", &json!({"item": item}));
    };
    think(&mut stage, "a", "First ");
    done(&mut stage, "a", "First ");
    think(&mut stage, "b", "sec");
    stage.tell(
        "error",
        &json!({"error": {"message": "Reconnecting... 1/3"}, "willRetry": true}),
    );
    think(&mut stage, "c", "First ");
    done(&mut stage, "c", "First ");
    think(&mut stage, "d", "second");
    done(&mut stage, "d", "second");
    let updates = stage.effects.updates().into_iter();
    let thoughts = updates.filter(|update| update["sessionUpdate"] == "agent_thought_chunk");
    let thoughts: Vec<_> = thoughts
        .map(|update| {
            (
                update["messageId"].clone(),
                update["content"]["text"].clone(),
            )
        })
        .collect();
    let expected = [("a", "First "), ("b", "sec"), ("b", "ond")];
    assert_eq!(
        thoughts,
        expected.map(|(id, text)| (json!(id), json!(text)))
    );
}

#[test]
fn a_text_is_shown_as_it_comes_and_not_again() {
    let stage = play("simple");
    assert_eq!(stage.effects.text(), "Hello from the fake model.");
    assert!(stage.shown().len() > 3);
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn two_turns_are_one_conversation() {
    let stage = play("two_turns");
    assert_eq!(stage.ends(), [Ok("end_turn".into()), Ok("end_turn".into())]);
}

#[test]
fn reasoning_is_a_thought() {
    let stage = play("think");
    let thoughts: String = stage
        .shown()
        .iter()
        .filter_map(|line| line.strip_prefix("thinks "))
        .collect();
    assert_eq!(thoughts, "Let me think about it.");
}

#[test]
fn parts_of_a_reasoning_are_apart() {
    let mut stage = Stage::prompted();
    for (part, text) in [(0, "one"), (1, "two")] {
        stage.tell(
            "item/reasoning/summaryPartAdded",
            &json!({"itemId": "r", "summaryIndex": part}),
        );
        stage.tell("item/reasoning/summaryTextDelta", &delta("r", text));
    }
    complete(
        &mut stage,
        &json!({"type": "reasoning", "id": "r", "summary": ["one", "two"]}),
    );
    assert_eq!(stage.shown(), ["thinks one", "thinks \n\n", "thinks two"]);
}

#[test]
fn what_came_without_pieces_is_shown_whole() {
    let mut stage = Stage::prompted();
    complete(
        &mut stage,
        &json!({"type": "reasoning", "id": "r", "summary": [], "content": ["hm"]}),
    );
    complete(
        &mut stage,
        &json!({"type": "agentMessage", "id": "m", "text": "yes"}),
    );
    complete(
        &mut stage,
        &json!({"type": "plan", "id": "p", "text": "1. do"}),
    );
    assert_eq!(stage.shown(), ["thinks hm", "yes", "1. do"]);
}

#[test]
fn an_image_goes_to_codex_as_it_came() {
    assert_eq!(play("image").ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_plan_is_shown_with_its_states() {
    for name in ["plan_enabled", "codemode_plan_enabled"] {
        let stage = play(name);
        let plan = stage
            .effects
            .updates()
            .into_iter()
            .find(|update| update["sessionUpdate"] == "plan")
            .unwrap();
        let states: Vec<_> = plan["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["status"].clone())
            .collect();
        assert_eq!(states, ["completed", "in_progress", "pending"], "{name}");
        assert_eq!(plan["entries"][1]["content"], "Fix bug");
    }
}

#[test]
fn the_context_that_is_used_is_told() {
    assert!(
        play("simple")
            .shown()
            .contains(&"usage 144 of 258400".into())
    );
}

#[test]
fn a_text_that_comes_again_after_a_broken_connection_is_not_doubled() {
    let mut stage = Stage::prompted();
    let retry = json!({"error": {"message": "Reconnecting... 1/5"}, "willRetry": true});
    said(&mut stage, "m1", "It is ");
    said(&mut stage, "m1", "sunny");
    stage.tell("error", &retry);
    said(&mut stage, "m2", "It ");
    said(&mut stage, "m2", "is sunny");
    said(&mut stage, "m2", " today.");
    complete(
        &mut stage,
        &json!({"type": "agentMessage", "id": "m2", "text": "It is sunny today."}),
    );
    assert_eq!(stage.effects.text(), "It is sunny today.");
    let ids: Vec<_> = stage
        .effects
        .updates()
        .into_iter()
        .filter(|update| update["sessionUpdate"] == "agent_message_chunk")
        .map(|update| update["messageId"].clone())
        .collect();
    assert_eq!(ids, ["m1", "m1", "m1"]);
}

#[test]
fn an_answer_that_is_another_after_a_broken_connection_is_shown_whole() {
    let retry = json!({"error": {"message": "Reconnecting... 1/5"}, "willRetry": true});
    for (second, expected) in [("It rains.", "It is It rains."), ("It", "It is It")] {
        let mut stage = Stage::prompted();
        said(&mut stage, "m1", "It is ");
        stage.tell("error", &retry);
        said(&mut stage, "m2", second);
        complete(
            &mut stage,
            &json!({"type": "agentMessage", "id": "m2", "text": second}),
        );
        assert_eq!(stage.effects.text(), expected);
    }
}

#[test]
fn what_a_sub_agent_says_is_not_the_main_text() {
    let mut stage = Stage::prompted();
    let params = json!({"threadId": "other", "itemId": "m", "delta": "psst"});
    let effects = stage.feed(&json!({"method": "item/agentMessage/delta", "params": params}));
    assert!(effects.is_empty());
}

//! What people are asked, and what the service gets for it.

use hostler_sdk::Failure;
use serde_json::{Value, json};

use crate::stage::{Stage, called, finish, text};

/// A run that asks whether `ls` may run.
fn asking() -> Stage {
    let mut stage = Stage::running();
    stage.chunk(json!({"type": "start-step"}));
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    stage
}

fn options(stage: &Stage) -> Vec<Value> {
    let asks = stage.effects.asks();
    let (_, method, params) = asks.last().unwrap();
    assert_eq!(method, "session/request_permission");
    let options = params["options"].as_array().unwrap().iter();
    options.map(|option| option["optionId"].clone()).collect()
}

/// The part of the call in the assistant's message that was sent back.
fn sent_back(stage: &mut Stage, call: &str) -> Value {
    let body = stage.respond("/messages", 202, json!({}));
    let message = &body["messages"][0];
    assert_eq!(
        (&message["role"], &message["id"]),
        (&json!("assistant"), &json!("m1"))
    );
    let mut parts = message["parts"].as_array().unwrap().iter();
    parts
        .find(|part| part["toolCallId"] == call)
        .unwrap()
        .clone()
}

#[test]
fn an_approval_is_a_permission_and_goes_back_in_the_message() {
    for (option, approved) in [("allow_once", true), ("reject_once", false)] {
        let mut stage = asking();
        assert_eq!(
            options(&stage),
            ["allow_once", "allow_always", "reject_once"]
        );
        assert_ne!(stage.call("c")["status"], "in_progress");
        stage.choose(option);
        // The run is not at its end yet.
        assert!(!stage.has("/messages"));
        stage.chunk(finish("tool-calls"));
        assert_eq!(stage.end(), None);
        let part = sent_back(&mut stage, "c");
        assert_eq!(part["state"], "approval-responded");
        assert_eq!(
            (&part["approval"]["id"], &part["approval"]["approved"]),
            (&json!("a"), &json!(approved))
        );
        assert_eq!(part["input"], json!({"command": "ls"}));
        // And the same message goes on.
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        let chunk = match approved {
            true => {
                json!({"type": "tool-output-available", "toolCallId": "c", "output": {"stdout": "x", "exitCode": 0}})
            }
            false => json!({"type": "tool-output-denied", "toolCallId": "c"}),
        };
        stage.chunk(chunk);
        stage.chunks(&text("0", "Done."));
        stage.chunk(finish("stop"));
        assert_eq!(
            stage.call("c")["status"],
            if approved { "completed" } else { "failed" }
        );
        assert_eq!(stage.effects.text(), "Done.");
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    }
}

#[test]
fn several_questions_go_back_together() {
    let mut stage = asking();
    stage.chunks(&called("d", "write", json!({"path": "a", "content": "b"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "b", "toolCallId": "d"}));
    stage.chunk(finish("tool-calls"));
    stage.choose("reject_once");
    assert!(!stage.has("/messages"));
    stage.choose("allow_once");
    let body = stage.respond("/messages", 202, json!({}));
    let parts = body["messages"][0]["parts"].as_array().unwrap();
    let approved: Vec<_> = parts
        .iter()
        .filter_map(|part| part["approval"]["approved"].as_bool())
        .collect();
    assert_eq!(approved, [true, false]);
}

#[test]
fn always_changes_the_mode() {
    let mut stage = asking();
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_always");
    assert_eq!(
        stage.updates("current_mode_update")[0]["currentModeId"],
        "auto"
    );
    let body = stage.respond("/messages", 202, json!({}));
    assert!(body.get("toolApprovalLevel").is_none(), "{body}");
}

#[test]
fn a_mode_that_does_more_than_ask_is_not_left_for_an_answer() {
    for mode in ["plan", "web-search", "gen-image"] {
        let mut config = crate::stage::config();
        config["mode"] = mode.into();
        let mut stage = Stage::with(config);
        stage.prompted("look");
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.chunks(&called("c", "bash", json!({"command": "ls"})));
        stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
        assert_eq!(options(&stage), ["allow_once", "reject_once"], "{mode}");
    }
}

#[test]
fn always_counts_no_more_once_another_mode_is_chosen() {
    let mut stage = asking();
    let params = json!({"sessionId": "s", "modeId": "plan"});
    let effects = stage.bench.call("session/set_mode", &params);
    stage.note(effects);
    stage.clear();
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_always");
    assert!(stage.updates("current_mode_update").is_empty());
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["mode"], "plan");
}

#[test]
fn a_question_of_the_model_gets_the_chosen_words() {
    let mut stage = Stage::running();
    let input = json!({"type": "choice", "prompt": "Which one?", "options": ["red", "blue"]});
    stage.chunks(&called("q", "user_ask", input));
    stage.chunk(finish("tool-calls"));
    assert_eq!(options(&stage), ["option_0", "option_1", "in_words"]);
    stage.choose("option_1");
    let call = stage.call("q");
    assert_eq!(call["status"], "completed");
    assert!(call["content"].to_string().contains("blue"));
    let part = sent_back(&mut stage, "q");
    assert_eq!(
        (&part["state"], &part["output"]),
        (&json!("output-available"), &json!({"response": "blue"}))
    );
}

#[test]
fn a_question_without_options_is_answered_by_the_next_prompt() {
    for input in [
        json!({"type": "text", "prompt": "What is it called?"}),
        json!({"type": "choice", "prompt": "Which?", "options": ["a", "b"]}),
    ] {
        let mut stage = Stage::running();
        let has_options = input["options"].is_array();
        stage.chunks(&called("q", "user_ask", input));
        stage.chunk(finish("tool-calls"));
        if has_options {
            stage.choose("in_words");
        }
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
        assert_eq!(stage.call("q")["status"], "completed");
        stage.clear();
        stage.prompt("It is called Rex");
        let part = sent_back(&mut stage, "q");
        assert_eq!(part["output"], json!({"response": "It is called Rex"}));
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.chunks(&text("0", "Good dog."));
        stage.chunk(finish("stop"));
        assert_eq!(stage.effects.text(), "Good dog.");
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    }
}

#[test]
fn two_questions_in_words_are_answered_by_two_prompts() {
    let mut stage = Stage::running();
    for id in ["q", "r"] {
        stage.chunks(&called(
            id,
            "user_ask",
            json!({"type": "text", "prompt": "?"}),
        ));
    }
    stage.chunk(finish("tool-calls"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    stage.clear();
    stage.prompt("one");
    assert!(!stage.has("/messages"), "there is another question");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    stage.clear();
    stage.prompt("two");
    let body = stage.respond("/messages", 202, json!({}));
    let parts = body["messages"][0]["parts"].as_array().unwrap().iter();
    let said: Vec<_> = parts.map(|part| &part["output"]["response"]).collect();
    assert_eq!(said, [&json!("one"), &json!("two")]);
}

#[test]
fn a_question_that_somebody_else_answered_meanwhile_says_so() {
    let mut stage = Stage::running();
    stage.chunks(&called(
        "q",
        "user_ask",
        json!({"type": "text", "prompt": "?"}),
    ));
    stage.chunk(finish("tool-calls"));
    stage.lose();
    stage.clear();
    stage.prompt("one");
    stage.stream(200);
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.status("in_progress");
    stage.chunk(finish("stop"));
    assert!(stage.failure().message.contains("answered elsewhere"));
}

#[test]
fn a_prompt_with_an_image_is_no_answer_but_a_message_of_its_own() {
    let mut stage = Stage::running();
    stage.chunks(&called(
        "q",
        "user_ask",
        json!({"type": "text", "prompt": "?"}),
    ));
    stage.chunk(finish("tool-calls"));
    let image = json!([{"type": "image", "mimeType": "image/png", "data": "iVBO"}]);
    let effects = stage.bench.prompt_blocks(&image);
    stage.note(effects);
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["role"], "user");
}

#[test]
fn a_plan_that_is_good_ends_the_plan_mode() {
    for (option, approved) in [("allow_once", true), ("reject_once", false)] {
        let mut config = crate::stage::config();
        config["mode"] = "plan".into();
        let mut stage = Stage::with(config);
        stage.prompted("plan it");
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.chunks(&called(
            "p",
            "propose_plan",
            json!({"plan": "# First\nlook"}),
        ));
        stage.chunk(finish("tool-calls"));
        let asks = stage.effects.asks();
        assert!(asks[0].2["toolCall"].to_string().contains("# First"));
        stage.choose(option);
        let part = sent_back(&mut stage, "p");
        assert_eq!(part["output"], json!({"approved": approved}));
        let modes = stage.updates("current_mode_update");
        assert_eq!(modes.len(), usize::from(approved));
    }
}

#[test]
fn a_question_that_nobody_answers_ends_the_turn() {
    let mut stage = asking();
    stage.chunk(finish("tool-calls"));
    let ask = stage.bench.open_asks()[0];
    let effects = stage.bench.ask_failed(ask, Failure::internal("lost"));
    stage.note(effects);
    assert_eq!(stage.end(), Some(Ok("cancelled".into())));
    assert_eq!(stage.call("c")["status"], "failed");
    assert!(!stage.has("/messages"));
    // The next prompt is a message of its own; the service refuses the call.
    stage.clear();
    stage.prompt("go on");
    let body = stage.respond("/messages", 202, json!({}));
    assert_eq!(body["messages"][0]["role"], "user");
}

#[test]
fn what_somebody_else_answered_is_not_asked_any_more() {
    let mut stage = asking();
    stage.chunk(finish("tool-calls"));
    assert_eq!(stage.bench.open_asks().len(), 1);
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    assert!(stage.bench.open_asks().is_empty());
    stage.chunk(json!({"type": "tool-output-available", "toolCallId": "c", "output": "x"}));
    stage.chunk(finish("stop"));
    assert_eq!(stage.call("c")["status"], "completed");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_call_that_goes_on_in_another_message_is_still_the_same_call() {
    let mut stage = asking();
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_once");
    stage.respond("/messages", 202, json!({}));
    stage.chunk(json!({"type": "start", "messageId": "m2"}));
    stage.chunk(json!({"type": "tool-output-available", "toolCallId": "c", "output": "x"}));
    stage.chunk(finish("stop"));
    assert_eq!(stage.updates("tool_call").len(), 1);
    let call = stage.call("c");
    assert_eq!(
        (&call["status"], &call["title"]),
        (&json!("completed"), &json!("ls"))
    );
}

#[test]
fn an_approval_of_any_shape_can_be_answered() {
    for approval in [json!("a"), json!(7), json!([]), Value::Null] {
        let mut stage = Stage::ready();
        stage.prompted("hello");
        stage.chunk(json!({"type": "start"}));
        stage.chunks(&called("c", "bash", json!({"command": "ls"})));
        stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
        stage.chunk(finish("tool-calls"));
        stage.choose("reject_once");
        let part = json!({"type": "tool-bash", "toolCallId": "c", "state": "approval-requested", "approval": approval});
        stage.messages(json!([{"id": "m1", "role": "assistant", "parts": [part]}]));
        let part = sent_back(&mut stage, "c");
        assert_eq!(part["approval"]["approved"], false);
    }
}

#[test]
fn a_message_whose_id_was_not_told_is_fetched_before_it_goes_back() {
    let mut stage = Stage::ready();
    stage.prompted("hello");
    stage.chunk(json!({"type": "start"}));
    stage.chunks(&called("c", "bash", json!({"command": "ls"})));
    stage.chunk(json!({"type": "tool-approval-request", "approvalId": "a", "toolCallId": "c"}));
    stage.chunk(finish("tool-calls"));
    stage.choose("allow_once");
    let part = json!({"type": "tool-bash", "toolCallId": "c", "state": "approval-requested", "approval": {"id": "a"}});
    stage.messages(json!([{"id": "m1", "role": "assistant", "parts": [part]}]));
    let part = sent_back(&mut stage, "c");
    assert_eq!(part["approval"]["approved"], true);
}

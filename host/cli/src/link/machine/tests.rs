//! The link between a client and a host of the model's, with connections that
//! are cut anywhere.

mod model;
mod opening;
mod positioned;
mod random;
mod stage;

use serde_json::{Value, json};

use super::{HOST_LOST, Note};
use stage::{Stage, update_at};

fn prompt(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "session/prompt",
           "params": {"sessionId": "s", "prompt": []}})
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn attached(more: &Value) -> Value {
    let mut answer =
        json!({"epoch": 1, "headSeq": 2, "reset": false, "busy": false, "openPermissions": []});
    for (name, value) in more.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer
}

fn ask() -> Value {
    json!({"jsonrpc": "2.0", "id": "s/1", "method": "session/request_permission",
           "params": {"sessionId": "s", "options": []}})
}

#[test]
fn initialize_names_the_client_and_keeps_what_the_client_wrote() {
    let mut stage = Stage::new();
    stage.link_connects();
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": 1, "clientCapabilities": {"fs": {}, "_meta": {"x": 1}},
    }});
    stage.client(&hello);
    let sent = stage.sent();
    assert_eq!(sent["id"], 0);
    let capabilities = &sent["params"]["clientCapabilities"];
    assert_eq!(
        *capabilities,
        json!({"fs": {}, "_meta": {"x": 1, "hostler": {"client": "me"}}})
    );
}

#[test]
fn a_host_that_cannot_attach_is_passed_on_and_its_loss_is_the_end() {
    let mut stage = Stage::new();
    stage.link_connects();
    stage.client(&request(0, "initialize", &json!({})));
    stage.host(&json!({"jsonrpc": "2.0", "id": 0, "result": {"agentCapabilities": {}}}));
    stage.client(&prompt(1));
    stage.sent();
    assert_eq!(stage.sent(), prompt(1), "as it came");
    stage.host(&json!({"jsonrpc": "2.0", "method": "_hostler/x", "params": {}}));
    assert_eq!(stage.given().len(), 2, "all of it");
    assert!(!stage.link.survives());
    stage.cut();
    stage.give_up("gone");
    let answer = &stage.given()[0];
    assert_eq!(answer["id"], 1);
    assert_eq!(answer["error"]["data"]["code"], HOST_LOST.name);
}

#[test]
fn a_prompt_is_sent_again_with_its_key_after_the_attachment() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    let key = stage.sent()["params"]["_meta"]["hostler"]["key"].clone();
    stage.host(&update_at(1, 2));
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    assert_eq!(hello["method"], "initialize");
    assert_ne!(hello["id"], 0, "its answer is not for the client");
    stage.answer_hello(&hello);
    let attach = stage.sent();
    assert_eq!(attach["method"], "_hostler/session/attach");
    assert_eq!(
        attach["params"],
        json!({"sessionId": "s", "after": {"epoch": 1, "seq": 2}})
    );
    assert!(stage.nothing_sent(), "the prompt waits for the attachment");
    stage.answer(&attach, &attached(&json!({})));
    let again = stage.sent();
    assert_eq!(
        (&again["id"], &again["method"]),
        (&json!(1), &json!("session/prompt"))
    );
    assert_eq!(again["params"]["_meta"]["hostler"]["key"], key);
    assert_eq!(stage.given().len(), 1, "the update before the cut");
}

fn cancel(session: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": session}})
}

fn sent_by_name(stage: &mut Stage) -> Vec<String> {
    let mut sent = Vec::new();
    while !stage.nothing_sent() {
        let message = stage.sent();
        let id = &message.get("id").unwrap_or(&message["params"]["requestId"]);
        sent.push(format!("{} {id}", message["method"].as_str().unwrap()));
    }
    sent
}

#[test]
fn what_was_written_offline_is_sent_after_what_is_open_in_order() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    stage.cut();
    stage.client(&prompt(2));
    stage.client(&request(3, "session/list", &json!({})));
    stage.back(&attached(&json!({})));
    assert_eq!(
        sent_by_name(&mut stage),
        ["session/prompt 1", "session/prompt 2", "session/list 3"]
    );
}

#[test]
fn a_cancel_written_offline_ends_the_clients_prompts_and_nothing_else() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    stage.cut();
    stage.client(&prompt(2));
    stage.client(&cancel("other"));
    stage.client(&cancel("s"));
    stage.client(&prompt(3));
    let expected = [
        "session/prompt 1",
        "$/cancel_request 1",
        "session/prompt 2",
        "$/cancel_request 2",
        "session/prompt 3",
    ];
    // However often the connection is lost.
    for _ in 0..2 {
        stage.back(&attached(&json!({})));
        assert_eq!(sent_by_name(&mut stage), expected);
        stage.cut();
    }
}

#[test]
fn own_prompts_and_their_ends_are_not_for_a_plain_client_and_those_of_others_are() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    let key = stage.sent()["params"]["_meta"]["hostler"]["key"].clone();
    let own = |seq, body: Value| {
        let mut update = update_at(1, seq);
        update["params"]["update"] = body;
        update
    };
    let said = |key: &Value| json!({"sessionUpdate": "user_message_chunk", "_meta": {"hostler": {"prompt": key}}});
    stage.host(&own(1, said(&key)));
    stage.host(&own(2, said(&json!("another's"))));
    let end = json!({"sessionUpdate": "session_info_update",
                     "_meta": {"hostler": {"turn": {"state": "ended", "prompt": key}}}});
    stage.host(&own(3, end));
    let given = stage.given();
    assert_eq!(given.len(), 1, "{given:?}");
    assert_eq!(given[0]["params"]["_meta"]["hostler"]["seq"], 2);
    // It counts for the position all the same.
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    assert_eq!(
        stage.sent()["params"]["after"],
        json!({"epoch": 1, "seq": 3})
    );
}

#[test]
fn methods_of_the_extension_never_reach_a_plain_client() {
    let mut stage = Stage::open();
    stage.host(&json!({"jsonrpc": "2.0", "method": "_hostler/presence", "params": {}}));
    stage.host(
        &json!({"jsonrpc": "2.0", "id": "x", "method": "_hostler/of_the_future", "params": {}}),
    );
    assert!(stage.given().is_empty());
    let refusal = stage.sent();
    assert_eq!(refusal["id"], "x");
    assert_eq!(refusal["error"]["data"]["code"], "UNKNOWN_METHOD");
}

#[test]
fn a_client_that_is_positioned_itself_is_given_everything() {
    let mut stage = Stage::new();
    stage.link_connects();
    let mine = json!({"_meta": {"hostler": {"client": "mine"}}});
    stage.client(&request(
        0,
        "initialize",
        &json!({"clientCapabilities": mine}),
    ));
    let hello = stage.sent();
    assert_eq!(hello["params"]["clientCapabilities"], mine, "its own name");
    stage.answer_hello(&hello);
    stage.host(&json!({"jsonrpc": "2.0", "method": "_hostler/presence", "params": {}}));
    stage.client(&request(
        1,
        "_hostler/session/attach",
        &json!({"sessionId": "s"}),
    ));
    let attach = stage.sent();
    stage.answer(&attach, &attached(&json!({"reset": true})));
    stage.host(&update_at(1, 1));
    assert_eq!(stage.given().len(), 4);
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    assert_eq!(
        stage.sent()["params"]["after"],
        json!({"epoch": 1, "seq": 1})
    );
}

#[test]
fn after_a_reset_the_replay_is_given_as_it_is() {
    let mut stage = Stage::open();
    stage.host(&update_at(1, 7));
    stage.given();
    stage.cut();
    stage.back(&attached(&json!({"reset": true, "epoch": 2, "headSeq": 1})));
    for (epoch, seq) in [(1, 1), (1, 5), (2, 1)] {
        stage.host(&update_at(epoch, seq));
    }
    assert_eq!(stage.given().len(), 3);
    assert!(stage.notes.contains(&Note::Anew("s".into())));
}

#[test]
fn a_question_survives_the_connection_and_is_shown_once() {
    let mut stage = Stage::open();
    stage.host(&ask());
    assert_eq!(stage.given().len(), 1);
    stage.cut();
    let yes = json!({"jsonrpc": "2.0", "id": "s/1", "result": {}});
    stage.client(&yes);
    stage.back(&attached(&json!({"openPermissions": ["s/1"]})));
    assert!(stage.nothing_sent(), "the host has not asked it yet");
    stage.host(&ask());
    assert_eq!(stage.sent(), yes);
    assert!(stage.given().is_empty());
}

#[test]
fn a_question_that_is_open_no_more_is_withdrawn() {
    let mut stage = Stage::open();
    stage.host(&ask());
    stage.given();
    stage.cut();
    stage.back(&attached(&json!({})));
    let given = stage.given();
    assert_eq!(given[0]["method"], "$/cancel_request");
    assert_eq!(given[0]["params"]["requestId"], "s/1");
    stage.client(&json!({"jsonrpc": "2.0", "id": "s/1", "result": {}}));
    assert!(stage.nothing_sent(), "nobody waits for it");
}

#[test]
fn questions_of_extensions_outlive_the_connection_too_and_end_with_it_at_the_host() {
    // One that names no session is known by its id.
    let ask = json!({"jsonrpc": "2.0", "id": "s/2", "method": "_vendor/thing", "params": {}});
    let told = json!({"jsonrpc": "2.0", "method": "_vendor/told", "params": {}});
    let mut stage = Stage::open();
    stage.host(&ask);
    stage.host(&told);
    assert_eq!(stage.given(), [ask.clone(), told.clone()]);
    stage.client(&told);
    assert_eq!(stage.sent(), told);
    stage.cut();
    stage.back(&attached(&json!({"openPermissions": ["s/2"]})));
    stage.host(&ask);
    assert!(stage.given().is_empty(), "it has it already");
    stage.cut();
    stage.back(&attached(&json!({})));
    let given = stage.given();
    assert_eq!(given[0]["method"], "$/cancel_request");
    assert_eq!(given[0]["params"]["requestId"], "s/2");
}

#[test]
fn a_session_that_is_gone_answers_what_is_open_in_it() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    stage.sent();
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    let attach = stage.sent();
    let error =
        json!({"code": -32002, "message": "no session", "data": {"code": "UNKNOWN_SESSION"}});
    stage.host(&json!({"jsonrpc": "2.0", "id": attach["id"], "error": error}));
    let given = stage.given();
    assert_eq!((&given[0]["id"], &given[0]["error"]), (&json!(1), &error));
    assert!(stage.nothing_sent());
}

#[test]
fn what_must_not_be_done_twice_is_answered_and_not_sent_again() {
    let mut stage = Stage::open();
    let edit = json!({"sessionId": "s"});
    stage.client(&request(1, "_hostler/workspace/edit", &edit));
    stage.client(&request(2, "session/list", &json!({})));
    stage.sent();
    stage.sent();
    stage.cut();
    let given = stage.given();
    assert_eq!(given.len(), 1);
    assert_eq!(given[0]["id"], 1);
    assert_eq!(given[0]["error"]["data"]["code"], "CONNECTION_LOST");
    stage.back(&attached(&json!({})));
    assert_eq!(stage.sent()["id"], 2);
    assert!(stage.nothing_sent());
}

#[test]
fn a_host_that_is_stopping_leaves_the_answer_to_the_next_one() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    stage.sent();
    let error = json!({"code": -32603, "message": "", "data": {"code": "SHUTTING_DOWN"}});
    stage.host(&json!({"jsonrpc": "2.0", "id": 1, "error": error}));
    assert!(stage.given().is_empty());
    stage.cut();
    stage.back(&attached(&json!({})));
    assert_eq!(stage.sent()["id"], 1);
}

#[test]
fn the_queue_is_bounded() {
    let mut stage = Stage::open();
    stage.cut();
    let mut count = 0;
    while stage.link.has_room() {
        stage.client(&json!({"jsonrpc": "2.0", "method": "x"}));
        count += 1;
    }
    assert_eq!(count, super::QUEUE_MESSAGES);
    stage.back(&attached(&json!({})));
    assert!(stage.link.has_room());
}

#[test]
fn an_id_that_is_open_is_refused_as_the_host_would() {
    let mut stage = Stage::open();
    stage.client(&prompt(1));
    stage.client(&prompt(1));
    assert_eq!(stage.given()[0]["error"]["data"]["code"], "DUPLICATE_ID");
    stage.sent();
    assert!(stage.nothing_sent());
}

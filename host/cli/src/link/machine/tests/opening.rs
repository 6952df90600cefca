//! Sessions that are opened and left while connections are lost.

use serde_json::json;

use super::{
    Note, attached, request,
    stage::{Stage, update_at},
};

#[test]
fn a_close_that_was_done_the_first_time_is_done() {
    let mut stage = Stage::open();
    stage.client(&request(1, "session/close", &json!({"sessionId": "s"})));
    stage.sent();
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    let attach = stage.sent();
    stage.answer(&attach, &attached(&json!({})));
    let close = stage.sent();
    let error = json!({"code": -32002, "message": "", "data": {"code": "UNKNOWN_SESSION"}});
    stage.host(&json!({"jsonrpc": "2.0", "id": close["id"], "error": error}));
    assert_eq!(
        stage.given(),
        [json!({"jsonrpc": "2.0", "id": 1, "result": {}})]
    );
}

#[test]
fn a_delete_whose_answer_was_lost_is_done_when_the_session_is_gone() {
    let mut stage = Stage::open();
    stage.client(&request(1, "session/delete", &json!({"sessionId": "s"})));
    stage.client(&request(2, "session/prompt", &json!({"sessionId": "s"})));
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    let attach = stage.sent();
    let error = json!({"code": -32002, "message": "", "data": {"code": "UNKNOWN_SESSION"}});
    stage.host(&json!({"jsonrpc": "2.0", "id": attach["id"], "error": error}));
    assert_eq!(
        stage.given(),
        [
            json!({"jsonrpc": "2.0", "id": 1, "result": {}}),
            json!({"jsonrpc": "2.0", "id": 2, "error": error}),
        ]
    );
    assert!(stage.nothing_sent());
    let gone = |note: &Note| matches!(note, Note::Gone { .. });
    assert!(!stage.notes.iter().any(gone), "the client wanted it");
}

#[test]
fn a_load_that_was_cut_goes_on_where_it_was_and_is_answered_once() {
    let mut stage = Stage::hello();
    let params = json!({"sessionId": "s", "cwd": "/"});
    stage.client(&request(1, "session/load", &params));
    stage.sent();
    stage.host(&update_at(1, 1));
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    let load = stage.sent();
    assert_eq!(load["method"], "session/load");
    // The whole of it, joined in another way by now.
    stage.host(&update_at(1, 3));
    assert_eq!(stage.given().len(), 1);
    stage.answer(&load, &json!({"modes": 7}));
    let attach = stage.sent();
    assert_eq!(attach["params"]["after"], json!({"epoch": 1, "seq": 1}));
    stage.answer(&attach, &attached(&json!({})));
    stage.host(&update_at(1, 2));
    stage.host(&update_at(1, 3));
    let given = stage.given();
    assert_eq!(given[0]["result"], json!({"modes": 7}));
    assert_eq!(given.len(), 3);
}

#[test]
fn a_second_load_on_a_live_session_replays_all_of_it() {
    let mut stage = Stage::open();
    stage.host(&update_at(1, 1));
    stage.host(&update_at(1, 2));
    stage.client(&request(5, "session/load", &json!({"sessionId": "s"})));
    let load = stage.sent();
    stage.host(&update_at(1, 3));
    for seq in 1..=3 {
        stage.host(&update_at(1, seq));
    }
    stage.answer(&load, &json!({}));
    stage.host(&update_at(1, 3));
    assert_eq!(
        stage.given().len(),
        7,
        "all but the last, which is a duplicate"
    );
}

#[test]
fn a_resumed_session_that_said_nothing_yet_is_not_replayed() {
    let mut stage = Stage::hello();
    stage.client(&request(1, "session/resume", &json!({"sessionId": "s"})));
    let place = stage.sent();
    assert_eq!(place["params"], json!({"sessionId": "s", "replay": false}));
    let resume = stage.sent();
    stage.answer(&place, &attached(&json!({"epoch": 1, "headSeq": 9})));
    stage.answer(&resume, &json!({}));
    assert_eq!(stage.given().len(), 1);
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    assert_eq!(
        stage.sent()["params"]["after"],
        json!({"epoch": 1, "seq": 9})
    );
}

#[test]
fn a_second_initialize_that_is_refused_changes_nothing() {
    let mut stage = Stage::open();
    stage.host(&update_at(1, 1));
    stage.client(&request(1, "initialize", &json!({})));
    let second = stage.sent();
    let error = json!({"code": -32600, "message": "it was initialized before"});
    stage.host(&json!({"jsonrpc": "2.0", "id": second["id"], "error": error}));
    assert_eq!(stage.given().len(), 2, "the client is told");
    stage.cut();
    stage.link_connects();
    let hello = stage.sent();
    assert_eq!(hello["method"], "initialize");
    stage.answer_hello(&hello);
    assert_eq!(
        stage.sent()["params"]["after"],
        json!({"epoch": 1, "seq": 1})
    );
}

#[test]
fn a_second_initialize_that_is_cut_is_answered_by_the_next_host() {
    let mut stage = Stage::open();
    stage.client(&request(1, "initialize", &json!({})));
    stage.sent();
    stage.cut();
    stage.back(&attached(&json!({})));
    let second = stage.sent();
    assert_eq!(
        (&second["id"], &second["method"]),
        (&json!(1), &json!("initialize"))
    );
    stage.answer_hello(&second);
    assert_eq!(stage.given()[0]["id"], 1);
}

#[test]
fn a_fork_goes_on_from_where_it_began_and_is_never_made_twice() {
    let mut stage = Stage::hello();
    let params = json!({"sessionId": "s", "cwd": "/", "mcpServers": []});
    stage.client(&request(1, "session/fork", &params));
    let fork = stage.sent();
    stage.answer(
        &fork,
        &json!({"sessionId": "copy", "_meta": {"hostler": {"epoch": 3, "seq": 9}}}),
    );
    stage.given();
    stage.client(&request(2, "session/fork", &params));
    stage.sent();
    stage.cut();
    let given = stage.given();
    assert_eq!(given[0]["id"], 2);
    assert_eq!(given[0]["error"]["data"]["code"], "CONNECTION_LOST");
    stage.link_connects();
    let hello = stage.sent();
    stage.answer_hello(&hello);
    let attach = stage.sent();
    assert_eq!(attach["params"]["sessionId"], "copy");
    assert_eq!(attach["params"]["after"], json!({"epoch": 3, "seq": 9}));
    assert!(stage.nothing_sent());
}

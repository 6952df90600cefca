//! Towards people.

use hostler_sdk::testing::{Bench, Effect, with_host};
use hostler_sdk::{Error, Failure, OpenParams, Origin, client};
use serde_json::{Value, json};

use crate::puppet::{Puppet, open};

#[test]
fn a_second_answer_is_refused() {
    let effects = open().prompt("answer twice");
    assert_eq!(effects.answers().len(), 1);
    assert!(matches!(effects.failed(), Some(Error::NotFound(_))));
}

#[test]
fn a_failures_data_is_json() {
    let effects = open().prompt("bad data");
    assert!(matches!(effects.failed(), Some(Error::Invalid(_))));
    assert!(effects.answers().is_empty());
}

#[test]
fn the_ids_of_asks_rise_also_past_answered_ones() {
    let mut bench = open();
    assert_eq!(bench.prompt("ask 7").failed(), None);
    bench.answered(7, &json!({"content": ""}));
    for used in ["ask 7", "ask 6", "ask 0"] {
        let effects = bench.prompt(used);
        assert!(matches!(effects.failed(), Some(Error::Invalid(_))));
        assert!(effects.asks().is_empty(), "{used}");
    }
    assert_eq!(bench.prompt("ask 9").failed(), None);
}

#[test]
fn the_first_id_of_an_ask_may_be_zero() {
    assert_eq!(open().prompt("ask 0").failed(), None);
}

#[test]
fn two_hundred_and_fifty_six_asks_are_open_at_most() {
    let mut bench = open();
    let effects = bench.prompt("too many asks");
    assert!(matches!(effects.failed(), Some(Error::Limit(_))));
    assert_eq!(bench.open_asks().len(), 256);
}

#[test]
fn a_denied_ask_is_taken_and_answered_with_a_failure() {
    let mut bench = Bench::<Puppet>::new().deny("fs/read_text_file");
    bench.open();
    let effects = bench.prompt("ask 7");
    assert_eq!(effects.failed(), None);
    assert_eq!(effects.asks()[0].0, 7);
    let told = effects.text();
    assert!(
        told.contains("AskAnswered { id: 7, outcome: Err("),
        "{told}"
    );
    assert!(told.contains("PLUGIN_DENIED"), "{told}");
    assert!(bench.open_asks().is_empty());
}

#[test]
fn a_denied_ask_that_is_withdrawn_gets_no_answer() {
    let mut bench = Bench::<Puppet>::new().deny("fs/read_text_file");
    bench.open();
    assert_eq!(bench.prompt("change of mind").text(), "");
}

#[test]
fn an_update_is_one_json_object() {
    let mut bench = open();
    for prompt in ["no object", "no json"] {
        let effects = bench.prompt(prompt);
        assert!(
            matches!(effects.failed(), Some(Error::Invalid(_))),
            "{prompt}"
        );
        assert!(effects.updates().is_empty(), "{prompt}");
    }
}

#[test]
fn a_checkpoint_is_kept_and_bounded() {
    let mut bench = open();
    bench.prompt("remember");
    assert!(matches!(
        bench.prompt("big").failed(),
        Some(Error::Limit(_))
    ));
    assert_eq!(bench.checkpoint(), Some(&b"state"[..]));

    let mut fresh = Bench::<Puppet>::new();
    fresh.open_with(OpenParams::default(), Origin::Resume(b"state".to_vec()));
    assert!(fresh.prompt("origin").text().starts_with("Resume("));
    let mut copy = Bench::<Puppet>::new();
    copy.open_with(OpenParams::default(), Origin::Fork(b"state".to_vec()));
    assert!(copy.prompt("origin").text().starts_with("Fork("));
}

#[test]
fn a_cancel_answers_open_permissions_first() {
    let mut bench = open();
    bench.prompt("permission");
    let effects = bench.cancel();
    let texts: Vec<Value> = effects
        .updates()
        .iter()
        .map(|update| update["content"]["text"].clone())
        .collect();
    assert!(texts[0].as_str().unwrap().contains("cancelled"));
    assert_eq!(texts[1], "cancel");
    assert!(bench.open_asks().is_empty());
}

#[test]
fn a_method_that_the_adapter_does_not_know_is_not_found() {
    let failure = open()
        .call("session/set_mode", &json!({}))
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, Failure::METHOD_NOT_FOUND);
    assert!(failure.message.contains("session/set_mode"));
}

#[test]
fn raw_updates_keep_their_bytes() {
    let raw = r#"{"sessionUpdate":"x","n":1e2,"n2":12345678901234567890123}"#;
    let (outcome, effects) = with_host(|| client::update_raw(raw));
    assert_eq!(outcome, Ok(()));
    assert_eq!(effects[..], [Effect::Update(raw.to_owned())]);
}

#[test]
fn the_chosen_option_is_read_and_everything_else_is_none() {
    let chosen = |json: &str| client::selected(&Ok(json.to_owned())).map(|id| id.to_string());
    assert_eq!(
        chosen(r#"{"outcome":{"outcome":"selected","optionId":"allow"}}"#).as_deref(),
        Some("allow")
    );
    assert_eq!(chosen(r#"{"outcome":{"outcome":"cancelled"}}"#), None);
    assert_eq!(chosen("nonsense"), None);
    assert_eq!(client::selected(&Err(Failure::internal("lost"))), None);
}

//! Towards servers.

use hostler_sdk::exchange::Framing;
use hostler_sdk::testing::{Bench, Effect, Exchange, Script};
use hostler_sdk::{Error, Event};
use serde_json::json;

use crate::puppet::{Puppet, URL, open};

#[test]
fn a_request_is_noted_down_and_its_response_comes_as_events() {
    let mut bench = open();
    let (exchange, request) = bench.prompt("request").exchange();
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("GET", URL)
    );
    assert_eq!(request.framing, Framing::Events);
    assert_eq!(bench.open_exchanges(), [exchange]);

    let said = bench.http_head(exchange, 200, &[("x-a", "b")]).text();
    assert!(said.contains(r#"[("x-a", "b")]"#), "{said}");
    let said = bench.http_event(exchange, Some("delta"), Some("7"), "text");
    let said = said.text();
    assert!(
        said.contains(r#"name: Some("delta"), id: Some("7")"#),
        "{said}"
    );
    let said = bench.http_json(exchange, &json!({"a": 1})).text();
    assert!(said.contains("name: None, id: None"), "{said}");
    assert!(bench.http_end(exchange).text().contains("HttpEnd"));
    assert!(bench.open_exchanges().is_empty());
}

#[test]
fn a_whole_response_is_a_head_a_piece_and_an_end() {
    let mut bench = open();
    let (exchange, _) = bench.prompt("request").exchange();
    let effects = bench.http_response(exchange, 404, &json!("gone"));
    assert_eq!(effects.updates().len(), 3);
    assert!(effects.text().contains("status: 404"));
    assert!(bench.open_exchanges().is_empty());
}

#[test]
fn a_failed_request_has_no_further_event() {
    let mut bench = open();
    let (exchange, _) = bench.prompt("request").exchange();
    let denied = Error::Denied("not yours".to_owned());
    assert!(
        bench
            .http_failed(exchange, denied)
            .text()
            .contains("not yours")
    );
    assert!(bench.http_piece(exchange, "late").is_empty());
}

#[test]
fn nothing_comes_of_a_request_that_was_cancelled_also_not_in_the_same_batch() {
    let mut bench = open();
    let effects = bench.prompt("take back");
    let (exchange, _) = effects.exchange();
    assert_eq!(effects.cancelled(), [exchange]);
    assert!(bench.http_head(exchange, 200, &[]).is_empty());

    let (exchange, _) = bench.prompt("request").exchange();
    let (other, _) = bench.prompt("request").exchange();
    let piece = |exchange, text: &str| Event::HttpPiece {
        exchange,
        text: text.to_owned(),
        name: None,
        id: None,
        lossy: false,
    };
    let effects = bench.events(vec![
        piece(exchange, "enough"),
        piece(exchange, "too much"),
        piece(other, "of another"),
        Event::HttpEnd(exchange),
    ]);
    assert_eq!(effects[0], Effect::ExchangeCancel(exchange));
    assert_eq!(effects.len(), 2, "{effects:?}");
    assert!(effects.text().contains("of another"));
    assert_eq!(bench.open_exchanges(), [other]);
}

#[test]
#[should_panic(expected = "was never opened")]
fn a_test_that_plays_the_wrong_exchange_is_told_so() {
    let (exchange, _) = open().prompt("request").exchange();
    open().http_end(exchange);
}

#[test]
fn sixteen_requests_are_on_their_way_at_most() {
    let mut bench = open();
    let effects = bench.prompt("too many requests");
    assert!(matches!(effects.failed(), Some(Error::Limit(_))));
    assert_eq!(bench.open_exchanges().len(), 16);
    bench.http_end(bench.open_exchanges()[0]);
    assert_eq!(bench.prompt("request").failed(), None);
}

#[test]
fn a_body_is_bounded() {
    let effects = open().prompt("too much");
    assert!(matches!(effects.failed(), Some(Error::Limit(_))));
    assert_eq!(effects.len(), 1, "nothing was sent");
}

#[test]
fn a_probe_waits_for_requests_and_opens_none_and_a_session_the_other_way_round() {
    let answer = || Exchange::new("GET", URL).text(200, "text/plain", "I am well");
    let bench = || Bench::<Puppet>::new().outside(Script::new().then(answer()));
    let probed = bench().config(json!({"fetch": true})).probe().unwrap();
    assert_eq!(probed.detail, "I am well");
    let opened = bench().config(json!({"open": true})).probe();
    assert!(matches!(opened, Err(Error::Denied(_))), "{opened:?}");
    let mut bench = bench();
    bench.open();
    let effects = bench.prompt("fetch");
    assert!(matches!(effects.failed(), Some(Error::Denied(_))));
}

#[test]
fn a_request_in_a_probe_is_denied_unless_the_test_answers_it() {
    let probed = Bench::<Puppet>::new()
        .config(json!({"fetch": true}))
        .probe();
    assert!(matches!(probed, Err(Error::Denied(_))), "{probed:?}");
}

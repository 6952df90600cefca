//! What endpoints said no with, and what it means.

use hostler_sdk::device::{DeviceSession, Error};
use hostler_sdk::testing::Exchange;
use serde_json::{Value, json};

use crate::stage::{BASE, DEVICE, bench, command, handles, opened, opening, value};

/// What `native` makes of an answer to its command.
fn refused(answer: impl FnOnce(Exchange) -> Exchange) -> Error {
    let script = opening().then(answer(command("POST", "/goog/cdp/execute")));
    let mut bench = opened(&script);
    bench
        .call(|device| device.native("Page.reload", "{}"))
        .unwrap_err()
}

fn said(status: u16, error: &str, message: &str) -> Error {
    let value = json!({"error": error, "message": message, "stacktrace": "#0 0x56 <unknown>\n"});
    refused(|exchange| exchange.json(status, &json!({"value": value})))
}

#[test]
fn every_refusal_of_a_driver_says_what_can_be_done() {
    type Is = fn(&Error) -> bool;
    let cases: [(u16, &str, &str, Is); 8] = [
        (404, "invalid session id", "invalid session id", |error| {
            matches!(error, Error::Lost(_))
        }),
        (
            404,
            "invalid session id",
            "Session timed out: no new command for 3 s",
            |error| matches!(error, Error::Lost(text) if text.contains("no new command")),
        ),
        (
            500,
            "unknown error",
            "disconnected: not connected to DevTools",
            |error| matches!(error, Error::Lost(_)),
        ),
        (
            404,
            "no such element",
            "no such element: No node with given id found",
            |error| matches!(error, Error::NotFound(_)),
        ),
        (
            404,
            "stale element reference",
            "The element does not exist in DOM anymore",
            |error| matches!(error, Error::NotFound(_)),
        ),
        (
            400,
            "invalid argument",
            "invalid argument: 'url' must be a string",
            |error| matches!(error, Error::Invalid(_)),
        ),
        (
            404,
            "unknown command",
            "unknown command: session/s/goog/cdp/execute",
            |error| matches!(error, Error::Unsupported(text) if text.contains("no Chrome")),
        ),
        (500, "script timeout", "script timeout", |error| {
            matches!(error, Error::TimedOut(_))
        }),
    ];
    for (status, error, message, is) in cases {
        let found = said(status, error, message);
        assert!(is(&found), "{error}: {found:?}");
        assert!(!found.to_string().contains("0x56"), "{found}");
        assert!(!found.to_string().contains('\n'), "{found}");
    }
}

#[test]
fn an_alert_in_the_way_is_told_with_its_text() {
    let message = "unexpected alert open: {Alert text : Low {battery}}\n  (Session info)";
    assert_eq!(
        said(500, "unexpected alert open", message),
        Error::AlertOpen("Low {battery}".to_owned())
    );
    let value = json!({
        "error": "unexpected alert open", "message": message, "data": {"text": "Low battery"},
    });
    assert_eq!(
        refused(|exchange| exchange.json(500, &json!({"value": value}))),
        Error::AlertOpen("Low battery".to_owned())
    );
}

#[test]
fn an_endpoint_that_hangs_or_drops_is_told_so() {
    let late = refused(|exchange| exchange.fails(hostler_sdk::Error::Limit("no response".into())));
    assert!(matches!(late, Error::TimedOut(_)), "{late:?}");
    let denied = hostler_sdk::Error::Denied("add to hostler.toml".to_owned());
    let denied = refused(|exchange| exchange.fails(denied));
    assert!(
        matches!(&denied, Error::Other(text) if text.contains("hostler.toml")),
        "{denied:?}"
    );
}

/// What a page's reload comes to if the answer is `first`, and these follow.
fn after(first: Exchange, then: Vec<Exchange>) -> Error {
    let mut script = opening().then(first);
    for exchange in then {
        script = script.then(exchange);
    }
    let error = opened(&script)
        .call(|device| device.native("Page.reload", "{}"))
        .unwrap_err();
    assert_eq!(script.left(), 0, "{error:?}");
    error
}

#[test]
fn a_lost_connection_is_the_end_only_of_a_session_that_is_gone() {
    let cut = || hostler_sdk::Error::other("connection refused");
    let execute = || command("POST", "/goog/cdp/execute");
    let window = || command("GET", "/window");
    let gone = json!({"value": {"error": "invalid session id", "message": "over"}});
    let none = json!({"value": {"error": "no such window", "message": "closed"}});
    let html = |exchange: Exchange, status| exchange.text(status, "text/html", "<h1>Oops</h1>");
    for first in [execute().fails(cut()), html(execute(), 502)] {
        let error = after(first, vec![value(window(), &json!("w"))]);
        assert!(
            matches!(&error, Error::Other(text) if text.contains("still there")),
            "{error:?}"
        );
    }
    let error = after(html(execute(), 504), vec![window().json(404, &none)]);
    assert!(matches!(error, Error::Other(_)), "{error:?}");
    for second in [
        window().fails(cut()),
        window().json(404, &gone),
        html(window(), 503),
    ] {
        let error = after(execute().fails(cut()), vec![second]);
        assert!(
            matches!(&error, Error::Lost(text) if text.contains("http://127.0.0.1:4444/wd/hub")),
            "{error:?}"
        );
    }
}

#[test]
fn a_page_that_crashes_leaves_a_session_with_an_empty_window() {
    let crash =
        json!({"value": {"error": "tab crashed", "message": "tab crashed\n  (Session info)"}});
    let gone = json!({"value": {"error": "invalid session id", "message": "over"}});
    let crashed = || command("POST", "/goog/cdp/execute").json(500, &crash);
    let fresh = || command("POST", "/window/new").sends(json!({"type": "tab"}));
    let switch = command("POST", "/window").sends(json!({"handle": "n"}));
    let error = after(
        crashed(),
        vec![
            value(fresh(), &json!({"handle": "n", "type": "tab"})),
            value(switch, &Value::Null),
        ],
    );
    assert!(
        matches!(&error, Error::Other(text) if text.contains("empty window")),
        "{error:?}"
    );
    let error = after(crashed(), vec![fresh().json(500, &crash)]);
    assert!(
        matches!(&error, Error::Other(text) if text.contains("open a page")),
        "{error:?}"
    );
    let error = after(crashed(), vec![fresh().json(404, &gone)]);
    assert!(matches!(error, Error::Lost(_)), "{error:?}");
}

#[test]
fn a_session_that_ended_by_itself_is_closed_without_a_word() {
    let gone = json!({"value": {"error": "invalid session id", "message": "timed out"}});
    let script = opening()
        .then(command("DELETE", "").json(404, &gone))
        .then(command("DELETE", "").json(200, &json!({"value": null})));
    let mut bench = opened(&script);
    assert_eq!(bench.call(|device| device.close()), Ok(()));
    assert_eq!(bench.call(|device| device.close()), Ok(()));
}

#[test]
fn what_is_no_command_of_chromes_or_no_json_is_refused_before_it_is_sent() {
    let script = opening();
    let mut bench = opened(&script);
    for (method, params) in [
        ("reload", "{}"),
        ("Page.", "{}"),
        ("Page.reload/../x", "{}"),
        ("Page.reload", "["),
        ("Page.reload", "[]"),
    ] {
        let refused = bench.call(|device| device.native(method, params));
        assert!(refused.is_err(), "{method} {params}");
    }
    assert_eq!(script.sent().len(), 2);
}

#[test]
fn without_the_operators_key_no_command_of_chromes_is_sent() {
    let script = opening();
    let mut bench = bench(&script, &json!({"name": "one", "url": BASE}));
    bench.open(DEVICE).unwrap();
    assert!(!bench.devices().unwrap().remove(0).capabilities.native);
    let refused = bench.call(|device| device.native("Page.reload", "{}"));
    assert!(
        matches!(&refused, Err(Error::Unsupported(text)) if text.contains("native = true")),
        "{refused:?}"
    );
    assert_eq!(script.sent().len(), 2);
}

#[test]
fn a_file_of_the_machine_is_never_opened() {
    let script = opening();
    let mut bench = opened(&script);
    for url in [
        "file:///etc/passwd",
        " file:///etc/passwd",
        "chrome://version",
    ] {
        let refused = bench.call(|device| device.open_url(url));
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    assert_eq!(script.sent().len(), 2);
}

#[test]
fn the_log_is_read_as_it_was_recorded() {
    let lines = json!([
        {"level": "INFO", "message": "http://127.0.0.1:8765/ 12:39 \"ready\"", "source": "console-api", "timestamp": 1_795_148_520_823_u64},
        {"level": "SEVERE", "message": "404 (File not found)", "source": "network", "timestamp": 1_795_148_520_875_u64},
    ]);
    let logged = |lines: &Value| {
        command("POST", "/se/log")
            .sends(json!({"type": "browser"}))
            .json(200, &json!({"value": lines}))
    };
    let script = opening().then(logged(&lines)).then(logged(&json!([])));
    let mut bench = opened(&script);
    let first = bench.call(|device| device.logs(0)).unwrap();
    let levels: Vec<&str> = first.lines.iter().map(|line| line.level.as_str()).collect();
    assert_eq!(levels, ["info", "error"]);
    assert_eq!((first.lines[0].time, first.next), (1_795_148_520_823, 2));
    // The driver has forgotten them; another reader begins from the beginning.
    assert_eq!(bench.call(|device| device.logs(0)).unwrap(), first);
}

#[test]
fn a_browser_without_a_window_is_lost() {
    let none = command("GET", "/window/handles").json(200, &json!({"value": []}));
    let script = opening().then(none).then(handles());
    let mut bench = opened(&script);
    let lost = bench.call(|device| device.screen());
    assert!(matches!(lost, Err(Error::Lost(_))), "{lost:?}");
}

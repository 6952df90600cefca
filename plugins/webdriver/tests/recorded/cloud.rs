//! Sessions of clouds, and drivers that are started.

use std::time::Duration;

use hostler_sdk::device::Error;
use hostler_sdk::testing::{Exchange, Script};
use serde_json::{Value, json};

use crate::stage::{BASE, DEVICE, bench, command, new_session, opening, target, value};

fn ask() -> Exchange {
    Exchange::new("POST", &format!("{BASE}/session"))
}

fn with(extra: Value) -> Value {
    let mut target = target();
    let all = target.as_object_mut().unwrap();
    all.extend(extra.as_object().unwrap().clone());
    target
}

#[test]
fn a_session_has_what_the_target_says_and_the_secret_stays_a_name() {
    let expected = json!({"capabilities": {"alwaysMatch": {
        "browserName": "safari",
        "unhandledPromptBehavior": "ignore",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "args": ["--headless=new"],
            "binary": "/opt/chrome",
            "mobileEmulation": {
                "deviceMetrics": {"width": 400, "height": 800, "pixelRatio": 3.0, "touch": true, "mobile": true},
                "userAgent": "Phone",
            },
            "extra": 1,
        },
        "vendor:options": {"deviceName": "Pixel"},
    }}});
    let script = opening();
    let mut bench = bench(
        &script,
        &with(json!({
            "metrics": {"width": 400, "height": 800, "scale": 3.0},
            "args": ["--headless=new"], "binary": "/opt/chrome", "user_agent": "Phone",
            "headers": {"Authorization": "Basic {{secret:HUB}}"},
            "capabilities": {
                "browserName": "safari", "vendor:options": {"deviceName": "Pixel"},
                "goog:chromeOptions": {"extra": 1},
            },
            "open_timeout_seconds": 600,
        })),
    );
    bench.open(DEVICE).unwrap();
    let sent = script.sent();
    assert_eq!(sent[0].json, expected);
    assert_eq!(sent[0].timeout, Duration::from_secs(600));
    let header = (
        "Authorization".to_owned(),
        "Basic {{secret:HUB}}".to_owned(),
    );
    assert!(sent.iter().all(|sent| sent.headers.contains(&header)));
    assert_eq!(bench.progress(), ["starting a browser"]);
}

#[test]
fn a_cloud_that_is_full_is_asked_again_until_the_time_is_over() {
    let busy = json!({"value": {
        "error": "session not created",
        "message": "All 1 parallel sessions are in use and the queue is full",
    }});
    let full = || ask().json(429, &busy);
    let script = Script::new()
        .then(full())
        .then(full())
        .then(new_session())
        .then(value(command("POST", "/timeouts"), &Value::Null));
    bench(&script, &target()).open(DEVICE).unwrap();
    assert_eq!(script.left(), 0);

    let mut script = Script::new();
    for _ in 0..3 {
        script = script.then(full());
    }
    let mut bench = bench(&script, &with(json!({"open_timeout_seconds": 14})));
    let error = bench.open(DEVICE).unwrap_err();
    assert!(error.to_string().contains("parallel sessions"), "{error}");
    assert_eq!(script.left(), 0);
    assert_eq!(bench.progress()[1], "all sessions are in use; asking again");
}

#[test]
fn what_stands_before_a_cloud_is_understood_too() {
    let queued = json!({"value": {
        "error": "session not created", "message": "Queued for 2 s and no device became free",
    }});
    let cases: [(Exchange, &str); 6] = [
        (
            ask().text(401, "text/html", "HTTP Basic: Access denied.\n"),
            "headers",
        ),
        (
            ask().text(404, "text/plain", "Not Found"),
            "base of the WebDriver endpoint",
        ),
        (
            ask().text(502, "text/html", "<h1>Bad gateway</h1>"),
            "cannot reach",
        ),
        (
            ask().text(500, "text/html", "oops"),
            "does not speak WebDriver",
        ),
        (ask().json(500, &queued), "no device became free"),
        (ask().text(302, "text/html", ""), "does not speak WebDriver"),
    ];
    for (exchange, said) in cases {
        let script = Script::new().then(exchange);
        let error = bench(&script, &target()).open(DEVICE).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_session_whose_start_page_fails_is_ended() {
    let refused = json!({"value": {
        "error": "unknown error", "message": "unknown error: net::ERR_CONNECTION_REFUSED",
    }});
    let script = opening()
        .then(value(command("GET", "/window/handles"), &json!(["w"])))
        .then(command("POST", "/url").json(500, &refused))
        .then(value(command("DELETE", ""), &Value::Null));
    let target = with(json!({"start_page": "http://127.0.0.1:9/"}));
    let error = bench(&script, &target).open(DEVICE).unwrap_err();
    assert!(
        matches!(&error, Error::NotFound(text) if text.contains("REFUSED")),
        "{error:?}"
    );
    assert_eq!(script.left(), 0);
}

#[test]
fn an_id_that_is_none_never_becomes_a_path() {
    for id in ["", "../x", "a/b", "a b", "é"] {
        let session = json!({"sessionId": id});
        let script = Script::new().then(value(ask(), &session));
        let error = bench(&script, &target()).open(DEVICE).unwrap_err();
        assert!(error.to_string().contains("no id"), "{error}");
    }
}

const PRINTED: &str = "ChromeDriver was started successfully on port 37917.";

fn at_driver(method: &str, path: &str) -> Exchange {
    Exchange::new(method, &format!("http://127.0.0.1:37917{path}"))
}

#[test]
fn a_driver_is_started_for_its_device_and_what_another_holder_left_is_ended() {
    let script = Script::new()
        .service(&["chromedriver", "--port=0"], Ok(PRINTED))
        .then(value(
            at_driver("GET", "/sessions"),
            &json!([{"id": "old", "capabilities": {}}]),
        ))
        .then(value(at_driver("DELETE", "/session/old"), &Value::Null))
        .then(value(
            at_driver("POST", "/session"),
            &json!({"sessionId": "s"}),
        ))
        .then(value(
            at_driver("POST", "/session/s/timeouts"),
            &Value::Null,
        ));
    let mut bench = bench(&script, &json!({"name": "one", "driver": "chromedriver"}));
    bench.open("chromedriver/one").unwrap();
    assert_eq!(script.left(), 0);
    assert_eq!(script.running(), ["one"]);
    assert_eq!(
        bench.progress(),
        ["starting chromedriver", "starting a browser"]
    );
}

#[test]
fn a_driver_that_is_not_there_or_prints_no_port_is_said() {
    let target = json!({"name": "one", "driver": "chromedriver"});
    let error = bench(&Script::new(), &target).open("chromedriver/one");
    let said = error.unwrap_err().to_string();
    assert!(
        said.contains("chromedriver is not on the PATH") && said.contains("install it"),
        "{said}"
    );
    let script = Script::new().service(
        &["chromedriver", "--port=0"],
        Ok("started successfully on port many."),
    );
    let error = bench(&script, &target).open("chromedriver/one");
    assert!(error.unwrap_err().to_string().contains("no port"));
}

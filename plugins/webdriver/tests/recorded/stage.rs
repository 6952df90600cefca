//! A bench with a script of what the endpoint is asked.

use hostler_sdk::testing::{Exchange, ProviderBench, Script};
use hostler_webdriver::WebDriver;
use serde_json::{Value, json};

pub(crate) const BASE: &str = "http://127.0.0.1:4444/wd/hub";
pub(crate) const DEVICE: &str = "127.0.0.1:4444/wd/hub/one";

pub(crate) fn target() -> Value {
    json!({"name": "one", "url": BASE, "native": true})
}

pub(crate) fn bench(script: &Script, target: &Value) -> ProviderBench<WebDriver> {
    ProviderBench::new(script.clone()).config(json!({"targets": [target]}))
}

/// A command of the session `s`.
pub(crate) fn command(method: &str, path: &str) -> Exchange {
    Exchange::new(method, &format!("{BASE}/session/s{path}"))
}

pub(crate) fn value(exchange: Exchange, value: &Value) -> Exchange {
    exchange.json(200, &json!({"value": value}))
}

pub(crate) fn new_session() -> Exchange {
    let session = json!({"sessionId": "s", "capabilities": {}});
    value(Exchange::new("POST", &format!("{BASE}/session")), &session)
}

pub(crate) fn handles() -> Exchange {
    value(command("GET", "/window/handles"), &json!(["w"]))
}

/// What opening asks without a start page.
pub(crate) fn opening() -> Script {
    Script::new()
        .then(new_session())
        .then(command("POST", "/timeouts").json(200, &json!({"value": null})))
}

pub(crate) fn opened(script: &Script) -> ProviderBench<WebDriver> {
    let mut bench = bench(script, &target());
    bench.open(DEVICE).unwrap();
    bench
}

pub(crate) fn cdp(name: &str, params: &Value) -> Exchange {
    command("POST", "/goog/cdp/execute").sends(json!({"cmd": name, "params": params}))
}

//! A host with two phones.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use hostler_e2e::Host;
use hostler_test_support::Need;
use serde_json::Value;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/local"),
    Need::Component("plugins/webdriver"),
    Need::Program("chromedriver"),
];

/// The same with agent-device's command line.
pub(crate) const WITH_AGENT_DEVICE: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/local"),
    Need::Component("plugins/proxy"),
    Need::Component("plugins/webdriver"),
    Need::Program("chromedriver"),
    Need::Package("agent-device"),
    Need::Program("node"),
];

/// Two phones.
pub(crate) const PHONES: &str = r#"
[workspace]
roots = ["$WORK"]

[devices.pools]
phones = ["phone-1", "phone-2"]

[[plugins.webdriver.config.targets]]
name = "phone-1"
driver = "chromedriver"
metrics = { width = 412, height = 915 }

[[plugins.webdriver.config.targets]]
name = "phone-2"
driver = "chromedriver"
metrics = { width = 412, height = 915 }
"#;

/// The key of the phone of that name.
pub(crate) fn key(name: &str) -> String {
    format!("chromium:chromedriver/{name}")
}

/// A host with these settings that has its phones.
pub(crate) fn start(settings: &str, environment: &[(&str, &str)]) -> Host {
    let host = Host::start(settings, environment);
    ready(&host, 1);
    host
}

/// Waits until the plugins are loaded, of a host that was started so often, and
/// have listed their devices.
pub(crate) fn ready(host: &Host, starts: usize) {
    let loaded = || host.log().matches("loaded plugin=local").count();
    until("policy", loaded, |loaded| *loaded == starts);
    let listed = || host.json(&["devices", "--refresh"]);
    until("two phones", listed, |listed| {
        assert_eq!(listed["failures"], Value::Array(Vec::new()), "{listed}");
        listed["devices"].as_array().map(Vec::len) == Some(2)
    });
}

/// Looks again until it is so.
pub(crate) fn until<T: std::fmt::Debug>(
    what: &str,
    look: impl Fn() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let patience = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if is_so(&seen) {
            return seen;
        }
        assert!(Instant::now() < patience, "no {what}: {seen:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Who holds which device, with the number of the fencing token; a device that is
/// waited for is called `""`.
pub(crate) fn leases(host: &Host) -> BTreeMap<(String, String), u64> {
    let listed = host.json(&["lease", "list", "--all"]);
    let leases = listed["leases"].as_array().expect("leases").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    leases
        .map(|lease| {
            let who = (text(&lease["principal"]), text(&lease["device"]));
            (who, lease["fencing_token"].as_u64().unwrap_or_default())
        })
        .collect()
}

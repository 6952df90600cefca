//! A provider that cannot work says why, and what to do.

use hostler_e2e::Host;
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use serde_json::Value;

use super::stage::{PHONES, until};

const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/local"),
    Need::Component("plugins/webdriver"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_provider_with_a_wrong_setting_is_told_below_the_devices",
            NEEDS,
            wrong_setting,
        ),
        trial(
            "a_phone_without_its_driver_says_what_to_install",
            NEEDS,
            no_driver,
        ),
        trial(
            "doctor_says_of_a_provider_whether_it_has_devices_and_how_to_add_one",
            NEEDS,
            doctor,
        ),
    ]
}

/// What `hostler devices` says, once it has these words.
fn said(host: &Host, words: &str) -> String {
    let state = host.state().display().to_string();
    let devices = || {
        let output = host.run(&["devices", "--refresh", "--state-dir", &state]);
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    until(words, devices, |said| said.contains(words))
}

async fn wrong_setting() {
    let host = Host::start(&PHONES.replacen("driver =", "drvier =", 1), &[]);
    let said = said(&host, "webdriver:");
    assert!(
        said.contains("unknown field `drvier`, expected one of") && said.contains("`driver`"),
        "{said}"
    );
}

async fn no_driver() {
    let host = Host::start(PHONES, &[("PATH", "/nowhere")]);
    let said = said(&host, "webdriver:");
    let words = [
        "chromedriver is not on the host's PATH (/nowhere)",
        "install it",
    ];
    for word in words {
        assert!(said.contains(word), "{said}");
    }
}

async fn doctor() {
    let none = PHONES.split_once("[[plugins").expect("targets").0;
    for (settings, status, words) in [
        (none, "ok", "[[plugins.webdriver.config.targets]]"),
        (PHONES, "warn", "chromedriver is not on the host's PATH"),
    ] {
        let host = Host::start(settings, &[("PATH", "/nowhere")]);
        let config = host.folder().join("hostler.toml").display().to_string();
        let output = host.run(&["doctor", "--json", "--config", &config]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = report["checks"].as_array().expect("checks");
        let mut checks = checks.iter();
        let check = checks.find(|check| check["name"] == "plugin webdriver");
        let check = check.expect("webdriver was looked at");
        assert_eq!(check["status"], status, "{check}");
        assert!(check["detail"].to_string().contains(words), "{check}");
    }
}

//! A provider that cannot work says why, and what to do.

use hostler_e2e::Host;
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;

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

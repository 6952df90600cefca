//! A provider that cannot work says why, and what to do.

use hostler_e2e::{Host, Person};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;

use super::stage::{PHONES, ready, until};

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

async fn wrong_setting() {
    let settings = PHONES.replacen("driver =", "drvier =", 1);
    let host = Host::start(&settings, &[]);
    let state = host.state().display().to_string();
    let devices = || {
        let output = host.run(&["devices", "--refresh", "--state-dir", &state]);
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let said = until("word of it", devices, |said| said.contains("drvier"));
    println!("{said}");
}

async fn no_driver() {
    let host = Host::start(PHONES, &[("PATH", "/nowhere")]);
    ready(&host, 1);
    let ann = Person::new(&host, "ann");
    let state = host.state().display().to_string();
    println!("{}", String::from_utf8_lossy(&host.run(&["devices", "--state-dir", &state]).stdout));
    println!("{}", String::from_utf8_lossy(&host.run(&["plugin", "list", "--state-dir", &state]).stdout));
    let refused = ann.try_device(&host, &["open", "phone-1"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    panic!("{said} {refused:?}");
}

//! What an operator may write, and what is said about the rest.

use hostler_sdk::device::Error;
use hostler_sdk::testing::{ProviderBench, Script};
use hostler_webdriver::WebDriver;
use serde_json::{Value, json};

use crate::stage::{BASE, bench};

fn devices(config: Value) -> Result<Vec<hostler_sdk::device::Device>, Error> {
    ProviderBench::<WebDriver>::new(Script::new())
        .config(config)
        .devices()
}

#[test]
fn a_target_is_a_device_with_what_it_can_do() {
    let found = devices(json!({"targets": [
        {"name": "one", "driver": "/usr/bin/chromedriver", "aliases": ["first"],
         "metrics": {"width": 400, "height": 800}},
        {"name": "two", "url": "https://hub.example.com/wd/hub/", "platform": "android", "kind": "device", "target": "tv"},
    ]}))
    .unwrap();
    let [one, two] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(one.hardware_id, "chromedriver/one");
    assert_eq!(
        (
            one.platform.as_str(),
            one.kind.as_str(),
            one.target.as_str()
        ),
        ("chromium", "browser", "mobile")
    );
    assert_eq!(one.aliases, ["first"]);
    assert!(one.capabilities.orientation && one.capabilities.snapshot);
    assert!(!one.capabilities.install && !one.capabilities.recording && !one.capabilities.files);
    assert_eq!(two.hardware_id, "hub.example.com/wd/hub/two");
    assert_eq!(
        (
            two.platform.as_str(),
            two.kind.as_str(),
            two.target.as_str()
        ),
        ("android", "device", "tv")
    );
    assert!(!two.capabilities.orientation);
    assert_eq!(devices(json!({})), Ok(vec![]));
}

#[test]
fn when_no_driver_is_installed_that_is_said_in_place_of_devices() {
    let one = json!({"name": "one", "driver": "chromedriver"});
    let said = devices(json!({"targets": [one]})).unwrap_err().to_string();
    assert!(
        said.contains("chromedriver is not on the PATH") && said.contains("install it"),
        "{said}"
    );
    let there = Script::new().program(&["chromedriver", "--version"], Err(denied()));
    let bench = || bench(&there, &one);
    assert_eq!(bench().devices().map(|all| all.len()), Ok(1));
    // Something else can be opened, so it stays for `open` to say.
    let two = json!({"name": "two", "url": BASE});
    assert_eq!(
        devices(json!({"targets": [one, two]})).map(|all| all.len()),
        Ok(2)
    );
}

/// What grants of the operator's own may say.
fn denied() -> hostler_sdk::Error {
    hostler_sdk::Error::Denied("no".to_owned())
}

#[test]
fn what_makes_no_sense_is_an_error_that_says_what() {
    let one = |extra: Value| {
        let mut target = json!({"name": "one", "url": BASE});
        let all = target.as_object_mut().unwrap();
        all.extend(extra.as_object().unwrap().clone());
        json!({"targets": [target]})
    };
    for (config, said) in [
        (json!({"target": []}), "`target`"),
        (one(json!({"tagret": "tv"})), "`tagret`"),
        (
            one(json!({"metrics": {"width": 1, "height": 1, "dpi": 3}})),
            "`dpi`",
        ),
        (
            one(json!({"metrics": {"width": 0, "height": 1}})),
            "width and height",
        ),
        (
            one(json!({"metrics": {"width": 1, "height": 1, "scale": 0}})),
            "scale",
        ),
        (one(json!({"driver": "chromedriver"})), "not both"),
        (json!({"targets": [{"name": "one"}]}), "`driver"),
        (json!({"targets": [{"url": BASE}]}), "name"),
        (one(json!({"name": "a b"})), "no spaces"),
        (one(json!({"url": "127.0.0.1:4444"})), "http://"),
        (
            one(json!({"url": "http://me:secret@host/"})),
            "{{secret:NAME}}",
        ),
        (one(json!({"url": "http://host/?a"})), "query"),
        (one(json!({"platform": "iOS"})), "platform"),
        (
            one(json!({"open_timeout_seconds": 601})),
            "open_timeout_seconds",
        ),
        (one(json!({"aliases": vec!["x"; 17]})), "16 aliases"),
        (
            json!({"targets": [{"name": "one", "url": BASE}, {"name": "one", "url": "http://b"}]}),
            "two targets",
        ),
    ] {
        let error = devices(config.clone()).unwrap_err();
        assert!(error.to_string().contains(said), "{config}: {error}");
        // It may be in what was written.
        assert!(!error.to_string().contains("me:secret"), "{error}");
    }
}

#[test]
fn a_device_that_is_no_target_any_more_is_lost() {
    let target = json!({"name": "one", "url": BASE});
    let gone = bench(&Script::new(), &target).open("elsewhere/one");
    assert!(matches!(gone, Err(Error::Lost(_))), "{gone:?}");
}

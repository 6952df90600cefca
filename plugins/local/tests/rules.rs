//! Each rule of the policy.

use hostler_local::Local;
use hostler_sdk::policy::{Caller, Choice, Device, Error, HandOver, Policy, Wish};
use hostler_sdk::testing::with_config;
use serde_json::{Value, json};

fn with<T>(config: Value, call: impl FnOnce() -> T) -> T {
    with_config(&config, call)
}

#[test]
fn a_lease_lives_half_an_hour_idle_and_an_implicit_one_five_minutes() {
    let ttl = |implicit| {
        let caller = Caller {
            implicit,
            ..Caller::default()
        };
        with(json!({}), || Local::terms(&caller, &Wish::default())).unwrap()
    };
    assert_eq!(ttl(false).ttl_ms, 30 * 60 * 1000);
    assert_eq!(ttl(true).ttl_ms, 5 * 60 * 1000);
    assert_eq!(ttl(false).hand_over, HandOver::Keep);
    assert_eq!(ttl(false).wait_ms, None);
}

#[test]
fn a_client_waits_as_long_as_it_asked_and_gets_the_hand_over_that_it_wants() {
    let wish = Wish {
        wait_ms: Some(7_200_000),
        hand_over: Some(HandOver::Erase),
        ..Wish::default()
    };
    let terms = with(json!({}), || Local::terms(&Caller::default(), &wish)).unwrap();
    assert_eq!(terms.wait_ms, Some(7_200_000));
    assert_eq!(terms.hand_over, HandOver::Erase);
    let now = Wish {
        wait_ms: Some(0),
        ..Wish::default()
    };
    let terms = with(json!({}), || Local::terms(&Caller::default(), &now)).unwrap();
    assert_eq!(terms.wait_ms, None);
}

#[test]
fn the_free_devices_of_the_platform_come_first_and_eight_at_most() {
    let device = |key: &str, platform: &str, free| Device {
        key: key.to_owned(),
        platform: platform.to_owned(),
        free,
        ..Device::default()
    };
    let devices = [
        device("taken", "chromium", false),
        device("other", "android", true),
        device("free", "chromium", true),
    ];
    let wish = Wish {
        platform: Some("Chromium".to_owned()),
        ..Wish::default()
    };
    let resolve = |wish: &Wish, devices: &[Device]| {
        with(json!({}), || {
            Local::resolve(&Caller::default(), wish, devices)
        })
        .unwrap()
    };
    let keys = ["free", "taken"].map(|key| Choice::Device(key.to_owned()));
    assert_eq!(resolve(&wish, &devices), keys);
    let many = vec![device("x", "chromium", true); 20];
    assert_eq!(resolve(&Wish::default(), &many).len(), 8);
    assert_eq!(resolve(&wish, &[]), []);
}

#[test]
fn every_value_is_the_operators() {
    let config = json!({
        "ttl_seconds": 60, "implicit_ttl_seconds": 50, "min_ttl_seconds": 40,
        "max_ttl_seconds": 70, "max_wait_seconds": 10, "readers": 0,
        "hand_over": "snapshot:clean", "devices_need_lease": true,
    });
    let terms = |caller: &Caller, wish: &Wish| with(config.clone(), || Local::terms(caller, wish));
    let wait = Wish {
        wait_ms: Some(60_000),
        ..Wish::default()
    };
    let granted = terms(&Caller::default(), &wait).unwrap();
    assert_eq!((granted.ttl_ms, granted.wait_ms), (60_000, Some(10_000)));
    assert_eq!(granted.hand_over, HandOver::Snapshot("clean".to_owned()));
    let implicit = Caller {
        implicit: true,
        ..Caller::default()
    };
    assert_eq!(terms(&implicit, &wait).unwrap().ttl_ms, 50_000);
    for ttl_ms in [39_999, 70_001] {
        let wish = Wish {
            ttl_ms: Some(ttl_ms),
            ..Wish::default()
        };
        let refused = terms(&Caller::default(), &wish).unwrap_err();
        assert!(refused.to_string().contains("40 s to 70 s"), "{refused}");
    }
    let look = Wish {
        reader: true,
        ..Wish::default()
    };
    let refused = terms(&Caller::default(), &look);
    assert!(matches!(refused, Err(Error::Denied(_))));
    let needs = with(config.clone(), || {
        Local::needs_lease(&Caller::default(), "devices")
    });
    assert_eq!(needs, Ok(true));
}

#[test]
fn a_config_that_makes_no_sense_is_an_error_that_names_the_key() {
    for (config, named) in [
        (json!({"tll_seconds": 1}), "tll_seconds"),
        (json!({"ttl_seconds": "1m"}), "invalid type"),
        (json!({"hand_over": "wipe"}), "hand_over"),
        (json!({"hand_over": "snapshot:"}), "hand_over"),
        (json!({"max_ttl_seconds": 60}), "ttl_seconds = 1800"),
    ] {
        let refused = with(config, || {
            Local::terms(&Caller::default(), &Wish::default())
        });
        let Err(Error::Other(text)) = refused else {
            panic!("{refused:?}");
        };
        assert!(text.contains(named), "{text}");
    }
}

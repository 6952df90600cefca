//! Each rule of the policy.

use hostler_cloud::Cloud;
use hostler_sdk::policy::{Caller, HandOver, Policy, Terms, Wish};
use hostler_sdk::testing::with_config;
use serde_json::{Value, json};

fn terms(config: Value, wish: &Wish) -> Terms {
    with_config(&config, || Cloud::terms(&Caller::default(), wish)).unwrap()
}

fn wants(hand_over: HandOver) -> Wish {
    Wish {
        hand_over: Some(hand_over),
        ..Wish::default()
    }
}

#[test]
fn a_lease_lives_ninety_seconds_idle() {
    assert_eq!(terms(json!({}), &Wish::default()).ttl_ms, 90_000);
}

#[test]
fn nobody_finds_what_another_left_whatever_is_asked_for() {
    assert_eq!(
        terms(json!({}), &Wish::default()).hand_over,
        HandOver::Erase
    );
    for weaker in [HandOver::Keep, HandOver::ClearApps] {
        assert_eq!(terms(json!({}), &wants(weaker)).hand_over, HandOver::Erase);
    }
    let clean = HandOver::Snapshot("clean".to_owned());
    assert_eq!(terms(json!({}), &wants(clean.clone())).hand_over, clean);
}

#[test]
fn readers_may_look_on() {
    let look = Wish {
        reader: true,
        ..Wish::default()
    };
    assert_eq!(terms(json!({ "readers": 4 }), &look).readers, 4);
}

#[test]
fn listing_devices_needs_a_lease_if_the_operator_says_so() {
    for (config, needs) in [
        (json!({}), false),
        (json!({"devices_need_lease": true}), true),
    ] {
        let answer = with_config(&config, || {
            Cloud::needs_lease(&Caller::default(), "devices")
        });
        assert_eq!(answer, Ok(needs));
    }
}

#[test]
fn the_operator_may_keep_devices_as_they_are() {
    let config = json!({"hand_over": "keep", "ttl_seconds": 30});
    let granted = terms(config.clone(), &Wish::default());
    assert_eq!(granted.hand_over, HandOver::Keep);
    assert_eq!(granted.ttl_ms, 30_000);
    let granted = terms(config, &wants(HandOver::ClearApps));
    assert_eq!(granted.hand_over, HandOver::ClearApps);
}

#[test]
fn a_misspelt_setting_is_an_error_that_names_it() {
    let refused = with_config(&json!({"erase": true}), || {
        Cloud::needs_lease(&Caller::default(), "devices")
    });
    assert!(refused.unwrap_err().to_string().contains("`erase`"));
}

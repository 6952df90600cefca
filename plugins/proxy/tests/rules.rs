//! Each rule of the policy.

use hostler_proxy::Proxy;
use hostler_sdk::policy::{Caller, Error, HandOver, Policy, Terms, Wish};
use hostler_sdk::testing::with_config;
use serde_json::json;

fn terms(wish: &Wish) -> Result<Terms, Error> {
    with_config(&json!({}), || Proxy::terms(&Caller::default(), wish))
}

#[test]
fn a_lease_lives_five_minutes_idle() {
    let granted = terms(&Wish::default()).unwrap();
    assert_eq!(granted.ttl_ms, 300_000);
    assert_eq!(granted.hand_over, HandOver::Keep);
}

#[test]
fn a_client_may_ask_for_five_seconds_to_ten_minutes() {
    let asked = |ttl_ms| {
        terms(&Wish {
            ttl_ms: Some(ttl_ms),
            ..Wish::default()
        })
    };
    for ttl_ms in [5_000, 300_000, 600_000] {
        assert_eq!(asked(ttl_ms).unwrap().ttl_ms, ttl_ms);
    }
    for ttl_ms in [0, 4_999, 600_001, u64::MAX] {
        let refused = asked(ttl_ms).unwrap_err();
        assert!(
            matches!(&refused, Error::Denied(text) if text.contains("5 s to 600 s")),
            "{refused}"
        );
    }
}

#[test]
fn listing_devices_needs_no_lease_unless_the_operator_says_so() {
    for (config, needs) in [
        (json!({}), false),
        (json!({"devices_need_lease": true}), true),
    ] {
        let answer = with_config(&config, || {
            Proxy::needs_lease(&Caller::default(), "devices")
        });
        assert_eq!(answer, Ok(needs));
    }
}

#[test]
fn nobody_waits_longer_than_an_hour() {
    let granted = terms(&Wish {
        wait_ms: Some(u64::MAX),
        ..Wish::default()
    });
    assert_eq!(granted.unwrap().wait_ms, Some(3_600_000));
}

#[test]
fn a_misspelt_setting_is_an_error_that_names_it() {
    let refused = with_config(&json!({"ttl": 5}), || {
        Proxy::terms(&Caller::default(), &Wish::default())
    });
    assert!(refused.unwrap_err().to_string().contains("`ttl`"));
}

//! The policy for devices that clients reach from elsewhere: a lease lives five
//! minutes after its last use, because a client that went away cannot say so; a
//! client may ask for 5 seconds to 10 minutes.

use hostler_sdk::About;
use hostler_sdk::policy::{Caller, Choice, Device, HandOver, Policy, Result, Rules, Terms, Wish};

/// What is granted unless the operator says otherwise.
const RULES: Rules = Rules {
    ttl_seconds: 300,
    implicit_ttl_seconds: 300,
    min_ttl_seconds: 5,
    max_ttl_seconds: 600,
    max_wait_seconds: 60 * 60,
    readers: 0,
    hand_over: HandOver::Keep,
    devices_need_lease: false,
};

/// The plugin.
#[derive(Debug)]
pub struct Proxy;

hostler_sdk::export_policy!(Proxy);

fn rules() -> Result<Rules> {
    RULES.configured()
}

impl Policy for Proxy {
    fn describe() -> About {
        About {
            title: "Proxied devices".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn needs_lease(_: &Caller, _: &str) -> Result<bool> {
        Ok(rules()?.devices_need_lease)
    }

    fn resolve(_: &Caller, wish: &Wish, devices: &[Device]) -> Result<Vec<Choice>> {
        Ok(rules()?.resolve(wish, devices))
    }

    fn terms(caller: &Caller, wish: &Wish) -> Result<Terms> {
        rules()?.terms(caller, wish)
    }
}

//! The policy for the devices of one machine, shared by the people and agents at
//! it: long leases, because who works beside a device looks up a document in
//! between; waiting as long as is asked; devices stay as they were left.

use hostler_sdk::About;
use hostler_sdk::policy::{Caller, Choice, Device, HandOver, Policy, Result, Rules, Terms, Wish};

/// What is granted unless the operator says otherwise.
const RULES: Rules = Rules {
    ttl_seconds: 30 * 60,
    // Who does not know of leases does not release either, and others wait.
    implicit_ttl_seconds: 5 * 60,
    min_ttl_seconds: 5,
    max_ttl_seconds: 24 * 60 * 60,
    max_wait_seconds: 24 * 60 * 60,
    readers: 4,
    hand_over: HandOver::Keep,
    devices_need_lease: false,
};

/// The plugin.
#[derive(Debug)]
pub struct Local;

hostler_sdk::export_policy!(Local);

fn rules() -> Result<Rules> {
    RULES.configured()
}

impl Policy for Local {
    fn describe() -> About {
        About {
            title: "Local devices".to_owned(),
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

//! The policy for devices that cost money while they are held and pass from one
//! stranger to the next: a lease lives 90 seconds after its last use, which is
//! when device clouds end an idle session themselves, and what one holder left
//! the next never finds.

use hostler_sdk::About;
use hostler_sdk::policy::{Caller, Choice, Device, HandOver, Policy, Result, Rules, Terms, Wish};

/// What is granted unless the operator says otherwise.
const RULES: Rules = Rules {
    ttl_seconds: 90,
    implicit_ttl_seconds: 90,
    min_ttl_seconds: 5,
    // When clouds end a session in any case.
    max_ttl_seconds: 30 * 60,
    max_wait_seconds: 60 * 60,
    readers: 0,
    hand_over: HandOver::Erase,
    devices_need_lease: false,
};

/// The plugin.
#[derive(Debug)]
pub struct Cloud;

hostler_sdk::export_policy!(Cloud);

fn rules() -> Result<Rules> {
    RULES.configured()
}

impl Policy for Cloud {
    fn describe() -> About {
        About {
            title: "Rented devices".to_owned(),
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
        let rules = rules()?;
        let mut terms = rules.terms(caller, wish)?;
        // What was there before is not the client's to keep.
        if thoroughness(&terms.hand_over) < thoroughness(&rules.hand_over) {
            terms.hand_over = rules.hand_over;
        }
        Ok(terms)
    }
}

/// How much of what was there before is gone.
fn thoroughness(hand_over: &HandOver) -> u8 {
    match hand_over {
        HandOver::Keep => 0,
        HandOver::ClearApps => 1,
        HandOver::Erase | HandOver::Snapshot(_) => 2,
    }
}

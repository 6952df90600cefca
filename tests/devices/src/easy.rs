//! The policy.

use std::time::Duration;

use hostler_provider::{
    BoxFuture, Caller, Candidate, Choice, HandOver, Policy, PolicyError, PolicyTerms, Wish,
};

/// Gives everybody what they want.
#[derive(Debug)]
pub struct Easy;

impl Policy for Easy {
    fn id(&self) -> &str {
        "easy"
    }

    fn needs_lease<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>> {
        Box::pin(async { Ok(false) })
    }

    fn resolve<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Wish,
        devices: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>> {
        let free = devices
            .iter()
            .find(|device| device.free)
            .or(devices.first());
        let choice = free.map(|device| Choice::Device(device.key.clone()));
        Box::pin(async { Ok(choice.into_iter().collect()) })
    }

    fn terms<'a>(
        &'a self,
        _: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>> {
        let terms = PolicyTerms {
            ttl: wish.ttl.unwrap_or(Duration::from_secs(300)),
            wait: wish.wait,
            readers: 1,
            hand_over: HandOver::Keep,
        };
        Box::pin(async { Ok(terms) })
    }

    fn admit<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Candidate,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async { Ok(()) })
    }
}

use std::time::Duration;

use hostler_provider::{
    BoxFuture, Caller, Candidate, Choice, Policy, PolicyError, PolicyTerms, Wish,
};

/// A policy that gives what is asked for, but no longer life than it has.
#[derive(Debug)]
pub(crate) struct Rules {
    name: &'static str,
    ttl: Duration,
}

impl Rules {
    pub(crate) fn named(name: &'static str, ttl: Duration) -> Self {
        Self { name, ttl }
    }
}

impl Policy for Rules {
    fn id(&self) -> &str {
        self.name
    }

    fn needs_lease<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>> {
        // Only that one keeps its list for holders.
        let strict = self.name == "strict";
        Box::pin(async move { Ok(strict) })
    }

    fn resolve<'a>(
        &'a self,
        _: &'a Caller,
        wish: &'a Wish,
        devices: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>> {
        let fits = |device: &&Candidate| {
            wish.platform
                .as_ref()
                .is_none_or(|wanted| *wanted == device.platform)
        };
        let mut fitting: Vec<_> = devices.iter().filter(fits).collect();
        fitting.sort_by_key(|device| !device.free);
        let choices = fitting
            .iter()
            .map(|device| Choice::Device(device.key.clone()))
            .collect();
        Box::pin(async { Ok(choices) })
    }

    fn terms<'a>(
        &'a self,
        _: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>> {
        let terms = PolicyTerms {
            ttl: wish.ttl.unwrap_or(Duration::from_secs(60)).min(self.ttl),
            wait: wish.wait,
            readers: 0,
            hand_over: wish.hand_over.clone().unwrap_or_default(),
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

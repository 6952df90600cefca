//! From the host's words to the guest's, and back.

use std::time::Duration;

use hostler_provider as host;

use crate::bindings::policy::hostler::policy::types as guest;

pub(super) fn caller(caller: &host::Caller) -> guest::Caller {
    guest::Caller {
        principal: caller.principal.to_string(),
        session: caller.session.clone(),
        tenant: caller.tenant.clone(),
        run: caller.run.clone(),
        client: caller.client.clone(),
        backend: caller.backend.clone(),
        implicit: caller.implicit,
    }
}

pub(super) fn wish(wish: &host::Wish) -> guest::Wish {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    guest::Wish {
        choices: wish.choices.iter().map(choice).collect(),
        platform: wish.platform.clone(),
        reader: wish.reader,
        ttl_ms: wish.ttl.map(millis),
        wait_ms: wish.wait.map(millis),
        hand_over: wish.hand_over.as_ref().map(|hand_over| match hand_over {
            host::HandOver::Keep => guest::HandOver::Keep,
            host::HandOver::ClearApps => guest::HandOver::ClearApps,
            host::HandOver::Erase => guest::HandOver::Erase,
            host::HandOver::Snapshot(name) => guest::HandOver::Snapshot(name.clone()),
        }),
    }
}

fn choice(choice: &host::Choice) -> guest::Choice {
    match choice {
        host::Choice::Device(name) => guest::Choice::Device(name.clone()),
        host::Choice::Pool(name) => guest::Choice::Pool(name.clone()),
    }
}

pub(super) fn chosen(choice: guest::Choice) -> host::Choice {
    match choice {
        guest::Choice::Device(name) => host::Choice::Device(name),
        guest::Choice::Pool(name) => host::Choice::Pool(name),
    }
}

pub(super) fn device(device: &host::Candidate) -> guest::Device {
    guest::Device {
        key: device.key.clone(),
        name: device.name.clone(),
        platform: device.platform.clone(),
        kind: device.kind.clone(),
        pools: device.pools.clone(),
        free: device.free,
    }
}

pub(super) fn terms(terms: guest::LeaseTerms) -> host::PolicyTerms {
    host::PolicyTerms {
        ttl: Duration::from_millis(terms.ttl_ms),
        wait: terms.wait_ms.map(Duration::from_millis),
        readers: terms.readers,
        hand_over: match terms.hand_over {
            guest::HandOver::Keep => host::HandOver::Keep,
            guest::HandOver::ClearApps => host::HandOver::ClearApps,
            guest::HandOver::Erase => host::HandOver::Erase,
            guest::HandOver::Snapshot(name) => host::HandOver::Snapshot(name),
        },
    }
}

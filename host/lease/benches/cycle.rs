//! One lease from the ask to the end, beside many that live on.
#![allow(missing_docs)]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hostler_lease::{
    Ask, DeviceKey, Effects, Event, HandOver, Label, LeaseId, LeaseScope, Mode, Moment, Principal,
    Registry, Saved, Selector, Sight, Sighting, Terms,
};

const TTL: Duration = Duration::from_secs(300);

fn label(text: &str) -> Label {
    Label::new(text).expect("a label")
}

fn id(number: usize) -> LeaseId {
    // Spread like random ones.
    let bits = (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    LeaseId::from_random(bits.to_be_bytes())
}

fn ask(number: usize, principal: &Principal, device: &str) -> Ask {
    Ask {
        id: id(number),
        principal: principal.clone(),
        scope: LeaseScope {
            tenant: None,
            run: None,
            client: None,
            backend: None,
            policy: None,
            session: label("default"),
            selector: Selector::device(label(device)),
            mode: Mode::Explicit,
        },
        terms: Terms::new(TTL, None, 0, HandOver::Keep).expect("terms"),
    }
}

/// A registry with so many devices under lease, and one that is free.
fn registry(live: usize) -> Registry {
    let (now, mut out) = (Moment::default(), Effects::default());
    let mut registry = Registry::restore(Saved::new(1), now, &mut out);
    let sightings = (0..=live).map(|number| Sighting {
        platform: "ios".to_owned(),
        hardware_id: number.to_string(),
        aliases: Vec::new(),
        pools: vec![label("ios")],
    });
    let wrong = registry.discover(&label("simctl"), sightings.collect(), now, &mut out);
    assert!(wrong.is_empty());
    for number in 0..live {
        let principal = Principal::new(&format!("agent-{}", number % 1000)).expect("a name");
        let ask = ask(number, &principal, &format!("ios:{number}"));
        registry
            .allocate(ask, Sight::Own, now, &mut out)
            .expect("it is free");
        registry
            .handed_over(id(number), now, &mut out)
            .expect("it is being handed over");
    }
    registry
}

fn cycle(c: &mut Criterion) {
    let mut group = c.benchmark_group("allocate, grant, renew, release, free");
    group.throughput(Throughput::Elements(1));
    for live in [0, 1000, 100_000] {
        let mut registry = registry(live);
        let device = format!("ios:{live}");
        let key = DeviceKey::from_store(&device).expect("a key");
        let principal = Principal::new("ann").expect("a name");
        let (mut out, mut number) = (Effects::default(), live);
        group.bench_function(format!("beside {live}"), |bench| {
            bench.iter(|| {
                number += 1;
                let now = Moment::new(Duration::from_nanos(number as u64));
                let id = id(number);
                let ask = ask(number, &principal, &device);
                registry
                    .allocate(ask, Sight::Own, now, &mut out)
                    .expect("it is free");
                registry
                    .handed_over(id, now, &mut out)
                    .expect("it is being handed over");
                registry
                    .renew(&principal, id, now, &mut out)
                    .expect("it is held");
                registry
                    .release(&principal, id, now, &mut out)
                    .expect("it is held");
                let Some(Event::TearDown { token, .. }) = out
                    .events
                    .iter()
                    .find(|event| matches!(event, Event::TearDown { .. }))
                else {
                    unreachable!("a release tears down")
                };
                assert!(registry.torn_down(&key, *token, now, &mut out));
                out.events.clear();
                out.records.clear();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cycle);
criterion_main!(benches);

//! One device is one key, however it is called and whoever lists it.

use hostler_lease::{
    Condition, EndCause, Label, MAX_ALIASES, MAX_DEVICES, MAX_POOLS, Refused, Sight, Sighting,
    SightingError,
};

use crate::world::{AskExt, World, ask, key, label, principal, secs, sighting};

const PIXEL: &str = "android:emulator-5554";

fn condition(world: &World, device: &str) -> Option<Condition> {
    let status = world
        .registry
        .device(&key(device), &principal("x"), Sight::Own, world.now);
    status.map(|status| status.condition)
}

#[test]
fn a_device_is_leased_once_whatever_spelling_alias_backend_or_provider_is_asked_for() {
    let mut world = World::with(&[]);
    world.sight("adb", vec![sighting(PIXEL, &["Pixel 10"], &["android"])]);
    // Another provider lists the same hardware in another case and by another name.
    let mut other = sighting("android:EMULATOR-5554", &["Lab phone"], &["lab"]);
    other.platform = "android".to_owned();
    world.sight("cloud", vec![other]);
    assert_eq!(world.registry.devices().count(), 1);

    world.allocate(ask(1, "ann", "pixel 10")).unwrap();
    let names = [
        PIXEL,
        "ANDROID:Emulator-5554",
        "EMULATOR-5554",
        "PIXEL 10",
        "lab PHONE",
    ];
    for (number, name) in (10..).zip(names) {
        let mut ask = ask(number, "bob", name);
        ask.scope.backend = Some(label(&format!("backend-{number}")));
        ask.scope.policy = Some(label(&format!("policy-{number}")));
        ask.scope.tenant = Some(label(&format!("tenant-{number}")));
        assert_eq!(world.refused(ask), "DEVICE_LEASE_BUSY", "{name}");
    }
    for (number, pool) in (20..).zip(["android", "LAB"]) {
        let choice = hostler_lease::Choice::Pool(label(pool));
        assert_eq!(
            world.refused(ask(number, "bob", "-").any_of(vec![choice])),
            "DEVICE_LEASE_BUSY"
        );
    }
}

#[test]
fn what_nobody_discovered_is_an_error_and_never_a_new_key() {
    let mut world = World::with(&[PIXEL]);
    for name in [
        "android:emulator-5556",
        "emulator",
        "android:",
        "android:emulator-5554 ",
    ] {
        assert_eq!(
            world.refused(ask(1, "ann", name)),
            "DEVICE_UNKNOWN",
            "{name}"
        );
    }
    let pool = hostler_lease::Choice::Pool(label("ios"));
    assert_eq!(
        world.refused(ask(1, "ann", "-").any_of(vec![pool])),
        "POOL_UNKNOWN"
    );
    assert_eq!(world.registry.devices().count(), 1);
    assert_eq!(world.registry.all_leases().count(), 0);
}

#[test]
fn a_name_of_several_devices_is_an_error_that_lists_them() {
    let mut world = World::with(&[]);
    let both = ["ios:a", "ios:b"].map(|device| sighting(device, &["iPhone"], &[]));
    world.sight("simctl", both.to_vec());
    let error = world.allocate(ask(1, "ann", "iphone")).unwrap_err();
    assert!(matches!(error, Refused::Ambiguous { .. }));
    assert_eq!(
        error.to_string(),
        "\"iphone\" could be ios:a or ios:b; use a key"
    );
    world.allocate(ask(2, "ann", "ios:b")).unwrap();
}

#[test]
fn an_alias_cannot_take_the_key_of_another_device() {
    let mut world = World::with(&[]);
    world.sight("good", vec![sighting("ios:a", &[], &[])]);
    world.sight("bad", vec![sighting("ios:b", &["ios:a"], &[])]);
    assert_eq!(world.registry.find(&label("IOS:A")).unwrap(), key("ios:a"));
}

#[test]
fn names_and_pools_go_with_the_provider_that_gave_them() {
    let mut world = World::with(&[]);
    world.sight("one", vec![sighting(PIXEL, &["first"], &["red"])]);
    world.sight("two", vec![sighting(PIXEL, &["second"], &["blue"])]);
    world.sight("one", vec![]);
    assert!(world.registry.find(&label("first")).is_err());
    assert!(world.registry.find(&label("second")).is_ok());
    let pool = |name| vec![hostler_lease::Choice::Pool(label(name))];
    assert_eq!(
        world.refused(ask(1, "ann", "-").any_of(pool("red"))),
        "POOL_UNKNOWN"
    );
    world
        .allocate(ask(2, "ann", "-").any_of(pool("blue")))
        .unwrap();
}

#[test]
fn a_device_is_lost_when_no_provider_sees_it_and_its_lease_ends() {
    let mut world = World::with(&[PIXEL]);
    world.sight("second", vec![sighting(PIXEL, &[], &[])]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.discover(&[]);
    assert_eq!(world.end_of(1), None, "the second provider still sees it");
    world.tears_down = false;
    world.sight("second", vec![]);
    assert_eq!(world.end_of(1), Some(EndCause::DeviceLost));
    assert_eq!(world.teardowns(), 1);
    assert_eq!(world.renew(1, "ann").unwrap_err().code(), "DEVICE_LOST");
    let token = world.tokens(PIXEL)[0];
    world.run(|registry, now, out| registry.torn_down(&key(PIXEL), token, now, out));
    assert_eq!(condition(&world, PIXEL), None, "it is forgotten");
}

#[test]
fn who_waits_for_a_lost_device_is_served_when_it_is_back() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.run(|registry, now, out| registry.lost(&key(PIXEL), now, out));
    assert_eq!(world.granted(), [1]);
    assert_eq!(condition(&world, PIXEL), Some(Condition::Absent));
    world.pass(secs(30));
    world.discover(&[PIXEL]);
    assert_eq!(world.granted(), [1, 2]);
}

#[test]
fn a_sighting_that_makes_no_sense_hurts_no_other() {
    let mut world = World::with(&[]);
    let mut bad = sighting("ios:a", &[], &[]);
    bad.hardware_id = "two words".to_owned();
    let mut many_names = sighting("ios:b", &[], &[]);
    many_names.aliases = (0..=MAX_ALIASES).map(|n| label(&n.to_string())).collect();
    let mut many_pools = sighting("ios:c", &[], &[]);
    many_pools.pools = (0..=MAX_POOLS).map(|n| label(&n.to_string())).collect();
    let good = sighting("ios:d", &[], &[]);
    let wrong = world.run(|registry, now, out| {
        let all = vec![bad, many_names, many_pools, good];
        registry.discover(&label("simctl"), all, now, out)
    });
    assert!(matches!(
        wrong[..],
        [
            SightingError::HardwareId(_),
            SightingError::Aliases(_),
            SightingError::Pools(_)
        ]
    ));
    assert_eq!(world.registry.devices().count(), 1);
}

#[test]
fn a_device_that_is_suddenly_listed_badly_is_not_lost() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    let mut bad = sighting(PIXEL, &[], &[]);
    bad.aliases = (0..=MAX_ALIASES).map(|n| label(&n.to_string())).collect();
    let wrong =
        world.run(|registry, now, out| registry.discover(&label("test"), vec![bad], now, out));
    assert!(matches!(wrong[..], [SightingError::Aliases(_)]));
    world.renew(1, "ann").unwrap();
}

#[test]
fn a_provider_cannot_fill_the_memory_with_devices() {
    let mut world = World::with(&["ios:real"]);
    let flood = |n: usize| Sighting {
        platform: "x".to_owned(),
        hardware_id: n.to_string(),
        aliases: Vec::<Label>::new(),
        pools: Vec::new(),
    };
    let wrong = world.run(|registry, now, out| {
        registry.discover(
            &label("bad"),
            (0..MAX_DEVICES + 5).map(flood).collect(),
            now,
            out,
        )
    });
    assert_eq!(wrong.len(), 6);
    assert_eq!(world.registry.devices().count(), MAX_DEVICES);
    world.allocate(ask(1, "ann", "ios:real")).unwrap();
}

//! Whose lease is whose, and what others may know of it.

use hostler_lease::{
    Busy, Choice, ENDED_KEPT, EndCause, Holder, MAX_LEASES_PER_PRINCIPAL, Refused, Sight, Status,
    Want,
};

use crate::world::{AskExt, World, ask, key, label, lease_id, principal, secs};

const PIXEL: &str = "android:pixel";
const IPHONE: &str = "ios:iphone";

#[test]
fn a_lease_is_used_by_principal_and_id_together_and_a_wrong_one_tells_nothing() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    let others = [(1, "bob"), (2, "ann"), (2, "bob"), (1, "ann/session:1")];
    for (number, who) in others {
        let (who, id) = (principal(who), lease_id(number));
        let unknown = Err(Refused::LeaseUnknown);
        assert_eq!(world.registry.status(&who, id), unknown);
        assert_eq!(world.registry.scope(&who, id), Err(Refused::LeaseUnknown));
        assert_eq!(
            world.renew(number, who.as_str()),
            Err(Refused::LeaseUnknown)
        );
        assert_eq!(
            world.begin(number, who.as_str(), 1),
            Err(Refused::LeaseUnknown)
        );
        assert_eq!(
            world.release(number, who.as_str()),
            Err(Refused::LeaseUnknown)
        );
    }
    world.renew(1, "ann").unwrap();
}

#[test]
fn the_same_principal_without_the_id_is_busy_also_with_the_same_labels() {
    let mut world = World::with(&[PIXEL]);
    let with_labels = |number| {
        let mut ask = ask(number, "ann", PIXEL);
        ask.scope.client = Some(label("the-same-client"));
        ask.scope.run = Some(label("the-same-run"));
        ask
    };
    world.allocate(with_labels(1)).unwrap();
    assert_eq!(world.refused(with_labels(2)), "DEVICE_LEASE_BUSY");
    assert_eq!(world.refused(with_labels(1)), "LEASE_ID_IN_USE");
    world.renew(1, "ann").unwrap();
}

#[test]
fn an_implicit_lease_belongs_to_the_token_and_the_session_of_its_surface() {
    let mut world = World::with(&[PIXEL, IPHONE]);
    world
        .allocate(ask(1, "ann", PIXEL).implicit("laptop", "default"))
        .unwrap();
    let found = |world: &World, [who, token, surface, session]: [&str; 4]| {
        let (token, surface, session) = (label(token), label(surface), label(session));
        let registry = &world.registry;
        registry.implicit(&principal(who), &token, &surface, &session)
    };
    let own = ["ann", "laptop", "chat", "default"];
    assert_eq!(found(&world, own), Some(lease_id(1)));
    for others in [
        ["ann", "laptop", "chat", "other"],
        ["ann", "laptop", "mail", "default"],
        ["ann", "desktop", "chat", "default"],
        ["bob", "laptop", "chat", "default"],
    ] {
        assert_eq!(found(&world, others), None);
    }
    let again = ask(2, "ann", IPHONE).implicit("laptop", "default");
    assert_eq!(world.refused(again), "LEASE_SESSION_MISMATCH");
    let elsewhere = ask(3, "ann", PIXEL).implicit("desktop", "default");
    assert_eq!(world.refused(elsewhere), "DEVICE_LEASE_BUSY");
    world.release(1, "ann").unwrap();
    assert_eq!(found(&world, own), None);
}

#[test]
fn an_implicit_caller_never_gets_a_device_under_an_explicit_lease() {
    let mut world = World::with(&[PIXEL]);
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    for (number, who) in [(2, "ann"), (3, "bob")] {
        let implicit = ask(number, who, PIXEL).implicit("t", "default");
        assert_eq!(world.refused(implicit), "DEVICE_LEASE_BUSY");
    }
    assert_eq!(world.granted(), [1]);
}

fn busy(world: &mut World, number: u64, who: &str, sight: Sight) -> Busy {
    let asked = ask(number, who, PIXEL);
    let refused = world.run(|registry, now, out| registry.allocate(asked, sight, now, out));
    match refused {
        Err(Refused::Busy(busy)) => *busy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn busy_says_who_until_when_since_when_idle_and_how_many_wait() {
    let mut world = World::with(&[PIXEL]);
    let mut first = ask(1, "ann/session:7", PIXEL);
    first.scope.client = Some(label("agent"));
    world.allocate(first).unwrap();
    world.allocate(ask(2, "bob", PIXEL).waits(600)).unwrap();
    world.pass(secs(10));
    world.begin(1, "ann/session:7", 5).unwrap();
    world.pass(secs(2));
    assert_eq!(
        busy(&mut world, 3, "carol", Sight::All)
            .device
            .unwrap()
            .idle_for,
        None
    );
    world.end(1);
    world.pass(secs(20));
    world.renew(1, "ann/session:7").unwrap();
    world.pass(secs(3));

    let all = busy(&mut world, 3, "carol", Sight::All);
    let device = all.device.clone().unwrap();
    let holder = Holder {
        principal: principal("ann/session:7"),
        session: label("default"),
        client: Some(label("agent")),
    };
    assert_eq!(device.holder, Some(holder));
    assert_eq!(device.ends_in, Some(secs(57)));
    assert_eq!(device.idle_for, Some(secs(23)), "a renewal is no use");
    assert_eq!(all.waiting, 1);
    assert_eq!(
        all.to_string(),
        "android:pixel is held by ann/session:7 (session \"default\"), ends in 57s if not \
         renewed, idle for 23s, 1 waiting; ask again, or ask to wait"
    );

    let hidden = busy(&mut world, 3, "carol", Sight::Own);
    assert!(!hidden.to_string().contains("ann"), "{hidden}");
    assert!(
        hidden.to_string().contains("held by somebody else"),
        "{hidden}"
    );
    let own = busy(&mut world, 3, "ann", Sight::Own);
    assert!(
        own.to_string().contains("ann/session:7"),
        "P sees its sessions: {own}"
    );
    let other = busy(&mut world, 3, "ann/session:8", Sight::Own);
    assert!(
        other.device.unwrap().holder.is_none(),
        "sessions do not see each other"
    );
}

#[test]
fn a_principal_sees_and_frees_the_leases_of_its_sessions_and_not_its_own_without_the_id() {
    let mut world = World::with(&[PIXEL, IPHONE, "ios:third"]);
    world.allocate(ask(1, "ann/session:7", PIXEL)).unwrap();
    world.allocate(ask(2, "ann", IPHONE)).unwrap();
    world.allocate(ask(3, "anna", "ios:third")).unwrap();
    let seen: Vec<_> = world.registry.leases_of(&principal("ann")).collect();
    let whose: Vec<_> = seen.iter().map(|lease| lease.principal.as_str()).collect();
    assert_eq!(whose, ["ann", "ann/session:7"]);
    assert!(matches!(seen[0].status, Status::Held { .. }));
    assert_eq!(world.registry.all_leases().count(), 3);

    let mut free = |who: &str, device: &str| {
        let done = world.run(|registry, now, out| {
            registry.release_of_session(&principal(who), &key(device), now, out)
        });
        done.map_err(|error| error.code())
    };
    for who in ["bob", "ann/session:7", "ann/session:8"] {
        assert_eq!(free(who, PIXEL), Err("NOT_YOUR_SESSION"), "{who}");
    }
    assert_eq!(free("ann", IPHONE), Err("NOT_YOUR_SESSION"));
    assert_eq!(free("ann", PIXEL), Ok(()));
    assert_eq!(free("ann", PIXEL), Err("NOTHING_HELD"));
    assert_eq!(
        world.renew(1, "ann/session:7").unwrap_err().code(),
        "LEASE_REVOKED"
    );
}

#[test]
fn what_a_session_holds_or_waits_for_ends_with_it_and_nothing_else_does() {
    let mut world = World::with(&[PIXEL, IPHONE]);
    world.allocate(ask(1, "ann/session:7", PIXEL)).unwrap();
    world.allocate(ask(2, "ann", IPHONE)).unwrap();
    world
        .allocate(ask(3, "ann/session:7", IPHONE).waits(600))
        .unwrap();
    world.allocate(ask(4, "bob", PIXEL).waits(600)).unwrap();
    let session = principal("ann/session:7");
    world.run(|registry, now, out| registry.end_principal(&session, now, out));
    assert_eq!(world.end_of(1), Some(EndCause::PrincipalEnded));
    assert_eq!(world.end_of(3), Some(EndCause::PrincipalEnded));
    assert_eq!(world.granted(), [1, 2, 4]);
    let ann = principal("ann");
    world.run(|registry, now, out| registry.end_principal(&ann, now, out));
    assert_eq!(world.end_of(2), Some(EndCause::PrincipalEnded));
}

#[test]
fn an_operator_frees_a_device_and_the_holder_hears_it() {
    let mut world = World::with(&[PIXEL]);
    let force = |world: &mut World| {
        world.run(|registry, now, out| registry.force_release(&key(PIXEL), now, out))
    };
    assert_eq!(force(&mut world), Err(Refused::NothingHeld(key(PIXEL))));
    world.allocate(ask(1, "ann", PIXEL)).unwrap();
    world.begin(1, "ann", 600).unwrap();
    force(&mut world).unwrap();
    assert_eq!(world.end_of(1), Some(EndCause::Forced));
    assert_eq!(world.teardowns(), 1);
    let late = world.begin(1, "ann", 1).unwrap_err();
    assert_eq!(late.code(), "LEASE_REVOKED");
    assert!(late.to_string().contains("by an operator"), "{late}");
    assert_eq!(
        world.begin(1, "bob", 1),
        Err(Refused::LeaseUnknown),
        "only its holder hears"
    );
}

#[test]
fn ends_are_remembered_up_to_a_bound() {
    let mut world = World::with(&[PIXEL]);
    let ends = ENDED_KEPT as u64 + 1;
    for number in 1..=ends {
        world.allocate(ask(number, "ann", PIXEL)).unwrap();
        world
            .run(|registry, now, out| registry.force_release(&key(PIXEL), now, out))
            .unwrap();
    }
    assert_eq!(world.renew(1, "ann"), Err(Refused::LeaseUnknown));
    assert_eq!(world.renew(2, "ann").unwrap_err().code(), "LEASE_REVOKED");
    assert_eq!(world.refused(ask(ends, "ann", PIXEL)), "LEASE_ID_IN_USE");
}

#[test]
fn a_principal_holds_and_waits_for_a_bounded_number() {
    let devices: Vec<String> = (0..=MAX_LEASES_PER_PRINCIPAL)
        .map(|number| format!("ios:{number}"))
        .collect();
    let names: Vec<&str> = devices.iter().map(String::as_str).collect();
    let mut world = World::with(&names);
    for (number, name) in (1..).zip(&names[1..]) {
        world.allocate(ask(number, "ann", name)).unwrap();
    }
    assert_eq!(
        world.refused(ask(5000, "ann", names[0])),
        "LEASE_CAPACITY_EXCEEDED"
    );
    world.allocate(ask(5001, "bob", names[0])).unwrap();
}

#[test]
fn busy_of_several_tells_the_one_that_may_be_free_soonest() {
    let mut world = World::with(&[PIXEL, "ios:iphone", "ios:ipad"]);
    for (number, device, ttl) in [
        (1, PIXEL, 3600),
        (2, "ios:iphone", 100),
        (3, "ios:ipad", 200),
    ] {
        world
            .allocate(ask(number, "ann", device).lives(ttl))
            .unwrap();
    }
    let tells = |world: &mut World, wants: Vec<Choice>| {
        let asked = ask(9, "bob", "-").any_of(wants);
        let refused =
            world.run(|registry, now, out| registry.allocate(asked, Sight::All, now, out));
        match refused {
            Err(Refused::Busy(busy)) => *busy,
            other => panic!("{other:?}"),
        }
    };
    let all = || vec![Choice::Pool(label("all"))];
    let busy = tells(&mut world, all());
    assert_eq!(busy.wants, [Want::Pool(label("all"))]);
    let device = busy.device.clone().unwrap();
    assert_eq!(device.key, key("ios:iphone"));
    assert_eq!(device.ends_in, Some(secs(100)));
    let said = busy.to_string();
    let begins = "no device of @all is free; the next could be this one: ios:iphone is held by ann";
    assert!(said.starts_with(begins), "{said}");
    let two = vec![
        Choice::Device(label(PIXEL)),
        Choice::Device(label("ios:ipad")),
    ];
    let busy = tells(&mut world, two);
    assert_eq!(busy.wants.len(), 2);
    assert_eq!(busy.device.unwrap().key, key("ios:ipad"));
    // What is being freed is sooner than what is held.
    world.tears_down = false;
    world.release(1, "ann").unwrap();
    let busy = tells(&mut world, all());
    assert_eq!(busy.device.unwrap().key, key(PIXEL));
}

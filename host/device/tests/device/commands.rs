//! Running commands on the device of a lease.

use std::{sync::Arc, time::Duration};

use hostler_device::query::{Condition, Element};
use hostler_provider::{Act, Answer, Call, DeviceError, Target, Wish};
use tokio::time::Instant;

use crate::script::{Does, Rules, Scripted, TTL};
use crate::store::Memory;
use crate::world::{LIMIT, OPENED_AGAIN, World, code, device, session, tap, wait, who};

#[tokio::test(start_paused = true)]
async fn a_stale_holder_reaches_no_device() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let stale = world.hold(&ann, device("tab-1")).await.unwrap();
    // It was stopped, and its time is over.
    tokio::time::sleep(TTL).await;
    let current = world.hold(&bob, device("tab-1")).await.unwrap();
    let before = world.log();
    assert_eq!(code(world.tap(&ann, stale.id).await), "LEASE_EXPIRED");
    assert_eq!(code(world.devices.renew(&ann, stale.id)), "LEASE_EXPIRED");
    assert_eq!(
        code(world.devices.release(&ann, stale.id).await),
        "LEASE_EXPIRED"
    );
    assert_eq!(world.log(), before);
    world.tap(&bob, current.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_hangs_at_expiry_is_preempted_and_the_next_is_served() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let waiting = world.ask(&bob, wait("tab-1", 3600)).await.unwrap();
    world.provider.now().calls = Does::Hangs;
    let began = Instant::now();
    let limit = TTL * 2;
    let hanging = world.devices.run(&ann, lease.id, tap(), limit);
    let served = async {
        let lease = waiting.granted().await.unwrap().keep();
        world.provider.now().calls = Does::Answers;
        world.tap(&bob, lease.id).await.unwrap();
        began.elapsed()
    };
    let (refused, served) = tokio::join!(hanging, served);
    assert_eq!(code(refused), "LEASE_EXPIRED");
    // It had renewed to its own deadline, and no longer.
    assert!(
        (limit..limit + Duration::from_secs(1)).contains(&served),
        "{served:?}"
    );
    assert_eq!(world.log(), OPENED_AGAIN);
    world.check();
}

#[tokio::test(start_paused = true)]
async fn a_running_command_keeps_the_lease_to_its_own_deadline() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().calls = Does::Takes(TTL * 3);
    world
        .devices
        .run(&ann, lease.id, tap(), TTL * 4)
        .await
        .unwrap();
    // And its full time after that.
    tokio::time::sleep(TTL - Duration::from_secs(1)).await;
    world.devices.renew(&ann, lease.id).unwrap();
}

#[tokio::test(start_paused = true)]
async fn commands_of_a_device_run_one_after_the_other_in_their_order() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let ann = who("ann");
    let one = world.hold(&ann, device("tab-1")).await.unwrap();
    let two = world.hold(&ann, device("tab-2")).await.unwrap();
    world.provider.now().calls = Does::Takes(Duration::from_secs(1));
    let began = Instant::now();
    let run = |id, call| world.devices.run(&ann, id, call, LIMIT);
    let (a, b, c, d) = tokio::join!(
        run(one.id, Call::Screen),
        run(one.id, Call::Apps),
        run(one.id, Call::Frame),
        run(two.id, Call::Clipboard),
    );
    assert!([a, b, c, d].iter().all(Result::is_ok));
    assert_eq!(began.elapsed().as_secs(), 3);
    let log = world.log();
    let of_one: Vec<_> = log.iter().filter(|it| it.ends_with("tab-1")).collect();
    assert_eq!(
        of_one,
        ["open tab-1", "screen tab-1", "apps tab-1", "frame tab-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_commands_at_once_are_refused_and_the_others_run() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().calls = Does::Takes(Duration::from_millis(10));
    let all = (0..hostler_device::MAX_COMMANDS_WAITING + 10).map(|_| world.tap(&ann, lease.id));
    let answers = futures_util::future::join_all(all).await;
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!((9..=10).contains(&refused.len()), "{}", refused.len());
    assert!(refused.iter().all(|it| it.code() == "COMMANDS_FULL"));
    world.tap(&ann, lease.id).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_get_its_turn_in_time_is_told_so_and_never_runs() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().calls = Does::Takes(Duration::from_secs(20));
    let began = Instant::now();
    let short = async {
        let short = Duration::from_secs(3);
        let refused = world.devices.run(&ann, lease.id, Call::Frame, short).await;
        (code(refused), began.elapsed() < short * 2)
    };
    let long = world.devices.run(&ann, lease.id, Call::Apps, LIMIT * 3);
    let (long, short) = tokio::join!(long, short);
    long.unwrap();
    assert_eq!(short, ("COMMAND_WAITED", true));
    world.provider.now().calls = Does::Answers;
    world.tap(&ann, lease.id).await.unwrap();
    assert_eq!(world.log(), ["open tab-1", "apps tab-1", "act tab-1"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_before_its_turn_is_not_run_and_what_has_begun_ends() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().calls = Does::Takes(Duration::from_secs(2));
    let short = Duration::from_millis(100);
    let begun = world.devices.run(&ann, lease.id, Call::Apps, LIMIT);
    let waits = world.devices.run(&ann, lease.id, Call::Frame, LIMIT);
    let both = async { tokio::join!(begun, waits) };
    assert!(tokio::time::timeout(short, both).await.is_err());
    world.tap(&ann, lease.id).await.unwrap();
    assert_eq!(world.log(), ["open tab-1", "apps tab-1", "act tab-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_looks_and_does_not_touch_and_ends_with_the_holder() {
    let world = World::new(&["tab-1"]).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let reader = || Wish {
        reader: true,
        ..device("tab-1")
    };
    assert_eq!(code(world.hold(&bob, reader()).await), "NOBODY_HOLDS");
    let holder = world.hold(&ann, device("tab-1")).await.unwrap();
    let lease = world.hold(&bob, reader()).await.unwrap();
    assert_eq!(lease.token, holder.token);
    assert_eq!(
        code(world.hold(&who("eve"), reader()).await),
        "READERS_FULL"
    );
    let look = world
        .devices
        .run(&bob, lease.id, Call::Snapshot, LIMIT)
        .await;
    assert!(matches!(look, Ok(Answer::Tree(_))));
    let before = world.log();
    assert_eq!(code(world.tap(&bob, lease.id).await), "READER_ONLY");
    assert_eq!(world.log(), before);
    world.devices.release(&ann, holder.id).await.unwrap();
    assert_eq!(code(world.tap(&bob, lease.id).await), "LEASE_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_asked_about_each_command() {
    let rules = Rules {
        denies: vec!["native"],
        ..Rules::default()
    };
    let world = World::with(Memory::new(), Scripted::new("one", &["tab-1"]), rules).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let native = Call::Native {
        method: "m".to_owned(),
        params: "{}".to_owned(),
    };
    assert_eq!(
        code(world.devices.run(&ann, lease.id, native, LIMIT).await),
        "POLICY_DENIED"
    );
    world.tap(&ann, lease.id).await.unwrap();
    world.devices.remove_policy("rules");
    assert_eq!(code(world.tap(&ann, lease.id).await), "POLICY_UNKNOWN");
    assert_eq!(world.log(), ["open tab-1", "act tab-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_into_a_field_for_secrets_leaves_the_service_in_no_answer() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    world.provider.now().typed = Some("s3cret".to_owned());
    let answer = world
        .devices
        .run(&ann, lease.id, Call::Snapshot, LIMIT)
        .await;
    let looked = world.devices.look(&ann, lease.id, LIMIT).await.unwrap();
    let kept = world.devices.snapshot(&ann, lease.id).unwrap();
    assert_eq!(kept.as_ref(), Some(&looked));
    let all = format!("{answer:?} {looked:?} {kept:?}");
    assert!(all.contains("Sign in") && !all.contains("s3cret"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_ref_that_is_not_of_the_latest_snapshot_is_stale() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let run = |call| world.devices.run(&ann, lease.id, call, LIMIT);
    let tap = |number| run(Call::Act(Target::Ref(number), Act::Tap(1)));
    assert_eq!(code(tap(1).await), "STALE_REF");
    assert_eq!(
        code(world.devices.aim(&ann, lease.id, "@e1", LIMIT).await),
        "STALE_REF"
    );

    run(Call::Snapshot).await.unwrap();
    tap(1).await.unwrap();
    let aimed = world
        .devices
        .aim(&ann, lease.id, "role=button", LIMIT)
        .await;
    assert_eq!(aimed, Ok(Target::Ref(4)));
    tap(4).await.unwrap();
    // Of the snapshot before.
    assert_eq!(code(tap(2).await), "STALE_REF");
    assert_eq!(
        code(world.devices.aim(&ann, lease.id, "@e2", LIMIT).await),
        "STALE_REF"
    );

    // The session ends and is opened again: refs go on above.
    world.provider.now().calls = Does::Fails(DeviceError::Broken("trap".to_owned()));
    assert_eq!(code(tap(4).await), "PROVIDER_FAILED");
    world.provider.now().calls = Does::Answers;
    assert_eq!(code(tap(4).await), "STALE_REF");
    let snapshot = world.devices.look(&ann, lease.id, LIMIT).await.unwrap();
    assert_eq!(snapshot.tree().nodes[0].number, 5);
    tap(5).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_looked_for_until_it_holds_or_time_is_over() {
    let world = World::new(&["tab-1"]).await;
    let ann = who("ann");
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let wait = |text, condition| {
        let element = Element::parse(text).unwrap();
        let devices = world.devices.clone();
        let ann = ann.clone();
        async move {
            devices
                .wait_for(&ann, lease.id, &element, &condition, LIMIT)
                .await
        }
    };
    wait("role=button", Condition::Exists).await.unwrap();
    wait("role=dialog", Condition::Hidden).await.unwrap();
    let began = Instant::now();
    assert_eq!(
        code(wait("role=dialog", Condition::Exists).await),
        "TIMED_OUT"
    );
    assert_eq!(began.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_session_without_lease_calls_has_one_lease_and_keeps_it() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let ann = who("ann");
    let ask = |name: &'static str, wish| {
        let devices = world.devices.clone();
        let ann = ann.clone();
        async move {
            devices
                .implicit(&ann, &session(name), wish, None)
                .await?
                .granted()
                .await
        }
    };
    let (first, second) = tokio::join!(ask("a", Wish::default()), ask("a", Wish::default()));
    let (first, second) = (first.unwrap().keep(), second.unwrap().keep());
    assert_eq!(first.id, second.id);
    world.tap(&ann, first.id).await.unwrap();
    // Dropping a ticket of a lease that is used frees nothing.
    drop(ask("a", device("tab-1")).await.unwrap());
    assert_eq!(world.devices.implicit_held(&ann, "a"), Some(first.id));
    assert_eq!(
        code(ask("a", device("tab-2")).await),
        "LEASE_SESSION_MISMATCH"
    );
    let other = ask("b", Wish::default()).await.unwrap().keep();
    assert_eq!(other.key.as_str(), "web:tab-2");
    assert_eq!(world.devices.implicit_held(&who("bob"), "a"), None);
    // Idle, it ends.
    tokio::time::sleep(TTL + Duration::from_secs(1)).await;
    assert_eq!(world.devices.implicit_held(&ann, "a"), None);
}

#[tokio::test(start_paused = true)]
async fn what_a_harness_session_leased_ends_with_it() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    let (session, parent) = (who("ann/session:1"), who("ann"));
    let lease = world.hold(&session, device("tab-1")).await.unwrap();
    let own = world.hold(&parent, device("tab-2")).await.unwrap();
    assert_eq!(world.devices.leases(&parent, false).unwrap().len(), 2);
    assert_eq!(world.devices.leases(&session, false).unwrap().len(), 1);
    assert_eq!(code(world.devices.leases(&parent, true)), "ADMIN_ONLY");
    world.devices.end_principal(&session.principal);
    assert_eq!(code(world.tap(&session, lease.id).await), "LEASE_EXPIRED");
    world.tap(&parent, own.id).await.unwrap();
    // And the parent may free what one holds.
    world.hold(&session, device("tab-1")).await.unwrap();
    world.devices.force_release(&parent, "tab-1").await.unwrap();
    assert_eq!(world.devices.leases(&session, false).unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn bad_input_is_refused_with_a_code() {
    let world = World::new(&["tab-1", "tab-2"]).await;
    world.provider.now().devices[1].aliases = vec!["alias-tab-1".to_owned()];
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.devices.devices(&who("ann"), true).await;
    let ann = who("ann");
    let ttl = |seconds| Wish {
        ttl: Some(Duration::from_secs(seconds)),
        ..device("tab-1")
    };
    let platform = Wish {
        platform: Some("ios".to_owned()),
        ..device("tab-1")
    };
    let many = Wish {
        choices: vec![hostler_provider::Choice::Pool("web".to_owned()); 9],
        ..Wish::default()
    };
    for (wish, expected) in [
        (device("nothing"), "DEVICE_UNKNOWN"),
        (device(""), "INVALID_ARGS"),
        (device(&"x".repeat(100_000)), "INVALID_ARGS"),
        (device("alias-tab-1"), "DEVICE_AMBIGUOUS"),
        (ttl(1), "TTL_OUT_OF_RANGE"),
        (ttl(1_000_000), "TTL_OUT_OF_RANGE"),
        (wait("tab-1", 0), "WAIT_OUT_OF_RANGE"),
        (wait("tab-1", 1_000_000), "WAIT_OUT_OF_RANGE"),
        (platform, "WRONG_PLATFORM"),
        (many, "INVALID_ARGS"),
    ] {
        let refused = world.hold(&ann, wish).await.unwrap_err();
        assert_eq!(refused.code(), expected);
        assert!(refused.to_string().len() < 400, "{refused}");
    }
    // The second is there, and not for requests to name.
    world.devices.set_policy(Arc::new(Rules {
        id: "unlisted",
        ..Rules::default()
    }));
    for policy in ["none", "unlisted"] {
        let refused = world
            .devices
            .allocate(&ann, &session("s"), device("tab-1"), Some(policy))
            .await;
        assert_eq!(code(refused), "POLICY_UNKNOWN");
    }
    let lease = world.hold(&ann, device("tab-1")).await.unwrap();
    let long = world
        .devices
        .run(&ann, lease.id, tap(), Duration::from_secs(100_000))
        .await;
    assert_eq!(code(long), "COMMAND_TOO_LONG");
    let none = world
        .devices
        .run(&ann, lease.id, tap(), Duration::ZERO)
        .await;
    assert_eq!(code(none), "COMMAND_WAITED");
}

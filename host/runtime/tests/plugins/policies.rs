//! Lease policies: whatever one does, nobody gets a lease by it, and nobody
//! waits for long.

use std::time::Duration;

use hostler_provider::{Caller, Candidate, Choice, HandOver, Policy as _, PolicyError, Wish};
use hostler_runtime::World;
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::support::{Host, POLICY};

pub(crate) fn trials() -> Vec<Trial> {
    let need = POLICY;
    vec![
        trial("a_policy_answers_every_question", need, answers),
        trial("a_policy_that_loops_denies", need, loops),
        trial("a_policy_that_traps_denies", need, traps),
        trial("a_policy_that_says_no_or_nothing_denies", need, says_no),
        trial("nonsense_from_a_policy_denies", need, nonsense),
        trial("each_question_has_a_fresh_instance", need, fresh),
    ]
}

fn caller(session: &str) -> Caller {
    Caller {
        principal: "anna".into(),
        session: session.into(),
        tenant: None,
        run: None,
        client: None,
        backend: None,
        implicit: false,
    }
}

fn device(name: &str, free: bool) -> Candidate {
    Candidate {
        key: format!("scripted:{name}"),
        name: name.into(),
        platform: "scripted".into(),
        kind: "emulator".into(),
        pools: vec!["all".into()],
        free,
    }
}

fn failed<T: std::fmt::Debug>(outcome: Result<T, PolicyError>) -> String {
    match outcome {
        Err(error @ PolicyError::Failed(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn answers() {
    let host = Host::new();
    let plugin = host.guest("policy", "").await;
    assert_eq!(plugin.world(), World::LeasePolicy);
    assert_eq!(plugin.describe().await.unwrap().title, "Scripted");
    let policy = host.policy("").await;
    let (anna, wish) = (caller("work"), Wish::default());
    for _ in 0..2 {
        assert_eq!(policy.needs_lease(&anna, "devices").await, Ok(true));
    }
    let implicit = Caller {
        implicit: true,
        ..anna.clone()
    };
    assert_eq!(policy.needs_lease(&implicit, "devices").await, Ok(false));
    let devices = [device("one", false), device("two", true)];
    assert_eq!(
        policy.resolve(&anna, &wish, &devices).await,
        Ok(vec![Choice::Device("scripted:two".into())])
    );
    let wish = Wish {
        ttl: Some(Duration::from_secs(7)),
        ..Wish::default()
    };
    let terms = policy.terms(&anna, &wish).await.unwrap();
    assert_eq!(terms.ttl, Duration::from_secs(7));
    assert_eq!(terms.hand_over, HandOver::Snapshot("clean".into()));
    assert_eq!(policy.admit(&anna, &devices[0], "tap").await, Ok(()));
}

async fn loops() {
    let policy = Host::new().policy("").await;
    let anna = caller("loop");
    let text = failed(policy.needs_lease(&anna, "loop").await);
    assert!(text.contains("[plugins.policy.limits] policy_"), "{text}");
    failed(policy.terms(&anna, &Wish::default()).await);
    failed(policy.resolve(&anna, &Wish::default(), &[]).await);
    failed(policy.admit(&anna, &device("x", true), "loop").await);
    assert_eq!(policy.needs_lease(&anna, "devices").await, Ok(true));
}

async fn traps() {
    let policy = Host::new().policy("limits.memory_mib = 16").await;
    let text = failed(policy.needs_lease(&caller("a"), "panic").await);
    assert!(text.contains("panicked on purpose"), "{text}");
    let text = failed(policy.terms(&caller("hoard"), &Wish::default()).await);
    assert!(text.contains("16 MiB of memory"), "{text}");
}

async fn says_no() {
    let policy = Host::new().policy("").await;
    let denied = Err(PolicyError::Denied("not on a Sunday".into()));
    for _ in 0..2 {
        let answer = policy.needs_lease(&caller("a"), "deny").await;
        assert_eq!(answer.map(drop), denied);
    }
    let (anna, one) = (caller("a"), device("one", true));
    assert_eq!(policy.admit(&anna, &one, "deny").await, denied);
    let text = failed(policy.needs_lease(&caller("a"), "shrug").await);
    assert!(text.contains("no idea"), "{text}");
}

async fn nonsense() {
    let policy = Host::new().policy("").await;
    let wish = Wish::default();
    let text = failed(policy.resolve(&caller("many"), &wish, &[]).await);
    assert!(
        text.contains("plugin policy") && text.contains("9 choices"),
        "{text}"
    );
    let text = failed(policy.resolve(&caller("long"), &wish, &[]).await);
    assert!(text.contains("256 bytes"), "{text}");
    assert!(text.len() < 300, "{} bytes", text.len());
}

async fn fresh() {
    let policy = Host::new().policy("").await;
    for seconds in 10..13 {
        let wish = Wish {
            ttl: Some(Duration::from_secs(seconds)),
            ..Wish::default()
        };
        let terms = policy.terms(&caller("a"), &wish).await.unwrap();
        assert_eq!(terms.readers, 1, "it counts the calls of its instance");
    }
}

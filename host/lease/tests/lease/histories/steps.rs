//! What may happen.

use proptest::prelude::*;

use crate::model::{DEVICES, PROVIDERS, Spelling};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Discover(usize, Vec<usize>),
    Lost(usize),
    Allocate {
        who: usize,
        choices: Vec<Spelling>,
        kind: Kind,
        ttl: u64,
        wait: Option<u64>,
        readers: usize,
    },
    Renew(By, Target),
    Begin(By, Target, u64),
    End(Target),
    Release(By, Target),
    /// To wait so long, or the full wait.
    Rejoin(By, Target, Option<u64>),
    Abandon(Target),
    HandedOver(Target),
    HandOverFailed(Target),
    /// With the token of which grant of it, counted from the newest.
    TornDown(usize, usize),
    Force(usize),
    ReleaseOfSession(usize, usize),
    EndPrincipal(usize),
    Pass(u64),
    Commit,
    /// After how many of the commands that are not committed.
    Crash(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Explicit,
    Implicit,
    Reader,
}

/// Which lease.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// One of those that have a device, if there are any.
    Held(usize),
    /// One of those whose device is being handed over, if there are any.
    HandingOver(usize),
    /// One of those that wait, if there are any.
    Waiting(usize),
    /// Whatever came of the ask, counted from the newest.
    Asked(usize),
    /// That very one.
    Number(u64),
}

/// Who uses a lease.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Owner,
    Anybody(usize),
}

fn target(held: u32, handing_over: u32, waiting: u32) -> impl Strategy<Value = Target> {
    let which = || 0..64_usize;
    prop_oneof![
        held => which().prop_map(Target::Held),
        handing_over => which().prop_map(Target::HandingOver),
        waiting => which().prop_map(Target::Waiting),
        1 => (0..12_usize).prop_map(Target::Asked),
    ]
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![8 => Just(By::Owner), 1 => (0..3_usize).prop_map(By::Anybody)]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let spelling = prop_oneof![
        4 => (0..DEVICES).prop_map(Spelling::Key),
        2 => (0..PROVIDERS, 0..DEVICES).prop_map(|(p, d)| Spelling::Alias(p, d)),
        1 => Just(Spelling::Shared),
        2 => (0..2_usize).prop_map(Spelling::Pool),
    ];
    let kind = prop_oneof![
        5 => Just(Kind::Explicit),
        1 => Just(Kind::Implicit),
        2 => Just(Kind::Reader),
    ];
    let allocate = (
        0..3_usize,
        prop::collection::vec(spelling, 1..4),
        kind,
        prop_oneof![1 => 5..60_u64, 2 => 60..600_u64],
        prop::option::weighted(0.8, prop_oneof![1 => 1..100_u64, 3 => 100..5000_u64]),
        0..3_usize,
    )
        .prop_map(|(who, choices, kind, ttl, wait, readers)| Step::Allocate {
            who,
            choices,
            kind,
            ttl,
            wait,
            readers,
        });
    let (who, device) = (0..3_usize, 0..DEVICES);
    let devices = prop::collection::vec(device.clone(), 1..8);
    let newest_token = prop_oneof![3 => Just(0_usize), 1 => 1..3_usize];
    let kept = prop_oneof![1 => 0..6_usize, 1 => Just(usize::MAX)];
    prop_oneof![
        4 => (0..PROVIDERS, devices).prop_map(|(p, d)| Step::Discover(p, d)),
        1 => device.clone().prop_map(Step::Lost),
        18 => allocate,
        4 => (by(), target(8, 1, 1)).prop_map(|(b, t)| Step::Renew(b, t)),
        4 => (by(), target(8, 1, 1), 1..900_u64).prop_map(|(b, t, s)| Step::Begin(b, t, s)),
        4 => target(8, 1, 1).prop_map(Step::End),
        8 => (by(), target(8, 1, 2)).prop_map(|(b, t)| Step::Release(b, t)),
        6 => (by(), target(1, 1, 12), prop::option::of(1..5000_u64))
            .prop_map(|(b, t, w)| Step::Rejoin(b, t, w)),
        1 => target(2, 2, 1).prop_map(Step::Abandon),
        12 => target(1, 12, 1).prop_map(Step::HandedOver),
        1 => target(1, 4, 1).prop_map(Step::HandOverFailed),
        14 => (device.clone(), newest_token).prop_map(|(d, t)| Step::TornDown(d, t)),
        1 => device.clone().prop_map(Step::Force),
        1 => (who.clone(), device).prop_map(|(w, d)| Step::ReleaseOfSession(w, d)),
        1 => who.prop_map(Step::EndPrincipal),
        6 => prop_oneof![8 => 0..30_u64, 1 => 0..1200_u64].prop_map(Step::Pass),
        6 => Just(Step::Commit),
        2 => kept.prop_map(Step::Crash),
    ]
}

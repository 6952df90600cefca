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
    /// Of whom, and which lease, counted from the newest.
    Renew(usize, usize),
    Begin(usize, usize, u64),
    End(usize),
    Release(usize, usize),
    Rejoin(usize, usize),
    Abandon(usize),
    HandedOver(usize),
    HandOverFailed(usize),
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
        5..200_u64,
        prop::option::weighted(0.7, 1..400_u64),
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
    let (who, lease, device) = (0..3_usize, 0..8_usize, 0..DEVICES);
    let devices = prop::collection::vec(device.clone(), 0..6);
    prop_oneof![
        4 => (0..PROVIDERS, devices).prop_map(|(p, d)| Step::Discover(p, d)),
        1 => device.clone().prop_map(Step::Lost),
        14 => allocate,
        4 => (who.clone(), lease.clone()).prop_map(|(w, l)| Step::Renew(w, l)),
        3 => (who.clone(), lease.clone(), 1..500_u64).prop_map(|(w, l, s)| Step::Begin(w, l, s)),
        3 => lease.clone().prop_map(Step::End),
        4 => (who.clone(), lease.clone()).prop_map(|(w, l)| Step::Release(w, l)),
        2 => (who.clone(), lease.clone()).prop_map(|(w, l)| Step::Rejoin(w, l)),
        2 => lease.clone().prop_map(Step::Abandon),
        12 => lease.clone().prop_map(Step::HandedOver),
        1 => lease.prop_map(Step::HandOverFailed),
        10 => (device.clone(), prop_oneof![5 => Just(0_usize), 1 => Just(1)])
            .prop_map(|(d, t)| Step::TornDown(d, t)),
        1 => device.clone().prop_map(Step::Force),
        1 => (who.clone(), device).prop_map(|(w, d)| Step::ReleaseOfSession(w, d)),
        1 => who.prop_map(Step::EndPrincipal),
        6 => prop_oneof![4 => 0..40_u64, 1 => 0..1200_u64].prop_map(Step::Pass),
        6 => Just(Step::Commit),
        2 => (0..6_usize).prop_map(Step::Crash),
    ]
}

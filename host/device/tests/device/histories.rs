//! Random histories through the service, with providers that fail, disks that
//! are full, and kills in between. `PROPTEST_CASES` asks for more of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::FutureExt;
use hostler_device::{Lease, LeaseStanding, Step, Ticket, Who};
use hostler_lease::{LeaseId, REJOIN_GRACE};
use hostler_provider::{Choice, DeviceError, Wish};
use proptest::prelude::*;
use tokio::time::timeout;

use crate::script::{Does, Rules, Scripted, info};
use crate::store::Memory;
use crate::world::{LIMIT, World, device, host, settle, tap, who};

const DEVICES: [&str; 3] = ["tab-0", "tab-1", "tab-2"];
const AGENTS: [&str; 4] = ["ann", "bob", "eve", "kim"];

/// Longer than any wait, lifetime and hand-over of these histories.
const EVER: Duration = Duration::from_secs(2 * 3600);

/// How long a lease lives without use: far longer than a restart keeps one that
/// nobody has used.
const LIFE: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone)]
enum Op {
    Ask {
        agent: usize,
        /// One more than there are: any of the pool.
        device: usize,
        wait: Option<u64>,
    },
    /// Of a ticket that waits.
    Leave(usize),
    Tap(usize),
    Renew(usize),
    Release(usize),
    Force(usize),
    Sleep(u64),
    Opens(Does),
    Calls(Does),
    Ends(Does),
    Full(bool),
    /// The store writes, and nobody hears of it until the host is killed.
    Silent,
    Unplug(usize),
    Plug(usize),
    Kill,
}

fn op() -> impl Strategy<Value = Op> {
    let which = 0..8_usize;
    let device = 0..=DEVICES.len();
    let wait = prop_oneof![Just(None), (1..600_u64).prop_map(Some)];
    let does = prop_oneof![
        4 => Just(Does::Answers),
        1 => Just(Does::Takes(Duration::from_secs(7))),
        1 => Just(Does::Hangs),
        1 => Just(Does::Panics),
        1 => Just(Does::Fails(DeviceError::Other("no".to_owned()))),
        1 => Just(Does::Fails(DeviceError::Lost("gone".to_owned()))),
        1 => Just(Does::Fails(DeviceError::Broken("trap".to_owned()))),
    ];
    // An end that hangs keeps its device for ever, as it must.
    let ends = prop_oneof![
        3 => Just(Does::Answers),
        1 => Just(Does::Takes(Duration::from_secs(20))),
        1 => Just(Does::Panics),
    ];
    prop_oneof![
        8 => (0..AGENTS.len(), device, wait)
            .prop_map(|(agent, device, wait)| Op::Ask { agent, device, wait }),
        1 => which.clone().prop_map(Op::Leave),
        6 => which.clone().prop_map(Op::Tap),
        1 => which.clone().prop_map(Op::Renew),
        4 => which.prop_map(Op::Release),
        1 => (0..DEVICES.len()).prop_map(Op::Force),
        3 => (1..90_u64).prop_map(Op::Sleep),
        1 => does.clone().prop_map(Op::Opens),
        1 => does.prop_map(Op::Calls),
        1 => ends.prop_map(Op::Ends),
        1 => any::<bool>().prop_map(Op::Full),
        1 => Just(Op::Silent),
        1 => (0..DEVICES.len()).prop_map(Op::Unplug),
        2 => (0..DEVICES.len()).prop_map(Op::Plug),
        1 => Just(Op::Kill),
    ]
}

/// What outlives a kill: the store, the devices, and what agents know.
struct Past {
    store: Arc<Memory>,
    provider: Arc<Scripted>,
    held: Vec<(Who, Lease)>,
    waiting: Vec<(Who, LeaseId)>,
    /// The greatest token that was granted, and under which lease.
    granted: HashMap<String, (u64, LeaseId)>,
}

struct Life {
    world: World,
    held: Vec<(Who, Lease)>,
    waiting: Vec<(Who, Ticket)>,
    granted: HashMap<String, (u64, LeaseId)>,
}

impl Life {
    async fn begin(past: Past) -> Life {
        let store = past.store;
        let world = World::with(store, past.provider, Rules::default()).await;
        let again = past.waiting.into_iter();
        let waiting = again
            .filter_map(|(who, id)| {
                let ticket = world.devices.rejoin(&who, id, None).ok()?;
                Some((who, ticket))
            })
            .collect();
        Life {
            world,
            held: past.held,
            waiting,
            granted: past.granted,
        }
    }

    /// Nothing is ended in order.
    fn killed(self) -> Past {
        let waiting = self.waiting.into_iter().map(|(who, ticket)| {
            let id = ticket.id();
            std::mem::forget(ticket);
            (who, id)
        });
        Past {
            waiting: waiting.collect(),
            store: self.world.store,
            provider: self.world.provider,
            held: self.held,
            granted: self.granted,
        }
    }

    async fn run(&mut self, op: Op) {
        let root = who("root");
        let devices = self.world.devices.clone();
        match op {
            Op::Ask {
                agent,
                device: number,
                wait,
            } => {
                let choice = DEVICES.get(number).map_or_else(
                    || Choice::Pool("web".to_owned()),
                    |name| Choice::Device((*name).to_owned()),
                );
                let wish = Wish {
                    choices: vec![choice],
                    wait: wait.map(Duration::from_secs),
                    ttl: Some(LIFE),
                    ..Wish::default()
                };
                let agent = who(AGENTS[agent]);
                if let Ok(ticket) = self.world.ask(&agent, wish).await {
                    self.waiting.push((agent, ticket));
                }
            }
            Op::Leave(which) => {
                if which < self.waiting.len() {
                    self.waiting.remove(which);
                }
            }
            Op::Tap(which) => {
                if let Some((who, lease)) = self.held.get(which) {
                    // It may fail, never hang.
                    let _ = devices.run(who, lease.id, tap(), LIMIT).await;
                }
            }
            Op::Renew(which) => {
                if let Some((who, lease)) = self.held.get(which) {
                    let _ = devices.renew(who, lease.id);
                }
            }
            Op::Release(which) => {
                if which < self.held.len() {
                    let (who, lease) = self.held.remove(which);
                    let released = timeout(LIMIT, devices.release(&who, lease.id)).await;
                    // A kill may bring back what was not durably released.
                    if !matches!(released, Ok(Ok(()))) {
                        self.held.push((who, lease));
                    }
                }
            }
            Op::Force(which) => {
                let _ = timeout(LIMIT, devices.force_release(&root, DEVICES[which])).await;
            }
            Op::Sleep(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            Op::Opens(does) => self.world.provider.now().opens = does,
            Op::Calls(does) => self.world.provider.now().calls = does,
            Op::Ends(does) => self.world.provider.now().ends = does,
            Op::Full(full) => self.world.store.set_full(full),
            Op::Silent => self.world.store.set_silent(),
            Op::Unplug(which) => {
                let name = DEVICES[which];
                let mut script = self.world.provider.now();
                script.devices.retain(|it| it.hardware_id != name);
            }
            Op::Plug(which) => plug(&self.world, DEVICES[which]),
            Op::Kill => unreachable!("a life ends with it"),
        }
        settle().await;
        self.take_granted();
        self.check();
    }

    /// Takes what the tickets brought.
    fn take_granted(&mut self) {
        let mut waiting = Vec::new();
        for (who, mut ticket) in self.waiting.drain(..) {
            let over = loop {
                match ticket.next().now_or_never() {
                    None => break false,
                    Some(Err(_)) => break true,
                    Some(Ok(Step::Granted(granted))) => {
                        let lease = granted.keep();
                        let key = lease.key.as_str().to_owned();
                        let token = lease.token.number();
                        let before = self.granted.insert(key.clone(), (token, lease.id));
                        let grew = before.is_none_or(|(greatest, of)| {
                            greatest < token || (greatest == token && of == lease.id)
                        });
                        assert!(grew, "{key} was granted with an older token");
                        self.held.push((who.clone(), lease));
                        break true;
                    }
                    Some(Ok(_)) => {}
                }
            };
            if !over {
                waiting.push((who, ticket));
            }
        }
        self.waiting = waiting;
    }

    fn check(&self) {
        self.world.check();
        let mut holders: HashMap<String, usize> = HashMap::new();
        for lease in self.world.devices.leases(&who("root"), true).unwrap() {
            if let LeaseStanding::Held { key, .. } | LeaseStanding::HandingOver { key } =
                lease.standing
            {
                *holders.entry(key.as_str().to_owned()).or_default() += 1;
            }
        }
        assert!(holders.values().all(|count| *count == 1), "{holders:?}");
    }

    /// When nothing fails any more, everybody who waits is served or told, and
    /// every device can be had.
    async fn end(mut self) {
        {
            let mut script = self.world.provider.now();
            (script.opens, script.calls, script.ends) = Default::default();
        }
        self.world.store.set_full(false);
        self.world.store.set_fast();
        for name in DEVICES {
            plug(&self.world, name);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        self.world.devices.devices(&who("root"), true).await;
        let began = tokio::time::Instant::now();
        while !(self.held.is_empty() && self.waiting.is_empty()) {
            for (who, lease) in std::mem::take(&mut self.held) {
                let _ = self.world.devices.release(&who, lease.id).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.take_granted();
            self.check();
            assert!(began.elapsed() < EVER, "somebody waits for ever");
        }
        // What was granted without anybody having heard of it runs out long
        // before its life would.
        tokio::time::sleep(REJOIN_GRACE).await;
        let ann = who("ann");
        for name in DEVICES {
            let lease = self.world.hold(&ann, device(name)).await.unwrap();
            self.world.tap(&ann, lease.id).await.unwrap();
            self.world.devices.release(&ann, lease.id).await.unwrap();
        }
        self.world.check();
        assert_eq!(self.world.store.leases(), 0);
    }
}

fn plug(world: &World, name: &str) {
    let mut script = world.provider.now();
    if !script.devices.iter().any(|it| it.hardware_id == name) {
        script.devices.push(info("web", name));
    }
}

fn history(ops: Vec<Op>) {
    let mut past = Past {
        store: Memory::new(),
        provider: Scripted::new("one", &DEVICES),
        held: Vec::new(),
        waiting: Vec::new(),
        granted: HashMap::new(),
    };
    let lives: Vec<&[Op]> = ops.split(|op| matches!(op, Op::Kill)).collect();
    for (number, life) in lives.iter().enumerate() {
        let last = number + 1 == lives.len();
        let (life, begins) = (life.to_vec(), past);
        past = host(async move {
            let mut now = Life::begin(begins).await;
            for op in life {
                now.run(op).await;
            }
            if last {
                let kept = Past {
                    store: now.world.store.clone(),
                    provider: now.world.provider.clone(),
                    held: Vec::new(),
                    waiting: Vec::new(),
                    granted: HashMap::new(),
                };
                now.end().await;
                return kept;
            }
            now.killed()
        });
        // Nothing of a host is left when the next one starts.
        past.provider.now().live.clear();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn in_no_history_a_device_has_two_holders_or_goes_back_or_somebody_waits_for_ever(
        ops in proptest::collection::vec(op(), 1..60)
    ) {
        history(ops);
    }
}

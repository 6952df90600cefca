//! A host that does at once what events ask for, unless a test holds it back.

use std::time::Duration;

use hostler_lease::{
    Allocated, Ask, Choice, DeviceKey, Effects, EndCause, Event, FencingToken, HandOver, Label,
    LeaseId, LeaseScope, Mode, Moment, Principal, Refused, Registry, Saved, Selector, Sight,
    Sighting, Status, Terms,
};

pub(crate) const TTL: Duration = Duration::from_secs(60);
pub(crate) const CREATED: u32 = 1_700_000_000;

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal::new(name).unwrap()
}

pub(crate) fn key(text: &str) -> DeviceKey {
    DeviceKey::from_store(text).unwrap()
}

pub(crate) fn lease_id(number: u64) -> LeaseId {
    LeaseId::from_random(u128::from(number).to_be_bytes())
}

pub(crate) fn sighting(key: &str, aliases: &[&str], pools: &[&str]) -> Sighting {
    let (platform, hardware_id) = key.split_once(':').unwrap();
    Sighting {
        platform: platform.to_owned(),
        hardware_id: hardware_id.to_owned(),
        aliases: aliases.iter().map(|text| label(text)).collect(),
        pools: pools.iter().map(|text| label(text)).collect(),
    }
}

/// An ask of `who` for the device called `name`, with room for changes.
pub(crate) fn ask(number: u64, who: &str, name: &str) -> Ask {
    Ask {
        id: lease_id(number),
        principal: principal(who),
        scope: LeaseScope {
            tenant: None,
            run: None,
            client: None,
            backend: None,
            policy: None,
            session: label("default"),
            selector: Selector::device(label(name)),
            mode: Mode::Explicit,
        },
        terms: terms(None),
    }
}

pub(crate) fn terms(wait: Option<u64>) -> Terms {
    Terms::new(TTL, wait.map(secs), 0, HandOver::Keep).unwrap()
}

pub(crate) trait AskExt {
    fn waits(self, secs: u64) -> Ask;
    fn lives(self, secs: u64) -> Ask;
    fn implicit(self, token: &str, session: &str) -> Ask;
    fn allows_readers(self, readers: u16) -> Ask;
    fn reader(self) -> Ask;
    fn any_of(self, choices: Vec<Choice>) -> Ask;
}

impl AskExt for Ask {
    fn waits(mut self, wait: u64) -> Ask {
        self.terms = terms(Some(wait));
        self
    }

    fn lives(mut self, ttl: u64) -> Ask {
        let terms = Terms::new(secs(ttl), self.terms.wait(), 1, HandOver::Keep);
        self.terms = terms.unwrap();
        self
    }

    fn implicit(mut self, token: &str, session: &str) -> Ask {
        self.scope.mode = Mode::Implicit {
            token: label(token),
            surface: label("chat"),
        };
        self.scope.session = label(session);
        self
    }

    fn allows_readers(mut self, readers: u16) -> Ask {
        self.terms = Terms::new(TTL, None, readers, HandOver::Keep).unwrap();
        self
    }

    fn reader(mut self) -> Ask {
        self.scope.mode = Mode::Reader;
        self
    }

    fn any_of(mut self, choices: Vec<Choice>) -> Ask {
        self.scope.selector = Selector::any_of(choices).unwrap();
        self
    }
}

/// A registry with its store, clock and whoever acts on its events.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) saved: Saved,
    pub(crate) now: Moment,
    /// All events so far.
    pub(crate) seen: Vec<Event>,
    /// Whether hand-overs succeed at once.
    pub(crate) hands_over: bool,
    /// Whether teardown is proven at once.
    pub(crate) tears_down: bool,
}

impl World {
    /// With these devices, of the provider `test`.
    pub(crate) fn with(devices: &[&str]) -> World {
        let saved = Saved::new(CREATED);
        let now = Moment::new(secs(1000));
        let mut world = World {
            registry: Registry::restore(saved.clone(), now, &mut Effects::default()),
            saved,
            now,
            seen: Vec::new(),
            hands_over: true,
            tears_down: true,
        };
        world.discover(devices);
        world
    }

    pub(crate) fn discover(&mut self, devices: &[&str]) {
        let sightings = devices.iter().map(|key| sighting(key, &[], &["all"]));
        self.sight("test", sightings.collect());
    }

    pub(crate) fn sight(&mut self, provider: &str, sightings: Vec<Sighting>) {
        let wrong =
            self.run(|registry, now, out| registry.discover(&label(provider), sightings, now, out));
        assert_eq!(wrong, []);
    }

    /// Runs one command, makes its records durable and acts on its events.
    pub(crate) fn run<T>(
        &mut self,
        command: impl FnOnce(&mut Registry, Moment, &mut Effects) -> T,
    ) -> T {
        let mut out = Effects::default();
        let result = command(&mut self.registry, self.now, &mut out);
        self.act(out);
        result
    }

    fn act(&mut self, out: Effects) {
        for record in out.records {
            self.saved.apply(record);
        }
        for event in out.events {
            self.seen.push(event.clone());
            let mut more = Effects::default();
            match event {
                Event::HandOver { id, .. } if self.hands_over => {
                    let _ = self.registry.handed_over(id, self.now, &mut more);
                }
                Event::TearDown { key, token } if self.tears_down => {
                    self.registry.torn_down(&key, token, self.now, &mut more);
                }
                _ => {}
            }
            self.act(more);
        }
    }

    pub(crate) fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.run(|registry, now, out| registry.expire(now, out));
    }

    /// Kills the host and starts it again on what is durable.
    pub(crate) fn restart(&mut self) {
        let mut out = Effects::default();
        self.registry = Registry::restore(self.saved.clone(), self.now, &mut out);
        self.act(out);
    }

    pub(crate) fn allocate(&mut self, ask: Ask) -> Result<Allocated, Refused> {
        self.run(|registry, now, out| registry.allocate(ask, Sight::Own, now, out))
    }

    /// The code with which that is refused.
    pub(crate) fn refused(&mut self, ask: Ask) -> &'static str {
        self.allocate(ask).unwrap_err().code()
    }

    pub(crate) fn release(&mut self, number: u64, who: &str) -> Result<(), Refused> {
        self.run(|registry, now, out| registry.release(&principal(who), lease_id(number), now, out))
    }

    /// The client of an ask is back.
    pub(crate) fn rejoin(&mut self, number: u64, who: &str) -> Result<Status, Refused> {
        self.run(|registry, now, out| {
            registry.rejoin(&principal(who), lease_id(number), None, now, out)
        })
    }

    pub(crate) fn renew(&mut self, number: u64, who: &str) -> Result<Moment, Refused> {
        self.run(|registry, now, out| registry.renew(&principal(who), lease_id(number), now, out))
    }

    /// Begins a command that may take `limit` seconds.
    pub(crate) fn begin(&mut self, number: u64, who: &str, limit: u64) -> Result<(), Refused> {
        let limit = secs(limit);
        self.run(|registry, now, out| {
            registry.begin_command(&principal(who), lease_id(number), limit, now, out)
        })
        .map(drop)
    }

    pub(crate) fn end(&mut self, number: u64) {
        self.run(|registry, now, out| registry.end_command(lease_id(number), now, out));
    }

    /// The tokens of all grants of a device, in their order.
    pub(crate) fn tokens(&self, device: &str) -> Vec<FencingToken> {
        let of = |event: &Event| match event {
            Event::HandOver { key, token, .. } if key.as_str() == device => Some(*token),
            _ => None,
        };
        self.seen.iter().filter_map(of).collect()
    }

    /// Who was granted a device, in that order, by number.
    pub(crate) fn granted(&self) -> Vec<u64> {
        let of = |event: &Event| match event {
            Event::Granted { id, .. } => Some(number(*id)),
            _ => None,
        };
        self.seen.iter().filter_map(of).collect()
    }

    /// Why the lease ended, if it did.
    pub(crate) fn end_of(&self, ended: u64) -> Option<EndCause> {
        self.seen.iter().find_map(|event| match event {
            Event::Ended { id, cause, .. } if number(*id) == ended => Some(*cause),
            _ => None,
        })
    }

    /// How often a device was to be torn down.
    pub(crate) fn teardowns(&self) -> usize {
        let teardown = |event: &&Event| matches!(event, Event::TearDown { .. });
        self.seen.iter().filter(teardown).count()
    }
}

/// The number from which an id was made.
pub(crate) fn number(id: LeaseId) -> u64 {
    u64::from_str_radix(&id.reveal(), 16).unwrap()
}

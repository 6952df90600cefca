//! A service with its script.

use std::{future::Future, sync::Arc, time::Duration};

use hostler_device::{Config, Devices, Labels, Lease, Refusal, Ticket, Who};
use hostler_lease::{Label, LeaseId, Principal};
use hostler_provider::{Act, Answer, Call, Choice, Point, Target, Wish};

use crate::script::{Rules, Scripted};
use crate::store::{Heard, Memory};

/// A command that was cut off, and the next one.
pub(crate) const OPENED_AGAIN: [&str; 5] = [
    "open tab-1",
    "act tab-1",
    "end tab-1",
    "open tab-1",
    "act tab-1",
];

/// For a command.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) devices: Devices,
    pub(crate) provider: Arc<Scripted>,
    pub(crate) store: Arc<Memory>,
    pub(crate) heard: Arc<Heard>,
}

impl World {
    /// With these devices of the platform `web`.
    pub(crate) async fn new(devices: &[&str]) -> World {
        World::with(
            Memory::new(),
            Scripted::new("one", devices),
            Rules::default(),
        )
        .await
    }

    pub(crate) async fn with(store: Arc<Memory>, provider: Arc<Scripted>, rules: Rules) -> World {
        let (saved, starts) = store.load();
        let heard = Arc::new(Heard::default());
        let mut config = Config::new("rules");
        config.pools = [("mine".to_owned(), vec!["alias-TAB-1".to_owned()])].into();
        let devices = Devices::start(config, saved, starts, store.clone(), heard.clone());
        devices.set_policy(Arc::new(rules));
        devices.set_provider(provider.clone());
        let world = World {
            devices,
            provider,
            store,
            heard,
        };
        world.devices.devices(&who("root"), false).await;
        world
    }

    pub(crate) async fn ask(&self, who: &Who, wish: Wish) -> Result<Ticket, Refusal> {
        let labels = session("default");
        self.devices.allocate(who, &labels, wish, None).await
    }

    /// A lease that its holder has heard of.
    pub(crate) async fn hold(&self, who: &Who, wish: Wish) -> Result<Lease, Refusal> {
        Ok(self.ask(who, wish).await?.granted().await?.keep())
    }

    pub(crate) async fn tap(&self, who: &Who, id: LeaseId) -> Result<Answer, Refusal> {
        self.devices.run(who, id, tap(), LIMIT).await
    }

    /// What the provider was asked, without listing.
    pub(crate) fn log(&self) -> Vec<String> {
        self.provider.log()
    }

    pub(crate) fn check(&self) {
        let script = self.provider.now();
        assert!(script.wrong.is_empty(), "{:?}", script.wrong);
    }
}

/// A runtime whose clock stands still but for sleeping tasks. Dropping it is
/// what a kill is to the host.
pub(crate) fn host<T>(life: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(life)
}

pub(crate) fn who(name: &str) -> Who {
    Who {
        principal: Principal::new(name).unwrap(),
        token: Label::new(&format!("token of {name}")).unwrap(),
        surface: Label::new("test").unwrap(),
        admin: name == "root",
    }
}

pub(crate) fn session(name: &str) -> Labels {
    Labels::session(Label::new(name).unwrap())
}

pub(crate) fn tap() -> Call {
    Call::Act(Target::Point(Point { x: 1.0, y: 2.0 }), Act::Tap(1))
}

/// That device, at once or not at all.
pub(crate) fn device(name: &str) -> Wish {
    Wish {
        choices: vec![Choice::Device(name.to_owned())],
        ..Wish::default()
    }
}

/// That device, and so long.
pub(crate) fn wait(name: &str, seconds: u64) -> Wish {
    Wish {
        wait: Some(Duration::from_secs(seconds)),
        ..device(name)
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.expect_err("it should have been refused").code()
}

/// Lets all tasks run that can.
pub(crate) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

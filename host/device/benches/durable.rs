//! What a durable lease costs, beside the time of one `fdatasync` on the same
//! disk in the same run.
#![allow(missing_docs)]

use std::{
    fs::File,
    future::Future,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hostler_device::{Config, Devices, Labels, Lease, Unobserved, Who};
use hostler_lease::{Label, Principal};
use hostler_provider::{
    Answer, BoxFuture, Call, Caller, Candidate, Capabilities, Choice, DeviceError, DeviceInfo,
    DeviceSession, OpenDevice, Opened, Policy, PolicyError, PolicyTerms, Progress, Provider,
    ProviderError, Wish,
};
use hostler_store::{Leases, Records};

const CALLERS: usize = 64;

/// Devices of each caller: as many durable grants are measured.
const EACH: usize = 100;

const CYCLES: usize = 100;
const RENEWALS: usize = 20_000;
const SYNCS: usize = 200;

/// As many devices as are needed, which open at once.
#[derive(Debug)]
struct Quick;

#[derive(Debug)]
struct Nothing;

impl Provider for Quick {
    fn id(&self) -> &str {
        "quick"
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>> {
        let device = |number: usize| DeviceInfo {
            platform: "web".to_owned(),
            hardware_id: number.to_string(),
            name: format!("tab {number}"),
            kind: "browser".to_owned(),
            target: "mobile".to_owned(),
            version: None,
            booted: true,
            aliases: Vec::new(),
            capabilities: Capabilities::default(),
        };
        Box::pin(async move { Ok((0..CALLERS * EACH).map(device).collect()) })
    }

    fn open(&self, _: OpenDevice, _: Progress) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        let session = Box::new(Nothing);
        Box::pin(async move { Ok(Opened { session }) })
    }

    fn end_services(&self, _: &str) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl DeviceSession for Nothing {
    fn call(&mut self, _: Call, _: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        Box::pin(async { Ok(Answer::Done) })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

#[derive(Debug)]
struct Rules;

impl Policy for Rules {
    fn id(&self) -> &str {
        "rules"
    }

    fn needs_lease<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>> {
        Box::pin(async { Ok(true) })
    }

    fn resolve<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Wish,
        _: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn terms<'a>(
        &'a self,
        _: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>> {
        let terms = PolicyTerms {
            ttl: Duration::from_secs(300),
            wait: wish.wait,
            readers: 0,
            hand_over: hostler_provider::HandOver::Keep,
        };
        Box::pin(async move { Ok(terms) })
    }

    fn admit<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Candidate,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async { Ok(()) })
    }
}

fn who(caller: usize) -> Who {
    Who {
        principal: Principal::new(&format!("agent-{caller}")).expect("a name"),
        token: Label::new("token").expect("a name"),
        surface: Label::new("bench").expect("a name"),
        admin: false,
    }
}

async fn lease(devices: &Devices, who: &Who, device: usize) -> Lease {
    let labels = Labels::session(Label::new("default").expect("a name"));
    let wish = Wish {
        choices: vec![Choice::Device(format!("web:{device}"))],
        ..Wish::default()
    };
    let ticket = devices.allocate(who, &labels, wish, None).await;
    let granted = ticket.expect("it is free").granted().await;
    granted.expect("it opens").keep()
}

/// The middle of the times of one write of a page and its `fdatasync`.
fn fdatasync(dir: &Path) -> Duration {
    let mut file = File::create(dir.join("sync")).expect("a file");
    // As a log that is used again: its size does not change.
    file.write_all(&vec![0; 4096 * SYNCS]).expect("room");
    file.sync_all().expect("a disk");
    let mut file = File::options()
        .write(true)
        .open(dir.join("sync"))
        .expect("a file");
    let mut times: Vec<Duration> = (0..SYNCS)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[1; 4096]).expect("room");
            file.sync_data().expect("a disk");
            began.elapsed()
        })
        .collect();
    times.sort();
    times[SYNCS / 2]
}

/// How many a second, with all callers at once.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    count: usize,
    caller: impl Fn(usize) -> F,
) -> f64 {
    let began = Instant::now();
    let tasks: Vec<_> = (0..CALLERS).map(|no| tokio::spawn(caller(no))).collect();
    for task in tasks {
        task.await.expect("it does not panic");
    }
    count as f64 / began.elapsed().as_secs_f64()
}

async fn measure() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let sync = fdatasync(dir.path());
    let records = Records::open(&dir.path().join("hostler.db")).expect("a database");
    let loaded = records.load_leases().expect("a database");
    let store = Arc::new(Leases::start(records).expect("a thread"));
    let config = Config::new("rules");
    let observer = Arc::new(Unobserved);
    let devices = Devices::start(config, loaded.saved, loaded.starts, store, observer);
    devices.set_policy(Arc::new(Rules));
    devices.set_provider(Arc::new(Quick));
    devices.devices(&who(0), false).await;

    let allocations = rate(CALLERS * EACH, |caller| {
        let devices = devices.clone();
        async move {
            let who = who(caller);
            for number in 0..EACH {
                lease(&devices, &who, caller * EACH + number).await;
            }
        }
    })
    .await;
    let bound = CALLERS as f64 / sync.as_secs_f64() / 2.0;
    println!(
        "fdatasync of a page               {:>10.3} ms",
        sync.as_secs_f64() * 1e3
    );
    println!(
        "durable allocations, {CALLERS} callers   {allocations:>10.0} /s, {:.2} of what is wanted ({bound:.0} /s)",
        allocations / bound
    );

    for caller in 0..CALLERS {
        devices.end_principal(&who(caller).principal);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let cycles = rate(CALLERS * CYCLES, |caller| {
        let devices = devices.clone();
        async move {
            let who = who(caller);
            for _ in 0..CYCLES {
                let lease = lease(&devices, &who, caller * EACH).await;
                devices.release(&who, lease.id).await.expect("it is held");
            }
        }
    })
    .await;
    println!(
        "allocate and release, {CALLERS} callers  {:>10.0} calls/s",
        2.0 * cycles
    );

    let renewals = rate(CALLERS * RENEWALS, |caller| {
        let devices = devices.clone();
        async move {
            let who = who(caller);
            let lease = lease(&devices, &who, caller * EACH).await;
            for _ in 0..RENEWALS {
                devices.renew(&who, lease.id).expect("it is held");
            }
        }
    })
    .await;
    println!("renewals, {CALLERS} callers              {renewals:>10.0} /s");
    let commands = rate(CALLERS * CYCLES * 10, |caller| {
        let devices = devices.clone();
        async move {
            let who = who(caller);
            let lease = lease(&devices, &who, caller * EACH + 1).await;
            for _ in 0..CYCLES * 10 {
                let limit = Duration::from_secs(10);
                let answer = devices.run(&who, lease.id, Call::Screen, limit).await;
                answer.expect("it answers");
            }
        }
    })
    .await;
    println!("commands, {CALLERS} callers              {commands:>10.0} /s");
    devices.stop().await;
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure());
}

//! Leases over HTTP, by agent-device's remote protocol, which agent-device's own
//! daemon speaks too. The host's devices come from a plugin that opens them at
//! once, as the daemon does not open any: it is leasing that is measured.

use std::{
    fs::{self, File},
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::{
    Programs,
    process::{Running, cpu},
    report::{Peer, Report, Value},
    stage::Stage,
};

const CONNECTIONS: usize = 64;

const SECONDS: usize = 5;

/// Requests per second of the host.
const HEARTBEATS: f64 = 40_000.0;
const ALLOCATIONS: f64 = 10_000.0;

/// Milliseconds of the slowest hundredth.
const SLOWEST: f64 = 10.0;

/// How long the daemon may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn leases(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let devices: Vec<_> = (0..CONNECTIONS).map(|n| format!("bench-{n}")).collect();
    let component = hostler_test_support::component("guests/provider");
    ensure!(component.is_file(), "run first: cargo xtask plugins");
    stage.add_settings(&format!(
        "[plugins.bench]\ncomponent = {component:?}\n[plugins.bench.config]\ndevices = {devices:?}\n"
    ))?;
    let host = stage.host()?;
    host.wait_loaded("bench")?;
    let token = host.token()?;
    let mut seen = Vec::new();
    for (kind, goal) in [("heartbeat", HEARTBEATS), ("cycle", ALLOCATIONS)] {
        let used = cpu(host.process.pid())?;
        let figures = load(programs, &host.address, &token, "web:mobile:bench-", kind)?;
        let used = cpu(host.process.pid())?.saturating_sub(used);
        seen.push((kind, goal, figures, used));
    }
    drop(host);
    let daemon = Daemon::start();
    for (kind, goal, host, used) in seen {
        let peer = match &daemon {
            Ok(daemon) => daemon.load(programs, kind),
            Err(why) => Err(anyhow!("{why:#}")),
        };
        let what = describe(kind);
        report.at_least(
            format!("{what} per second"),
            Value(host.rate, "/s"),
            goal,
            Peer::of(&peer, |peer| peer.rate),
        );
        report.goal(
            format!("{what}, p99"),
            Value(host.p99, "ms"),
            SLOWEST,
            Peer::of(&peer, |peer| peer.p99),
        );
        let each = used.as_secs_f64() * 1e6 / (host.rate * (SECONDS + 1) as f64);
        report.add(
            format!("{what}, processor time of each"),
            Value(each, "µs"),
            Peer::Nothing,
        );
    }
    Ok(())
}

fn describe(kind: &str) -> String {
    let what = if kind == "cycle" {
        "allocate and release"
    } else {
        "heartbeats"
    };
    format!("{what}, {CONNECTIONS} connections")
}

#[derive(Debug)]
struct Seen {
    rate: f64,
    p99: f64,
}

fn load(
    programs: &Programs,
    address: &str,
    token: &str,
    devices: &str,
    kind: &str,
) -> Result<Seen> {
    let output = Command::new(programs.built("leases"))
        .args([address, token, devices, kind])
        .args([CONNECTIONS.to_string(), SECONDS.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the load")?;
    ensure!(output.status.success(), "the load failed");
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [rate, _, p99] = figures.as_slice() else {
        anyhow::bail!("the load said {text:?}");
    };
    Ok(Seen {
        rate: *rate,
        p99: *p99,
    })
}

/// agent-device's own daemon, which its proxy starts.
struct Daemon {
    address: String,
    token: String,
    pid: Option<Pid>,
    _proxy: Running,
    _folder: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Result<Self> {
        let program = hostler_test_support::program("agent-device");
        let program = program.context("agent-device is not installed")?;
        let folder = tempfile::tempdir()?;
        let said = folder.path().join("proxy.log");
        let log = File::create(&said)?;
        // The proxy takes no 0 for "any".
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let proxy = Command::new(&program)
            .args(["proxy", "--port", &port.to_string()])
            .args(["--daemon-auth-token", "bench"])
            .env("HOME", folder.path())
            .env("AGENT_DEVICE_STATE_DIR", folder.path())
            .env("PATH", hostler_test_support::search_path())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start agent-device")?;
        let mut proxy = Running(proxy);
        let file = folder.path().join("daemon.json");
        let begun = Instant::now();
        let told: Json = loop {
            if let Some(told) = fs::read(&file)
                .ok()
                .and_then(|it| serde_json::from_slice(&it).ok())
            {
                break told;
            }
            let ended = proxy.0.try_wait()?.is_some();
            ensure!(
                !ended && begun.elapsed() < PATIENCE,
                "agent-device's daemon did not start: {}",
                fs::read_to_string(&said).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        };
        let number = |name: &str| told[name].as_u64().with_context(|| format!("no {name}"));
        let pid = i32::try_from(number("pid")?)?;
        Ok(Self {
            address: format!("127.0.0.1:{}", number("httpPort")?),
            token: told["token"].as_str().context("no token")?.to_owned(),
            pid: Pid::from_raw(pid),
            _proxy: proxy,
            _folder: folder,
        })
    }

    fn load(&self, programs: &Programs, kind: &str) -> Result<Seen> {
        let devices = "android:mobile:bench-";
        load(programs, &self.address, &self.token, devices, kind)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

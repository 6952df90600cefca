//! Leases over HTTP, by agent-device's remote protocol, which agent-device's own
//! daemon speaks too. The host's devices come from a plugin that opens them at
//! once, as the daemon does not open any: it is leasing that is measured.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
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
    for (kind, goal) in [("heartbeat", HEARTBEATS), ("cycle", ALLOCATIONS)] {
        let what = describe(kind);
        let used = cpu(host.process.pid())?;
        let seen = load(programs, &host.address, &token, "web:mobile:bench-", kind)?;
        let used = cpu(host.process.pid())?.saturating_sub(used);
        report.at_least(format!("{what} per second"), Value(seen.rate, "/s"), goal);
        report.goal(
            format!("{what}, p99"),
            Value(seen.p99, "ms"),
            SLOWEST,
            Peer::Nothing,
        );
        let each = used.as_secs_f64() * 1e6 / (seen.rate * (SECONDS + 1) as f64);
        report.add(
            format!("{what}, processor time of each"),
            Value(each, "µs"),
            Peer::Nothing,
        );
    }
    drop(host);
    let Some(daemon) = Daemon::start()? else {
        report.add(
            "agent-device's daemon",
            Value(f64::NAN, ""),
            Peer::NotInstalled,
        );
        return Ok(());
    };
    for kind in ["heartbeat", "cycle"] {
        let seen = load(
            programs,
            &daemon.address,
            &daemon.token,
            "android:mobile:bench-",
            kind,
        )?;
        let what = describe(kind);
        report.add(
            format!("{what} per second, agent-device"),
            Value(seen.rate, "/s"),
            Peer::Nothing,
        );
        report.add(
            format!("{what}, p99, agent-device"),
            Value(seen.p99, "ms"),
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
    /// None, if it is not installed.
    fn start() -> Result<Option<Self>> {
        let Some(program) = hostler_test_support::program("agent-device") else {
            return Ok(None);
        };
        let folder = tempfile::tempdir()?;
        let path = std::env::var("PATH").unwrap_or_default();
        let beside = program.parent().map_or(PathBuf::new(), PathBuf::from);
        let proxy = Command::new(&program)
            .args(["proxy", "--port", "0", "--daemon-auth-token", "bench"])
            .env("HOME", folder.path())
            .env("AGENT_DEVICE_STATE_DIR", folder.path())
            .env("PATH", format!("{}:{path}", beside.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start agent-device")?;
        let proxy = Running(proxy);
        let file = folder.path().join("daemon.json");
        let begun = Instant::now();
        let told: Json = loop {
            if let Some(told) = fs::read(&file)
                .ok()
                .and_then(|it| serde_json::from_slice(&it).ok())
            {
                break told;
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "agent-device's daemon did not start"
            );
            std::thread::sleep(Duration::from_millis(50));
        };
        let number = |name: &str| told[name].as_u64().with_context(|| format!("no {name}"));
        let pid = i32::try_from(number("pid")?)?;
        Ok(Some(Self {
            address: format!("127.0.0.1:{}", number("httpPort")?),
            token: told["token"].as_str().context("no token")?.to_owned(),
            pid: Pid::from_raw(pid),
            _proxy: proxy,
            _folder: folder,
        }))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

//! A command of a browser through a host, beside the same WebDriver request made
//! by hand: one driver, two sessions of the same kind, one after the other.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value as Json, json};
use ureq::Agent;

use super::{ms, percentile};
use crate::{
    Programs,
    process::Running,
    report::{Peer, Report, Value},
    stage::Stage,
};

const TAPS: usize = 200;

/// What a host may add, in milliseconds.
const OVERHEAD: f64 = 3.0;

/// How long one request may take: a browser starts with one.
const PATIENCE: Duration = Duration::from_secs(60);

/// As the plugin starts a browser.
const ARGS: [&str; 4] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
];

const PAGE: &str = "data:text/html,<button style='width:300px;height:300px'>here</button>";

pub(crate) fn device(programs: &Programs, report: &mut Report) -> Result<()> {
    let figure = "a tap on a browser, beside the WebDriver request of it, p50";
    let Some(driver) = hostler_test_support::program("chromedriver") else {
        report.missing(figure, &anyhow!("chromedriver is not installed"));
        return Ok(());
    };
    let driver = Driver::start(&driver)?;
    let stage = Stage::stand_in(programs)?;
    let args = json!(ARGS);
    stage.add_settings(&format!(
        "[[plugins.webdriver.config.targets]]\nname = \"bench\"\nurl = \"{}\"\nargs = {args}\n",
        driver.url
    ))?;
    let host = stage.host()?;
    host.wait_loaded("webdriver")?;
    let lent = Lent {
        agent: agent(),
        url: format!("http://{}/rpc", host.address),
        token: host.token()?,
    };
    lent.command("open", &[PAGE])?;
    let bare = driver.session()?;
    let (mut through, mut alone) = (Vec::new(), Vec::new());
    // The first ones find cold caches.
    for number in 0..TAPS + TAPS / 10 {
        let took = [lent.tap()?, bare.tap()?];
        if number >= TAPS / 10 {
            through.push(ms(took[0]));
            alone.push(ms(took[1]));
        }
    }
    lent.command("close", &[])?;
    let (through, alone) = (percentile(&through, 0.5), percentile(&alone, 0.5));
    report.add(figure, Value(through, "ms"), Peer::Measured(alone));
    report.goal(
        "what the host adds to a tap",
        Value(through - alone, "ms"),
        OVERHEAD,
        Peer::Nothing,
    );
    Ok(())
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false);
    config.build().into()
}

/// A device of a host, by agent-device's protocol.
struct Lent {
    agent: Agent,
    url: String,
    token: String,
}

impl Lent {
    fn tap(&self) -> Result<Duration> {
        let began = Instant::now();
        self.command("click", &["100", "100"])?;
        Ok(began.elapsed())
    }

    fn command(&self, name: &str, positionals: &[&str]) -> Result<()> {
        let params = json!({
            "session": "bench", "command": name, "positionals": positionals, "flags": {},
        });
        let body = json!({
            "jsonrpc": "2.0", "id": "1", "method": "agent_device.command", "params": params,
        });
        let bearer = format!("Bearer {}", self.token);
        let request = self.agent.post(&self.url).header("authorization", bearer);
        let answer = answer(request, &body)?;
        if !answer["error"].is_null() || answer["result"]["ok"] != true {
            bail!("{name}: {answer}");
        }
        Ok(())
    }
}

struct Driver {
    url: String,
    _process: Running,
}

/// A browser of one's own.
struct Bare {
    agent: Agent,
    url: String,
}

impl Driver {
    fn start(program: &Path) -> Result<Self> {
        let mut process = Running(
            Command::new(program)
                .arg("--port=0")
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .context("cannot start chromedriver")?,
        );
        let stdout = process.0.stdout.take().context("no pipe")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                let port = port.trim_end_matches('.');
                return Ok(Self {
                    url: format!("http://127.0.0.1:{port}"),
                    _process: process,
                });
            }
        }
        bail!("chromedriver ended before it was ready")
    }

    fn session(&self) -> Result<Bare> {
        let agent = agent();
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": ARGS}}}});
        let begun = answer(agent.post(format!("{}/session", self.url)), &wanted)?;
        let id = begun["value"]["sessionId"].as_str();
        let id = id.with_context(|| format!("no session: {begun}"))?;
        let url = format!("{}/session/{id}", self.url);
        answer(agent.post(format!("{url}/url")), &json!({"url": PAGE}))?;
        Ok(Bare { agent, url })
    }
}

impl Bare {
    fn tap(&self) -> Result<Duration> {
        let actions = json!({"actions": [{
            "type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
            "actions": [
                {"type": "pointerMove", "duration": 0, "x": 100, "y": 100},
                {"type": "pointerDown", "button": 0},
                {"type": "pointerUp", "button": 0},
            ],
        }]});
        let began = Instant::now();
        let request = self.agent.post(format!("{}/actions", self.url));
        let done = answer(request, &actions)?;
        if !done["value"].is_null() {
            bail!("a tap: {done}");
        }
        Ok(began.elapsed())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // The driver ends with its browsers anyway.
        let _ = self.agent.delete(&self.url).call();
    }
}

fn answer(request: ureq::RequestBuilder<ureq::typestate::WithBody>, body: &Json) -> Result<Json> {
    let request = request.content_type("application/json");
    let mut response = request.send(body.to_string())?;
    Ok(serde_json::from_str(
        &response.body_mut().read_to_string()?,
    )?)
}

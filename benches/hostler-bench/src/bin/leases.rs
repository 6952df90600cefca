//! `leases ADDRESS TOKEN DEVICES heartbeat|cycle CONNECTIONS SECONDS`: leases over
//! agent-device's remote protocol, which a host and its peer both speak. Each
//! connection has a device of its own, DEVICES with its number behind it. It prints the
//! requests per second, and of their times the median and the 99th percentile in
//! milliseconds.
//!
//! `heartbeat` renews one lease; `cycle` allocates and releases.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// Before counting: connections, first leases, warm caches.
const WARM: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, token, devices, kind, connections, seconds] = words.as_slice() else {
        bail!("usage: leases ADDRESS TOKEN DEVICES heartbeat|cycle CONNECTIONS SECONDS");
    };
    let cycle = match kind.as_str() {
        "heartbeat" => false,
        "cycle" => true,
        _ => bail!("{kind:?} is neither heartbeat nor cycle"),
    };
    let begin = Instant::now() + WARM;
    let end = begin + Duration::from_secs(seconds.parse()?);
    let mut tasks = JoinSet::new();
    for number in 0..connections.parse()? {
        let (address, token) = (address.clone(), token.clone());
        let device = format!("{devices}{number}");
        tasks.spawn(async move {
            let client = Client::new(&address, &token, &device, number).await?;
            client.run(cycle, begin, end).await
        });
    }
    let mut times = Vec::new();
    while let Some(task) = tasks.join_next().await {
        times.extend(task??);
    }
    times.sort_unstable();
    let at = |share: f64| -> f64 {
        let index = (times.len() as f64 * share) as usize;
        let time = times.get(index.min(times.len().saturating_sub(1)));
        time.map_or(f64::NAN, |time: &Duration| time.as_secs_f64() * 1e3)
    };
    let rate = times.len() as f64 / (end - begin).as_secs_f64();
    println!("{rate:.0} {:.3} {:.3}", at(0.5), at(0.99));
    Ok(())
}

struct Client {
    stream: TcpStream,
    head: String,
    scope: Value,
    answer: Vec<u8>,
}

impl Client {
    async fn new(address: &str, token: &str, device: &str, number: usize) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            head: format!(
                "POST /rpc HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\ncontent-length: "
            ),
            scope: json!({
                "session": format!("bench-{number}"),
                "tenantId": "bench",
                "runId": format!("bench-{number}"),
                "leaseProvider": "proxy",
                "clientId": format!("bench-{number}"),
                "deviceKey": device,
            }),
            answer: Vec::new(),
        })
    }

    /// The times of the requests between `begin` and `end`.
    async fn run(mut self, cycle: bool, begin: Instant, end: Instant) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        let mut lease = self.allocate().await?.1;
        while Instant::now() < end {
            let mut took = Vec::with_capacity(2);
            if cycle {
                took.push(self.call("release", &lease).await?.1);
                let (time, next) = self.allocate().await?;
                lease = next;
                took.push(time);
            } else {
                took.push(self.call("heartbeat", &lease).await?.1);
            }
            if Instant::now() > begin {
                times.extend(took);
            }
        }
        self.call("release", &lease).await?;
        Ok(times)
    }

    async fn allocate(&mut self) -> Result<(Duration, String)> {
        let (answer, time) = self.call("allocate", "").await?;
        let lease = answer["result"]["data"]["lease"]["leaseId"].as_str();
        Ok((time, lease.context("no lease")?.to_owned()))
    }

    async fn call(&mut self, method: &str, lease: &str) -> Result<(Value, Duration)> {
        let mut params = self.scope.clone();
        if lease.is_empty() {
            params["backend"] = json!("android-instance");
        } else {
            params["leaseId"] = json!(lease);
        }
        if method != "release" {
            params["ttlMs"] = json!(300_000);
        }
        let method = format!("agent_device.lease.{method}");
        let body = json!({"jsonrpc": "2.0", "id": "1", "method": method, "params": params});
        let body = body.to_string();
        let request = format!("{}{}\r\n\r\n{body}", self.head, body.len());
        let began = Instant::now();
        self.stream.write_all(request.as_bytes()).await?;
        let body = self.response().await?;
        let took = began.elapsed();
        let answer: Value = serde_json::from_slice(&body)?;
        ensure!(answer["error"].is_null(), "{method}: {answer}");
        Ok((answer, took))
    }

    async fn response(&mut self) -> Result<Vec<u8>> {
        self.answer.clear();
        loop {
            if let Some(body) = body(&self.answer)? {
                return Ok(body.to_vec());
            }
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "the connection was closed");
        }
    }
}

/// The body, when all of it is there.
fn body(answer: &[u8]) -> Result<Option<&[u8]>> {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = answer.split_at(end + 4);
    let head = std::str::from_utf8(head)?.to_ascii_lowercase();
    if let Some((_, length)) = head.split_once("content-length: ") {
        let length: usize = length.lines().next().unwrap_or("").trim().parse()?;
        return Ok(rest.get(..length));
    }
    ensure!(head.contains("chunked"), "no length: {head}");
    // Small answers come as one chunk and the last one.
    let Some(rest) = rest.strip_suffix(b"\r\n0\r\n\r\n") else {
        return Ok(None);
    };
    let begin = memchr::memmem::find(rest, b"\r\n").context("no chunk")? + 2;
    Ok(rest.get(begin..))
}

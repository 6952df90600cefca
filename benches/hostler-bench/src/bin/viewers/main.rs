//! Many clients in one process: `viewers ADDRESS TOKEN COUNT KIND [SESSION]`,
//! where KIND is `plain` or `positioned` for clients that view the session,
//! `idle` for those that only introduce themselves, and `bare` for those of a
//! peer that speaks no ACP.
//!
//! Says `ready` when all are connected. Then, each time that all have seen the
//! end of a turn, a line of JSON: when that was, and how many frames came to
//! them. The frames of the first turn, as the first viewer got them, go to the
//! file of `HOSTLER_BENCH_RECORD`, one a line.

mod socket;

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use hostler_bench::monotonic;
use memchr::memmem::Finder;
use serde_json::{Value, json};
use socket::Socket;
use tokio::{sync::mpsc, task::JoinSet};

/// What the update that tells others of a turn's end has, and no other.
const END: &str = r#""state":"ended""#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    Bare,
    Idle,
    Plain(&'a str),
    Positioned(&'a str),
}

/// What a viewer saw of a turn.
#[derive(Debug)]
struct Seen {
    at: Duration,
    frames: u64,
}

// All on one thread: it is the other side that is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [address, token, count, kind @ ..] = &words[..] else {
        bail!("viewers ADDRESS TOKEN COUNT KIND [SESSION]");
    };
    let count: usize = count.parse().context("COUNT")?;
    let kind = match kind {
        ["bare"] => Kind::Bare,
        ["idle"] => Kind::Idle,
        ["plain", session] => Kind::Plain(session),
        ["positioned", session] => Kind::Positioned(session),
        _ => bail!("there is no such KIND"),
    };
    let record = env::var_os("HOSTLER_BENCH_RECORD").map(PathBuf::from);
    let (ends, mut ended) = mpsc::unbounded_channel();
    let mut viewers = JoinSet::new();
    for number in 0..count {
        let socket = begin(address, token, kind).await?;
        let record = record.clone().filter(|_| number == 0);
        viewers.spawn(watch(socket, record, ends.clone()));
    }
    println!("ready");
    loop {
        let (mut last, mut frames) = (Duration::ZERO, 0);
        for _ in 0..count {
            let seen: Seen = tokio::select! {
                seen = ended.recv() => seen.context("nobody is left")?,
                Some(failed) = viewers.join_next() => {
                    failed??;
                    bail!("a viewer ended");
                }
            };
            last = last.max(seen.at);
            frames += seen.frames;
        }
        println!(
            "{}",
            json!({"at": u64::try_from(last.as_nanos())?, "frames": frames})
        );
    }
}

/// Connects, and views the session.
async fn begin(address: &str, token: &str, kind: Kind<'_>) -> Result<Socket> {
    let mut socket = Socket::connect(address, token).await?;
    if kind == Kind::Bare {
        return Ok(socket);
    }
    let mut meta = json!({});
    if matches!(kind, Kind::Positioned(_)) {
        meta["hostler"] = json!({});
    }
    let capabilities = json!({"_meta": meta});
    let params = json!({"protocolVersion": 1, "clientCapabilities": capabilities});
    call(&mut socket, "initialize", params).await?;
    match kind {
        Kind::Bare | Kind::Idle => {}
        Kind::Plain(session) => {
            let cwd = env::current_dir()?;
            let params = json!({"sessionId": session, "cwd": cwd, "mcpServers": []});
            call(&mut socket, "session/resume", params).await?;
        }
        Kind::Positioned(session) => {
            let params = json!({"sessionId": session, "replay": false});
            call(&mut socket, "_hostler/session/attach", params).await?;
        }
    }
    Ok(socket)
}

async fn call(socket: &mut Socket, method: &str, params: Value) -> Result<()> {
    let request = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
    socket.send(&request.to_string()).await?;
    loop {
        let message: Value = serde_json::from_slice(socket.text().await?)?;
        if message["id"] == method {
            ensure!(message.get("error").is_none(), "{method}: {message}");
            return Ok(());
        }
    }
}

async fn watch(
    mut socket: Socket,
    mut record: Option<PathBuf>,
    ends: mpsc::UnboundedSender<Seen>,
) -> Result<()> {
    let (update, end) = (Finder::new("\"session/update\""), Finder::new(END));
    let mut frames = 0;
    let mut recorded = Vec::new();
    loop {
        let frame = socket.text().await?;
        // Who comes and goes is told besides.
        if update.find(frame).is_none() {
            continue;
        }
        frames += 1;
        if record.is_some() {
            recorded.extend_from_slice(frame);
            recorded.push(b'\n');
        }
        if end.find(frame).is_some() {
            if let Some(file) = record.take() {
                fs::write(file, std::mem::take(&mut recorded))?;
            }
            let at = monotonic();
            ends.send(Seen { at, frames })?;
            frames = 0;
        }
    }
}

//! A large file through a terminal to a client over the wire, beside the same
//! file through a PTY that is only read.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use super::percentile;
use crate::{
    Programs,
    client::Client,
    report::{Peer, Report, Value},
    stage::Stage,
};

const BYTES: usize = 100_000_000;

const ROUNDS: usize = 3;

pub(crate) fn terminal(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let file = stage.work().join("file");
    let line = "the quick brown fox jumps over the lazy dogs, line after line\n";
    fs::write(&file, line.repeat(BYTES / line.len()))?;
    let host = stage.host()?;
    let mut client = host.client(true)?;
    let session = client.open(&stage.work(), "scripted")?;
    let (mut read, mut shown, mut came) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        read.push(speed(reader(&file)?));
        let (took, bytes) = wire(&mut client, &session, &file)?;
        shown.push(speed(took));
        came.push(bytes as f64 / BYTES as f64 * 1e2);
    }
    let (read, shown) = (percentile(&read, 0.5), percentile(&shown, 0.5));
    report.add(
        "cat of 100 MB into a PTY that is only read",
        Value(read, "MB/s"),
        Peer::Nothing,
    );
    report.add(
        "the same to a client over WebSocket",
        Value(shown, "MB/s"),
        Peer::Nothing,
    );
    report.at_least(
        "the second to the first",
        Value(shown / read, "x"),
        0.5,
        Peer::Nothing,
    );
    report.add(
        "of the bytes, sent to the client; the rest it saw as screens",
        Value(percentile(&came, 0.5), "%"),
        Peer::Nothing,
    );
    Ok(())
}

fn speed(took: Duration) -> f64 {
    BYTES as f64 / 1e6 / took.as_secs_f64()
}

fn reader(file: &Path) -> Result<Duration> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let tty = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    let tty = File::options().read(true).write(true).open(tty)?;
    let begin = Instant::now();
    let mut cat = Command::new("cat");
    let mut child = cat.arg(file).stdout(Stdio::from(tty)).spawn()?;
    // It keeps the terminal open, and there would be no end.
    drop(cat);
    let mut master = File::from(master);
    let (mut buffer, mut read) = (vec![0; 64 * 1024], 0);
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        read += count;
    }
    child.wait()?;
    ensure!(read > BYTES / 10 * 9, "only {read} bytes came");
    Ok(begin.elapsed())
}

/// Until the client knows that the program has ended; and the bytes of output
/// that it was sent.
fn wire(client: &mut Client, session: &str, file: &Path) -> Result<(Duration, usize)> {
    let begin = Instant::now();
    let params = json!({"sessionId": session, "command": ["cat", file], "cols": 80, "rows": 24});
    client.ask("_hostler/terminal/open", &params)?;
    let mut bytes = 0;
    loop {
        let text = client.text()?;
        let head = text.get(..60).unwrap_or(&text);
        if head.contains("terminal/output") {
            let data = text.split_once("\"data\":\"").context("no data")?.1;
            bytes += data.len() / 4 * 3;
        } else if head.contains("terminal/exited") {
            return Ok((begin.elapsed(), bytes));
        } else if let Some((_, error)) = text.split_once("\"error\":") {
            anyhow::bail!("the terminal was refused: {error}");
        }
    }
}

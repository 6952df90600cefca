//! A client that comes back after it has missed much: more than is in memory, so
//! the journal has it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value as Json, json};

use super::{ms, percentile};
use crate::{
    Programs,
    report::{Peer, Report, Value},
    stage::Stage,
};

const MISSED: u64 = 10_000;

/// Pieces of each turn.
const PIECES: u64 = 1000;

/// Bytes of text, so that each update has at least 300.
const TEXT: usize = 190;

const ROUNDS: usize = 10;

pub(crate) fn attach(programs: &Programs, report: &mut Report) -> Result<()> {
    let stage = Stage::stand_in(programs)?;
    let host = stage.host()?;
    let mut client = host.client(true)?;
    let session = client.open(&stage.work(), "scripted")?;
    let piece = format!("{:x<1$} ", "", TEXT);
    let prompt = format!("say {}", piece.repeat(PIECES as usize));
    for _ in 0..=MISSED / PIECES {
        client.prompt(&session, &prompt, |_, _| {})?;
    }
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let mut client = host.client(true)?;
        let params = json!({"sessionId": session, "replay": false});
        let stands = client.call("_hostler/session/attach", params, |_, _| {})?;
        let head = stands["headSeq"].as_u64().context("no head")?;
        let epoch = stands["epoch"].as_u64().context("no epoch")?;
        let mut client = host.client(true)?;
        let after = json!({"epoch": epoch, "seq": head - MISSED});
        let begin = Instant::now();
        client.ask(
            "_hostler/session/attach",
            &json!({"sessionId": session, "after": after}),
        )?;
        // The history has its position at the end of the text.
        let last = format!("\"seq\":{head}}}}}}}}}");
        let mut frames = 0;
        bytes = 0;
        let took = loop {
            let text = client.text()?;
            if text.contains("\"session/update\"") {
                frames += 1;
                bytes += text.len();
            } else if text.contains("\"reset\"") {
                let answer: Json = serde_json::from_str(text.as_str())?;
                ensure!(answer["result"]["reset"] == false, "a reset: {text}");
            }
            if text.ends_with(&last) {
                break begin.elapsed();
            }
        };
        ensure!(frames == MISSED, "{frames} frames came, not {MISSED}");
        times.push(ms(took));
        std::thread::sleep(Duration::from_millis(300));
    }
    report.goal(
        format!(
            "attach with {MISSED} missed frames of {} B, median of {ROUNDS}",
            bytes as u64 / MISSED
        ),
        Value(percentile(&times, 0.5), "ms"),
        50.0,
        Peer::Nothing,
    );
    report.add(
        "the same, slowest",
        Value(percentile(&times, 1.0), "ms"),
        Peer::Nothing,
    );
    Ok(())
}

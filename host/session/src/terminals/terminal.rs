//! One command with its output and its end.

use std::sync::{Arc, Mutex};

use hostler_runtime::children::Exit;
use serde_json::json;
use tokio::{
    sync::{oneshot, watch},
    task::AbortHandle,
};

use super::ring::Ring;
use crate::{commands::RunningCommand, router::lock};

#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) output: Arc<Mutex<Ring>>,
    pub(super) end: watch::Receiver<Option<End>>,
    pub(super) kill: Option<oneshot::Sender<()>>,
    pump: AbortHandle,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// How a command ended; `None` if that cannot be known.
pub(super) type End = Option<Exit>;

impl Terminal {
    pub(super) fn new(running: RunningCommand, limit: usize) -> Self {
        let RunningCommand {
            mut output,
            exit,
            kill,
        } = running;
        let ring = Arc::new(Mutex::new(Ring::new(limit)));
        let (ended, end) = watch::channel(None);
        let pump = tokio::spawn({
            let ring = ring.clone();
            async move {
                while let Some(chunk) = output.recv().await {
                    lock(&ring).push(&chunk);
                }
                let _ = ended.send(Some(exit.await.ok()));
            }
        });
        Self {
            output: ring,
            end,
            kill: Some(kill),
            pump: pump.abort_handle(),
        }
    }
}

/// ACP's exit status.
pub(super) fn status(end: End) -> serde_json::Value {
    let code = end
        .and_then(|exit| exit.code)
        .and_then(|code| u32::try_from(code).ok());
    let signal = end.and_then(|exit| exit.signal).map(signal_name);
    json!({ "exitCode": code, "signal": signal })
}

/// The names of those that have one number everywhere.
fn signal_name(number: i32) -> String {
    match number {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        3 => "SIGQUIT".to_owned(),
        6 => "SIGABRT".to_owned(),
        9 => "SIGKILL".to_owned(),
        11 => "SIGSEGV".to_owned(),
        13 => "SIGPIPE".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    }
}

//! What a command did to the screen, for clients that ask to see it.

use std::{sync::Arc, time::Duration};

use hostler_device::query::Snapshot;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::run::Run;
use crate::{
    diff::{Diff, digest},
    fault::Fault,
    tree::is_active,
};

/// How long nothing may change for a screen to count as settled, unless the
/// client says otherwise: its own usual value.
pub(crate) const QUIET: Duration = Duration::from_millis(500);

/// How long is waited for that, unless the client says otherwise: likewise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that a client may have waited for, of both: the client itself
/// gives up after 90 s.
pub(crate) const MAX_PATIENCE: Duration = Duration::from_secs(80);

/// The screen before a command, when its client wants to see what it did.
#[derive(Debug)]
pub(crate) struct Watch {
    before: Arc<Snapshot>,
    verify: bool,
    settle: Option<(Duration, Duration)>,
}

impl Watch {
    /// Right before the command. Nothing if the client does not ask.
    pub(crate) async fn begin(run: &Run<'_>) -> Result<Option<Self>, Fault> {
        let flags = &run.command.flags;
        let verify = flags.is("verify");
        let settle = flags.is("settle");
        if !verify && !settle {
            return Ok(None);
        }
        let time = |name, usual: Duration| {
            let said = flags.whole(name)?.map(Duration::from_millis);
            Ok::<_, Fault>(said.unwrap_or(usual).min(MAX_PATIENCE))
        };
        let settle = match settle {
            true => Some((time("settleQuietMs", QUIET)?, time("timeoutMs", PATIENCE)?)),
            false => None,
        };
        let before = match run.latest()? {
            Some(latest) => latest,
            None => run.look().await?,
        };
        Ok(Some(Self {
            before,
            verify,
            settle,
        }))
    }

    /// After it: adds what was seen. The command was done, whatever is seen.
    pub(crate) async fn end(self, run: &Run<'_>, answer: &mut Map<String, Value>) {
        let mut last = None;
        if let Some((quiet, patience)) = self.settle {
            let stable = stable(run, quiet, patience).await;
            answer.insert("settle".into(), self.settled(&stable));
            last = stable.last;
        }
        if !self.verify {
            return;
        }
        let seen = match last {
            Some(last) => Ok(last),
            None => run.look().await,
        };
        match seen {
            Ok(seen) => {
                answer.insert("evidence".into(), self.evidence(&seen));
            }
            Err(fault) => {
                let warning = format!(
                    "what the command did could not be seen: {}",
                    fault.message()
                );
                answer.insert("warning".into(), warning.into());
            }
        }
    }

    fn settled(&self, stable: &Stable) -> Value {
        let mut value = json!({
            "settled": stable.settled, "waitedMs": stable.waited.as_millis() as u64,
            "captures": stable.captures, "quietMs": stable.quiet.as_millis() as u64,
            "timeoutMs": stable.patience.as_millis() as u64,
        });
        let Some(map) = value.as_object_mut() else {
            return value;
        };
        if let Some(last) = &stable.last {
            let diff = Diff::between(self.before.tree(), last.tree());
            map.insert("diff".into(), diff.json());
            map.insert("tail".into(), diff.tail().into());
        }
        if !stable.settled {
            let hint = stable.why.clone().unwrap_or_else(|| {
                "The screen was still changing. Wait for what you expect, or take a snapshot."
                    .into()
            });
            map.insert("hint".into(), hint.into());
        }
        value
    }

    fn evidence(&self, after: &Snapshot) -> Value {
        let tree = after.tree();
        let now = digest(tree);
        json!({
            "foregroundApp": tree.app, "nodeCount": tree.nodes.len(),
            "interactiveNodeCount": tree.nodes.iter().filter(|node| is_active(node)).count(),
            "changedFromBefore": now != digest(self.before.tree()), "digest": now,
        })
    }
}

/// How a screen came to rest.
#[derive(Debug)]
pub(crate) struct Stable {
    pub(crate) settled: bool,
    pub(crate) waited: Duration,
    pub(crate) captures: u32,
    pub(crate) last: Option<Arc<Snapshot>>,
    quiet: Duration,
    patience: Duration,
    why: Option<String>,
}

/// Waits until the screen has looked the same for `quiet`.
pub(crate) async fn stable(run: &Run<'_>, quiet: Duration, patience: Duration) -> Stable {
    // A few looks in the time, but no more than a device bears.
    let pause = (quiet / 4).clamp(Duration::from_millis(25), Duration::from_millis(250));
    let began = Instant::now();
    let mut stable = Stable {
        settled: false,
        waited: Duration::ZERO,
        captures: 0,
        last: None,
        quiet,
        patience,
        why: None,
    };
    let mut same: Option<(String, Instant)> = None;
    loop {
        match run.look().await {
            Ok(seen) => {
                stable.captures += 1;
                let now = digest(seen.tree());
                stable.last = Some(seen);
                match &same {
                    Some((before, since)) if *before == now => {
                        stable.settled = since.elapsed() >= quiet;
                    }
                    _ => same = Some((now, Instant::now())),
                }
            }
            Err(fault) => {
                stable.why = Some(format!("The screen could not be read: {}", fault.message()));
                stable.waited = began.elapsed();
                return stable;
            }
        }
        stable.waited = began.elapsed();
        if stable.settled || stable.waited + pause > patience {
            return stable;
        }
        sleep(pause).await;
    }
}

//! `batch`: commands one after the other, up to the first that fails.

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{caller::Caller, fault::Fault, progress::Progress, request::Command, state::Shared};

/// Steps of one batch: its answer has all their answers.
const MAX_STEPS: usize = 100;

pub(crate) async fn run(
    shared: &Shared,
    caller: &Caller,
    command: &Command,
    progress: &Progress,
) -> Result<Value, Fault> {
    let steps = command.flags.list("batchSteps")?;
    let most = command.flags.whole("batchMaxSteps")?;
    let most = most.map_or(MAX_STEPS, |most| (most as usize).min(MAX_STEPS));
    if steps.is_empty() || steps.len() > most {
        let message = format!("a batch has 1 to {most} steps, not {}", steps.len());
        return Err(Fault::args(message));
    }
    // All are read before any is done.
    let read = steps.iter().map(|step| command.step(step));
    let steps = read.collect::<Result<Vec<_>, _>>()?;
    if steps.iter().any(|step| step.name == "batch") {
        return Err(Fault::args("a batch has no batches in it"));
    }
    let began = Instant::now();
    let mut results = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let number = place + 1;
        progress.say(&format!("{number}/{} {}", steps.len(), step.name));
        let started = Instant::now();
        // A box: a batch is a command, too.
        let done = Box::pin(super::run(shared, caller, step, progress)).await;
        let data = done.map_err(|fault| {
            fault
                .detail("step", number)
                .detail("command", step.name.clone())
                .detail("executed", place)
                .detail("total", steps.len())
                .detail("partialResults", results.clone())
        })?;
        results.push(json!({
            "step": number, "command": step.name, "ok": true, "data": data,
            "durationMs": started.elapsed().as_millis() as u64,
        }));
    }
    Ok(json!({
        "total": steps.len(), "executed": results.len(),
        "totalDurationMs": began.elapsed().as_millis() as u64, "results": results,
    }))
}

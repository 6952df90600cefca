//! One session: a loop that calls the reducer with what happened, and carries
//! out what it noted down. Between two calls it waits; it never calls twice at
//! once.
//!
//! - [`batch`]: what happened outside, as events for the plugin.
//! - [`effects`]: what it noted down, carried out.

mod batch;
mod effects;

use bytes::Bytes;
use tokio::sync::mpsc;

use self::{
    batch::Batch,
    effects::{Effects, Running},
};
use crate::{
    bindings::HarnessPluginPre,
    happenings::Happenings,
    harness::{Command, Ended, Event, Harness, MAILBOX, OPEN_REQUEST, OUTPUTS, OpenParams},
    instance::{HarnessInstance, Instance},
    loaded::Loaded,
    state::{Role, State},
    world::Refusal,
};

pub(crate) fn start(
    plugin: Loaded<HarnessPluginPre<State>>,
    params: OpenParams,
    resume: Option<Bytes>,
) -> (Harness, mpsc::Receiver<Event>) {
    let (commands, inbox) = mpsc::channel(MAILBOX);
    let (outputs, outbox) = mpsc::channel(OUTPUTS);
    tokio::spawn(async move {
        let session = params.session.clone();
        let mut running = Running::default();
        let Err(ended) = run(&plugin, params, resume, inbox, &outputs, &mut running).await;
        running.end().await;
        match &ended {
            Ended::Closed => tracing::debug!(plugin = plugin.shared.id, %session, "{ended}"),
            _ => tracing::warn!(plugin = plugin.shared.id, %session, "{ended}"),
        }
        let _ = outputs.send(Event::Ended(ended)).await;
    });
    (Harness::new(commands), outbox)
}

type Never = std::convert::Infallible;

async fn run(
    plugin: &Loaded<HarnessPluginPre<State>>,
    params: OpenParams,
    resume: Option<Bytes>,
    mut inbox: mpsc::Receiver<Command>,
    outputs: &mpsc::Sender<Event>,
    running: &mut Running,
) -> Result<Never, Ended> {
    let role = Role::Session {
        cwd: params.cwd.clone(),
    };
    let mut instance = Instance::new(plugin, role).await?;
    let opened = instance.open(OPEN_REQUEST, &params, resume).await?;
    let (happenings, mut happened) = Happenings::new();
    let mut effects = Effects::new(&plugin.shared, running, happenings, outputs);
    let session = match opened {
        Ok(session) => session,
        Err(refusal) => {
            effects.refuse(&mut instance, OPEN_REQUEST, &refusal);
            effects.carry_out(&mut instance).await?;
            return Err(instance.refused("open", refusal));
        }
    };
    effects.carry_out(&mut instance).await?;
    loop {
        let timer = effects.next_timer();
        tokio::select! {
            biased;
            command = inbox.recv() => match command {
                Some(Command::Close) | None => {
                    let closed = instance.close(session).await?;
                    complain(&mut instance, "close", closed);
                    effects.end_exchanges().await;
                    effects.carry_out(&mut instance).await?;
                    effects.say_goodbye(&mut happened).await;
                    return Err(Ended::Closed);
                }
                Some(command) => effects.command(&mut instance, session, command).await?,
            },
            // Before what happens outside: what never stops must not stop the
            // plugin's clock.
            () = tokio::time::sleep_until(timer.0.into()), if timer.1.is_some() => {
                let due = effects.due_timers(&mut instance);
                effects.events(&mut instance, session, due).await?;
            }
            happening = happened.recv() => {
                let mut batch = Batch::default();
                let mut next = happening;
                while let Some(happening) = next {
                    batch.add(happening, effects.running(), instance.state());
                    next = if batch.is_full() { None } else { happened.try_recv().ok() };
                }
                effects.events(&mut instance, session, batch.into_events()).await?;
            }
        }
        effects.carry_out(&mut instance).await?;
    }
}

/// These calls have nobody to answer to: what a plugin refuses here is for the
/// operator's log.
fn complain(instance: &mut HarnessInstance, call: &str, answer: Result<(), Refusal>) {
    if let Err(refusal) = answer {
        let plugin = instance.state().plugin.id.as_str();
        tracing::warn!(target: "plugin", plugin, "{call} was refused: {refusal}");
    }
}

//! One session: a loop that calls the reducer with what happened, and carries
//! out what it noted down. Between two calls it waits; it never calls twice at
//! once.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, mpsc};
use wasmtime::component::ResourceAny;

use crate::{
    bindings::{
        HarnessPluginPre,
        exports::hostler::harness::harness::Event as GuestEvent,
        hostler::{
            harness::events::{AskAnswer, ChildExit, Line, StartFailure},
            host::process::{Exit, Stdio},
            types::types::Failure as GuestFailure,
        },
    },
    children::{
        Helper,
        pump::{self, ChildEvent, ChildHandle, Emitter, WAITING_OUTPUT},
    },
    harness::{
        Command, Ended, Event, Failure, Harness, MAILBOX, OPEN_REQUEST, OUTPUTS, OpenParams,
        Output, SessionOrigin,
    },
    instance::{HarnessInstance, Instance},
    loaded::Loaded,
    state::{Effect, Role, State},
    world::Refusal,
};

/// Child events that wait; behind them the children's pipes fill up.
const CHILD_EVENTS: usize = 64;

/// One batch of events ends at this many bytes of lines, so that a flood is cut
/// into calls that fit their budget…
const BATCH_BYTES: usize = 1024 * 1024;

/// …or when this many events are in it; those of one chunk stay together.
const BATCH_EVENTS: usize = 4096;

/// How long children may take to end by themselves when their session has
/// ended. An editor that closes waits for it.
const GOODBYE: Duration = Duration::from_millis(500);

/// JSON-RPC's internal error, for requests that a plugin refuses.
const INTERNAL: i32 = -32603;

pub(crate) fn start(
    plugin: Loaded<HarnessPluginPre<State>>,
    params: OpenParams,
    origin: SessionOrigin,
) -> (Harness, mpsc::Receiver<Event>) {
    let (commands, inbox) = mpsc::channel(MAILBOX);
    let (outputs, outbox) = mpsc::channel(OUTPUTS);
    tokio::spawn(async move {
        let session = params.session.clone();
        let mut children = HashMap::new();
        let Err(ended) = run(&plugin, params, origin, inbox, &outputs, &mut children).await;
        let ending: Vec<_> = children
            .into_values()
            .map(|child| tokio::spawn(child.end()))
            .collect();
        for child in ending {
            let _ = child.await;
        }
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
    origin: SessionOrigin,
    mut inbox: mpsc::Receiver<Command>,
    outputs: &mpsc::Sender<Event>,
    children: &mut HashMap<u32, ChildHandle>,
) -> Result<Never, Ended> {
    let role = Role::Session {
        cwd: params.cwd.clone(),
    };
    let mut instance = Instance::new(plugin, role).await?;
    let opened = instance.open(OPEN_REQUEST, &params, &origin).await?;
    let (child_events, mut from_children) = mpsc::channel(CHILD_EVENTS);
    let mut effects = Effects {
        children,
        timers: Vec::new(),
        child_events,
        room: Arc::new(Semaphore::new(WAITING_OUTPUT)),
        helper: plugin.shared.outside.helper.clone(),
        outputs,
    };
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
                    effects.carry_out(&mut instance).await?;
                    effects.children_end(&mut from_children).await;
                    return Err(Ended::Closed);
                }
                Some(command) => effects.command(&mut instance, session, command).await?,
            },
            // Before the children: one that never stops printing must not stop the
            // plugin's clock.
            () = tokio::time::sleep_until(timer.0.into()), if timer.1.is_some() => {
                let due = effects.due_timers(&mut instance);
                effects.events(&mut instance, session, due).await?;
            }
            event = from_children.recv() => {
                let mut batch = Batch::default();
                let mut next = event;
                while let Some((child, event)) = next {
                    effects.child(&mut instance, &mut batch, child, event);
                    next = if batch.full() { None } else { from_children.try_recv().ok() };
                }
                effects.events(&mut instance, session, batch.events).await?;
            }
        }
        effects.carry_out(&mut instance).await?;
    }
}

#[derive(Default)]
struct Batch {
    events: Vec<GuestEvent>,
    bytes: usize,
}

impl Batch {
    fn full(&self) -> bool {
        self.bytes >= BATCH_BYTES || self.events.len() >= BATCH_EVENTS
    }
}

/// The outside of an instance.
struct Effects<'a> {
    children: &'a mut HashMap<u32, ChildHandle>,
    /// A few: searched in order.
    timers: Vec<(Instant, u64)>,
    child_events: mpsc::Sender<(u32, ChildEvent)>,
    room: Arc<Semaphore>,
    helper: Helper,
    outputs: &'a mpsc::Sender<Event>,
}

impl Effects<'_> {
    async fn command(
        &self,
        instance: &mut HarnessInstance,
        session: ResourceAny,
        command: Command,
    ) -> Result<(), Ended> {
        match command {
            Command::Prompt { request, prompt } => {
                instance.state().open_requests.insert(request);
                let answer = instance.prompt(session, request, &prompt).await?;
                if let Err(refusal) = answer {
                    self.refuse(instance, request, &refusal);
                }
            }
            Command::Call {
                request,
                method,
                params,
            } => {
                instance.state().open_requests.insert(request);
                let answer = instance.other(session, request, &method, &params).await?;
                if let Err(refusal) = answer {
                    self.refuse(instance, request, &refusal);
                }
            }
            Command::Authenticate {
                request,
                method,
                meta,
            } => {
                instance.state().open_requests.insert(request);
                let params = authenticate(instance, &method, meta);
                let answer = match params {
                    Ok(params) => {
                        let method = "authenticate";
                        instance.other(session, request, method, &params).await?
                    }
                    Err(error) => Err(format!("there are no random bytes for handles: {error}")),
                };
                if let Err(refusal) = answer {
                    self.refuse(instance, request, &refusal);
                }
            }
            Command::Cancel => {
                let cancelled = instance.cancel(session).await?;
                complain(instance, "cancel", cancelled);
            }
            Command::Answer { ask, outcome } => {
                // An answer may cross the plugin's own withdrawal.
                if instance.state().open_asks.remove(&ask) {
                    let outcome = outcome.map_err(|failure| GuestFailure {
                        code: failure.code,
                        message: failure.message,
                        data: failure.data,
                    });
                    let event = GuestEvent::AskAnswered(AskAnswer { id: ask, outcome });
                    self.events(instance, session, vec![event]).await?;
                }
            }
            // Seen to by the loop.
            Command::Close => {}
        }
        Ok(())
    }

    async fn events(
        &self,
        instance: &mut HarnessInstance,
        session: ResourceAny,
        events: Vec<GuestEvent>,
    ) -> Result<(), Ended> {
        if !events.is_empty() {
            let taken = instance.on_events(session, &events).await?;
            complain(instance, "on-events", taken);
        }
        Ok(())
    }

    fn child(
        &mut self,
        instance: &mut HarnessInstance,
        batch: &mut Batch,
        child: u32,
        event: ChildEvent,
    ) {
        let events = &mut batch.events;
        match event {
            ChildEvent::Started => events.push(GuestEvent::Started(child)),
            ChildEvent::Drained => events.push(GuestEvent::WriteDrained(child)),
            ChildEvent::Lines {
                stderr,
                lines,
                _held: _,
            } => {
                let source = if stderr { Stdio::Err } else { Stdio::Out };
                for line in lines {
                    batch.bytes += line.text.len();
                    events.push(GuestEvent::Line(Line {
                        child,
                        source,
                        text: line.text,
                        lossy: line.lossy,
                    }));
                }
            }
            ChildEvent::StartFailed(message) => {
                self.forget(instance, child);
                events.push(GuestEvent::StartFailed(StartFailure { child, message }));
            }
            ChildEvent::Exited(exit) => {
                self.forget(instance, child);
                let exit = Exit {
                    code: exit.code,
                    signal: exit.signal,
                };
                events.push(GuestEvent::Exited(ChildExit { child, exit }));
            }
        }
    }

    /// After the plugin has said goodbye: those that it told to end may do so by
    /// themselves.
    async fn children_end(&mut self, from_children: &mut mpsc::Receiver<(u32, ChildEvent)>) {
        let all = async {
            while !self.children.is_empty() {
                match from_children.recv().await {
                    Some((child, ChildEvent::Exited(_) | ChildEvent::StartFailed(_))) => {
                        self.children.remove(&child);
                    }
                    Some(_) => {}
                    None => return,
                }
            }
        };
        let _ = tokio::time::timeout(GOODBYE, all).await;
    }

    fn forget(&mut self, instance: &mut HarnessInstance, child: u32) {
        self.children.remove(&child);
        instance.state().children.remove(&child);
    }

    /// The moment of the first timer, and whether there is one.
    fn next_timer(&self) -> (Instant, Option<u64>) {
        match self.timers.iter().min() {
            Some((at, id)) => (*at, Some(*id)),
            None => (Instant::now(), None),
        }
    }

    fn due_timers(&mut self, instance: &mut HarnessInstance) -> Vec<GuestEvent> {
        let now = Instant::now();
        let mut due: Vec<_> = self.timers.extract_if(.., |(at, _)| *at <= now).collect();
        due.sort_unstable();
        due.into_iter()
            .map(|(_, id)| {
                instance.state().timers.remove(&id);
                GuestEvent::Timer(id)
            })
            .collect()
    }

    /// Answers a request that the plugin would not take, unless it has answered
    /// itself.
    fn refuse(&self, instance: &mut HarnessInstance, request: u64, refusal: &Refusal) {
        let state = instance.state();
        if state.open_requests.remove(&request) {
            let failure = Failure {
                code: INTERNAL,
                message: refusal.clone(),
                data: None,
            };
            state.effects.push(Effect::Client(Output::Answer {
                request,
                outcome: Err(failure),
            }));
        }
    }

    /// After a call, in the order in which the plugin wrote. Waits while the
    /// session has not taken earlier outputs.
    async fn carry_out(&mut self, instance: &mut HarnessInstance) -> Result<(), Ended> {
        let mut outputs = Vec::new();
        for effect in instance.take_effects() {
            match effect {
                Effect::Client(output) => outputs.push(output),
                Effect::Spawn {
                    child,
                    spec,
                    secrets,
                    credit,
                } => {
                    let events = self.child_events.clone();
                    let room = Arc::clone(&self.room);
                    let emitter = Emitter {
                        child,
                        events,
                        room,
                    };
                    let handle = pump::start(self.helper.clone(), spec, secrets, credit, emitter);
                    self.children.insert(child, handle);
                }
                Effect::Write { child, data } => self.to(child, |handle| handle.write(data)),
                Effect::CloseStdin { child } => self.to(child, ChildHandle::close_stdin),
                Effect::Signal { child, signal } => self.to(child, |handle| handle.signal(signal)),
                Effect::SetTimer { id, at } => {
                    self.timers.retain(|(_, other)| *other != id);
                    self.timers.push((at, id));
                }
                Effect::CancelTimer { id } => self.timers.retain(|(_, other)| *other != id),
            }
        }
        if outputs.is_empty() {
            return Ok(());
        }
        let sent = self.outputs.send(Event::Outputs(outputs)).await;
        sent.map_err(|_| Ended::Closed)
    }

    fn to(&self, child: u32, act: impl FnOnce(&ChildHandle)) {
        if let Some(handle) = self.children.get(&child) {
            act(handle);
        }
    }
}

/// The params of a login, without what may be secret in them.
fn authenticate(
    instance: &mut HarnessInstance,
    method: &str,
    meta: Option<serde_json::Map<String, serde_json::Value>>,
) -> Result<String, getrandom::Error> {
    let mut params = serde_json::json!({ "methodId": method });
    if let Some(meta) = meta {
        let mut meta = serde_json::Value::Object(meta);
        instance.state().handles.hide_texts(&mut meta)?;
        if let Some(params) = params.as_object_mut() {
            params.insert("_meta".to_owned(), meta);
        }
    }
    Ok(params.to_string())
}

/// These calls have nobody to answer to: what a plugin refuses here is for the
/// operator's log.
fn complain(instance: &mut HarnessInstance, call: &str, answer: Result<(), Refusal>) {
    if let Err(refusal) = answer {
        let plugin = instance.state().plugin.id.as_str();
        tracing::warn!(target: "plugin", plugin, "{call} was refused: {refusal}");
    }
}

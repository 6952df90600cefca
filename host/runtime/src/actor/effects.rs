//! What a call noted down, carried out.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use wasmtime::component::ResourceAny;

use super::complain;
use crate::{
    bindings::{
        exports::hostler::harness::harness::Event as GuestEvent,
        hostler::{
            harness::events::{AskAnswer, Notification},
            types::types::Failure as GuestFailure,
        },
    },
    children::pump::{self, ChildEvent, ChildHandle},
    exchanges::{self, ExchangeHandle},
    happenings::{Happening, Happenings},
    harness::{Command, Ended, Event, Failure, Output},
    instance::HarnessInstance,
    loaded::Shared,
    state::Effect,
    world::Refusal,
};

/// How long children may take to end by themselves when their session has
/// ended, and servers to answer a last request. An editor that closes waits for
/// it.
const GOODBYE: Duration = Duration::from_millis(500);

/// JSON-RPC's internal error, for requests that a plugin refuses.
const INTERNAL: i32 = -32603;

/// What of an instance lives outside.
#[derive(Debug, Default)]
pub(super) struct Running {
    pub(super) children: HashMap<u32, ChildHandle>,
    pub(super) exchanges: HashMap<u32, ExchangeHandle>,
}

impl Running {
    /// Returns when nothing of it is left.
    pub(super) async fn end(self) {
        let children = self.children.into_values();
        let ending: Vec<_> = children.map(|child| tokio::spawn(child.end())).collect();
        for exchange in self.exchanges.into_values() {
            exchange.end().await;
        }
        for child in ending {
            let _ = child.await;
        }
    }
}

/// The outside of an instance.
pub(super) struct Effects<'a> {
    plugin: &'a Arc<Shared>,
    running: &'a mut Running,
    /// A few: searched in order.
    timers: Vec<(Instant, u64)>,
    happenings: Happenings,
    outputs: &'a mpsc::Sender<Event>,
}

impl<'a> Effects<'a> {
    pub(super) fn new(
        plugin: &'a Arc<Shared>,
        running: &'a mut Running,
        happenings: Happenings,
        outputs: &'a mpsc::Sender<Event>,
    ) -> Self {
        Self {
            plugin,
            running,
            timers: Vec::new(),
            happenings,
            outputs,
        }
    }

    pub(super) fn running(&mut self) -> &mut Running {
        self.running
    }

    pub(super) async fn command(
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
            Command::Notify { method, params } => {
                let event = GuestEvent::Notified(Notification { method, params });
                self.events(instance, session, vec![event]).await?;
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

    pub(super) async fn events(
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

    /// Those from before the end of the session.
    pub(super) async fn end_exchanges(&mut self) {
        for (_, exchange) in self.running.exchanges.drain() {
            exchange.end().await;
        }
    }

    /// After the plugin has said goodbye: children that it told to end may do so by
    /// themselves, and servers that it told so may take it.
    pub(super) async fn say_goodbye(&mut self, happened: &mut mpsc::Receiver<Happening>) {
        let running = &mut *self.running;
        let all = async {
            while !(running.children.is_empty() && running.exchanges.is_empty()) {
                match happened.recv().await {
                    Some(Happening::Child(
                        child,
                        ChildEvent::Exited(_) | ChildEvent::StartFailed(_),
                    )) => {
                        running.children.remove(&child);
                    }
                    Some(Happening::Child(..)) => {}
                    Some(Happening::Exchange(exchange, _)) => {
                        running.exchanges.remove(&exchange);
                    }
                    None => return,
                }
            }
        };
        let _ = tokio::time::timeout(GOODBYE, all).await;
    }

    /// The moment of the first timer, and whether there is one.
    pub(super) fn next_timer(&self) -> (Instant, Option<u64>) {
        match self.timers.iter().min() {
            Some((at, id)) => (*at, Some(*id)),
            None => (Instant::now(), None),
        }
    }

    pub(super) fn due_timers(&mut self, instance: &mut HarnessInstance) -> Vec<GuestEvent> {
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
    pub(super) fn refuse(&self, instance: &mut HarnessInstance, request: u64, refusal: &Refusal) {
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
    pub(super) async fn carry_out(&mut self, instance: &mut HarnessInstance) -> Result<(), Ended> {
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
                    let helper = self.plugin.outside.helper.clone();
                    let emitter = self.happenings.emitter(child);
                    let handle = pump::start(helper, spec, secrets, credit, emitter);
                    self.running.children.insert(child, handle);
                }
                Effect::Write { child, data } => self.to(child, |handle| handle.write(data)),
                Effect::CloseStdin { child } => self.to(child, ChildHandle::close_stdin),
                Effect::Signal { child, signal } => self.to(child, |handle| handle.signal(signal)),
                Effect::OpenExchange { exchange, wanted } => {
                    let emitter = self.happenings.emitter(exchange);
                    let handle = exchanges::start(Arc::clone(self.plugin), wanted, emitter);
                    self.running.exchanges.insert(exchange, handle);
                }
                Effect::CancelExchange { exchange } => {
                    if let Some(handle) = self.running.exchanges.remove(&exchange) {
                        handle.end().await;
                    }
                }
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
        if let Some(handle) = self.running.children.get(&child) {
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

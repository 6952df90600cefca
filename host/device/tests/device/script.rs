//! A provider and a policy that do as they are told.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use hostler_provider::{
    Answer, BoxFuture, Call, Caller, Candidate, Capabilities, Choice, DeviceError, DeviceInfo,
    DeviceSession, Node, OpenDevice, Opened, Policy, PolicyError, PolicyTerms, Progress, Provider,
    ProviderError, States, Tree, Wish,
};

/// What a scripted function does.
#[derive(Debug, Clone, Default)]
pub(crate) enum Does {
    #[default]
    Answers,
    Takes(Duration),
    Hangs,
    Panics,
    Fails(DeviceError),
}

impl Does {
    async fn act(self) -> Result<(), DeviceError> {
        match self {
            Does::Answers => {}
            Does::Takes(time) => tokio::time::sleep(time).await,
            Does::Hangs => std::future::pending().await,
            Does::Panics => panic!("as the script says"),
            Does::Fails(error) => return Err(error),
        }
        Ok(())
    }
}

/// A provider. It notes what it is asked, and what must never be.
#[derive(Debug)]
pub(crate) struct Scripted {
    id: String,
    pub(crate) script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) devices: Vec<DeviceInfo>,
    pub(crate) lists: Does,
    pub(crate) listed: usize,
    pub(crate) opens: Does,
    pub(crate) next_opens: VecDeque<Does>,
    pub(crate) calls: Does,
    /// What the next calls do, before `calls` counts again.
    pub(crate) next_calls: VecDeque<Does>,
    pub(crate) ends: Does,
    pub(crate) ends_services: Does,
    /// `open tab-1`, `act tab-1`, `end tab-1`…
    pub(crate) log: Vec<String>,
    /// The tokens of the sessions that are open, by hardware id.
    pub(crate) live: HashMap<String, Vec<u64>>,
    /// The greatest token that each device has seen.
    pub(crate) tokens: BTreeMap<String, u64>,
    /// What must never happen.
    pub(crate) wrong: Vec<String>,
    /// Refs of the next snapshot.
    pub(crate) next_ref: u32,
    /// Into the second element, which is a field for secrets then.
    pub(crate) typed: Option<String>,
}

pub(crate) fn info(platform: &str, hardware_id: &str) -> DeviceInfo {
    DeviceInfo {
        platform: platform.to_owned(),
        hardware_id: hardware_id.to_owned(),
        name: format!("The {hardware_id}"),
        kind: "browser".to_owned(),
        target: "mobile".to_owned(),
        version: Some("130".to_owned()),
        booted: true,
        aliases: vec![format!("alias-{hardware_id}")],
        capabilities: Capabilities::default(),
    }
}

impl Scripted {
    pub(crate) fn new(id: &str, devices: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            id: id.to_owned(),
            script: Arc::new(Mutex::new(Script {
                devices: devices.iter().map(|id| info("web", id)).collect(),
                ..Script::default()
            })),
        })
    }

    pub(crate) fn now(&self) -> MutexGuard<'_, Script> {
        self.script
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.now().log.clone()
    }
}

impl Provider for Scripted {
    fn id(&self) -> &str {
        &self.id
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>> {
        Box::pin(async {
            let does = {
                let mut script = self.now();
                script.listed += 1;
                script.lists.clone()
            };
            let done = does.act().await;
            done.map_err(|error| ProviderError::Broken(error.to_string()))?;
            Ok(self.now().devices.clone())
        })
    }

    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        Box::pin(async move {
            progress.report("booting");
            let device = open.hardware_id.clone();
            let does = {
                let mut script = self.now();
                script.log.push(format!("open {device}"));
                if !script.live.get(&device).is_none_or(Vec::is_empty) {
                    let wrong = format!("{device} was opened while it was open");
                    script.wrong.push(wrong);
                }
                let greatest = script.tokens.entry(device.clone()).or_default();
                let before = std::mem::replace(greatest, open.token);
                if before > open.token {
                    script.wrong.push(format!("{device} saw an older token"));
                }
                let next = script.next_opens.pop_front();
                next.unwrap_or_else(|| script.opens.clone())
            };
            does.act().await?;
            let mut script = self.now();
            let present = script.devices.iter().any(|it| it.hardware_id == device);
            if !present {
                return Err(DeviceError::Lost(format!("{device} is gone")));
            }
            script
                .live
                .entry(device.clone())
                .or_default()
                .push(open.token);
            script.next_ref = open.first_ref;
            let session = Session {
                script: Arc::clone(&self.script),
                device,
                token: open.token,
            };
            Ok(Opened {
                session: Box::new(session),
            })
        })
    }

    fn end_services(&self, hardware_id: &str) -> BoxFuture<'_, ()> {
        let does = {
            let mut script = self.now();
            script.log.push(format!("services {hardware_id}"));
            script.ends_services.clone()
        };
        Box::pin(async move {
            // A failing end is an end.
            let _ = does.act().await;
        })
    }
}

#[derive(Debug)]
struct Session {
    script: Arc<Mutex<Script>>,
    device: String,
    token: u64,
}

impl Session {
    fn now(&self) -> MutexGuard<'_, Script> {
        self.script
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }
}

impl DeviceSession for Session {
    fn call(&mut self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        Box::pin(async move {
            let does = {
                let mut script = self.now();
                let name = call.name();
                script.log.push(format!("{name} {}", self.device));
                if script.tokens.get(&self.device) != Some(&self.token) {
                    script.wrong.push(format!("{name} of an older token"));
                }
                let next = script.next_calls.pop_front();
                next.unwrap_or_else(|| script.calls.clone())
            };
            does.act().await?;
            let mut script = self.now();
            Ok(match call {
                Call::Snapshot => {
                    let first = script.next_ref;
                    script.next_ref += 2;
                    let mut tree = tree(first);
                    let field = tree.nodes.last_mut().unwrap();
                    field.states.secure = script.typed.is_some();
                    field.value = script.typed.clone();
                    Answer::Tree(tree)
                }
                _ => Answer::Done,
            })
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        let does = self.now().ends.clone();
        Box::pin(async move {
            // A failing end is an end: the session is dropped.
            let _ = does.act().await;
            drop(self);
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut script = self.now();
        script.log.push(format!("end {}", self.device));
        let token = self.token;
        if let Some(live) = script.live.get_mut(&self.device) {
            live.retain(|it| *it != token);
        }
    }
}

/// A document with a button.
fn tree(first: u32) -> Tree {
    let node = |number, depth, role: &str, label: &str| Node {
        number,
        depth,
        role: role.to_owned(),
        label: label.to_owned(),
        value: None,
        identifier: None,
        rect: None,
        states: States::default(),
    };
    Tree {
        nodes: vec![
            node(first, 0, "document", "Page"),
            node(first + 1, 1, "button", "Sign in"),
        ],
        ..Tree::default()
    }
}

/// A policy that gives what is asked for.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) id: &'static str,
    pub(crate) readers: u16,
    /// Commands that it does not admit.
    pub(crate) denies: Vec<&'static str>,
    pub(crate) terms: Mutex<Option<PolicyError>>,
    /// For a wish that names none.
    pub(crate) chooses: Vec<Choice>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            id: "rules",
            readers: 1,
            denies: Vec::new(),
            terms: Mutex::default(),
            chooses: vec![Choice::Pool("web".to_owned())],
        }
    }
}

/// Without a wish.
pub(crate) const TTL: Duration = Duration::from_secs(60);

impl Policy for Rules {
    fn id(&self) -> &str {
        self.id
    }

    fn needs_lease<'a>(
        &'a self,
        _: &'a Caller,
        command: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>> {
        Box::pin(async move { Ok(command != "devices") })
    }

    fn resolve<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Wish,
        _: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>> {
        Box::pin(async move { Ok(self.chooses.clone()) })
    }

    fn terms<'a>(
        &'a self,
        _: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>> {
        let refuses = self.terms.lock().unwrap().clone();
        Box::pin(async move {
            refuses.map_or(Ok(()), Err)?;
            Ok(PolicyTerms {
                ttl: wish.ttl.unwrap_or(TTL),
                wait: wish.wait,
                readers: self.readers,
                hand_over: wish.hand_over.clone().unwrap_or_default(),
            })
        })
    }

    fn admit<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Candidate,
        command: &'a str,
    ) -> BoxFuture<'a, Result<(), PolicyError>> {
        let denied = self.denies.contains(&command);
        Box::pin(async move {
            if denied {
                return Err(PolicyError::Denied(format!("`{command}` is not allowed")));
            }
            Ok(())
        })
    }
}

//! Devices that are played: each shows a counter, and a button that counts.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hostler_device::{Config, Devices, Durable, LeaseStore, Unobserved};
use hostler_lease::{Record, Saved};
use hostler_provider::{
    Act, Answer, BoxFuture, Call, Caller, Candidate, Capabilities, Choice, DeviceError, DeviceInfo,
    DeviceSession, HandOver, Image, LogLine, Logs, Node, OpenDevice, Opened, Policy, PolicyError,
    PolicyTerms, Progress, Provider, ProviderError, Rect, States, Target, Tree, Wish,
};

/// The first bytes of a PNG: enough to be known again.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\nplayed";

/// A lease store that keeps what it is given, so that a host can start again.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<Saved>>);

impl Kept {
    pub(crate) fn saved(&self) -> Saved {
        let kept = self.0.lock().unwrap();
        kept.clone().unwrap_or_else(|| Saved::new(1_700_000_000))
    }
}

impl LeaseStore for Kept {
    fn write(&self, records: Vec<Record>, done: Durable) {
        let mut saved = self.saved();
        records.into_iter().for_each(|record| saved.apply(record));
        *self.0.lock().unwrap() = Some(saved);
        done(Ok(()));
    }
}

/// A service with so many played devices, `play:one`, `play:two`…
pub(crate) async fn devices(kept: &Arc<Kept>, starts: u32) -> (Devices, Played) {
    let devices = Devices::start(
        Config::new("easy"),
        kept.saved(),
        starts,
        kept.clone(),
        Arc::new(Unobserved),
    );
    let played = Played::default();
    devices.set_policy(Arc::new(Easy));
    devices.set_provider(Arc::new(played.clone()));
    (devices, played)
}

/// What the devices went through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Played {
    /// Calls that reached a device, by name.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    count: Arc<Mutex<u32>>,
}

impl Played {
    pub(crate) fn count(&self) -> u32 {
        *self.count.lock().unwrap()
    }
}

impl Provider for Played {
    fn id(&self) -> &str {
        "play"
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>> {
        let info = |id: &str| DeviceInfo {
            platform: "play".into(),
            hardware_id: id.into(),
            name: format!("Phone {id}"),
            kind: "simulator".into(),
            target: "mobile".into(),
            version: Some("1".into()),
            booted: false,
            aliases: vec![format!("the-{id}")],
            capabilities: Capabilities {
                snapshot: true,
                act: true,
                screenshot: true,
                ..Capabilities::default()
            },
        };
        Box::pin(async move { Ok(vec![info("one"), info("two")]) })
    }

    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        Box::pin(async move {
            progress.report("booting");
            let session = Session {
                played: self.clone(),
                next_ref: open.first_ref,
                shown: 0,
            };
            Ok(Opened {
                session: Box::new(session),
            })
        })
    }

    fn end_services(&self, _: &str) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

#[derive(Debug)]
struct Session {
    played: Played,
    next_ref: u32,
    shown: u32,
}

impl Session {
    fn tree(&mut self) -> Tree {
        self.shown = self.next_ref;
        self.next_ref += 2;
        let node = |number, role: &str, label: String| Node {
            number,
            depth: 0,
            role: role.into(),
            label,
            value: None,
            identifier: None,
            rect: Some(Rect {
                x: 0.0,
                y: 0.0,
                width: 10.0,
                height: 10.0,
            }),
            states: States {
                enabled: true,
                hittable: true,
                ..States::default()
            },
        };
        let count = self.played.count();
        Tree {
            nodes: vec![
                node(self.shown, "button", "Count".into()),
                node(self.shown + 1, "heading", format!("Counted {count}")),
            ],
            truncated: false,
            app: Some("play.counter".into()),
            title: Some("Counter".into()),
        }
    }
}

impl DeviceSession for Session {
    fn call(&mut self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        self.played.calls.lock().unwrap().push(call.name().into());
        Box::pin(async move {
            Ok(match call {
                Call::Snapshot => Answer::Tree(self.tree()),
                Call::Act(Target::Ref(number), Act::Tap(times)) => {
                    if number != self.shown {
                        return Err(DeviceError::NotFound("this is no button".into()));
                    }
                    *self.played.count.lock().unwrap() += u32::from(times);
                    Answer::Done
                }
                Call::Screenshot { .. } => Answer::Image(Image {
                    data: Bytes::from_static(PNG),
                    media_type: "image/png".into(),
                    scale: 2.0,
                }),
                Call::Logs { since } => Answer::Logs(Logs {
                    lines: vec![LogLine {
                        time: 1,
                        level: "info".into(),
                        source: "play".into(),
                        text: format!("since {since}"),
                    }],
                    next: since + 1,
                }),
                // Never ends by itself.
                Call::WaitIdle(_) => std::future::pending().await,
                Call::OpenUrl(_) | Call::Alive => Answer::Done,
                other => {
                    return Err(DeviceError::Unsupported(format!(
                        "a played device has no {}",
                        other.name()
                    )));
                }
            })
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

/// Gives everybody what they want.
#[derive(Debug)]
struct Easy;

impl Policy for Easy {
    fn id(&self) -> &str {
        "easy"
    }

    fn needs_lease<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>> {
        Box::pin(async { Ok(false) })
    }

    fn resolve<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Wish,
        devices: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>> {
        let free = devices
            .iter()
            .find(|device| device.free)
            .or(devices.first());
        let choice = free.map(|device| Choice::Device(device.key.clone()));
        Box::pin(async { Ok(choice.into_iter().collect()) })
    }

    fn terms<'a>(
        &'a self,
        _: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>> {
        let terms = PolicyTerms {
            ttl: wish.ttl.unwrap_or(Duration::from_secs(300)),
            wait: wish.wait,
            readers: 1,
            hand_over: HandOver::Keep,
        };
        Box::pin(async { Ok(terms) })
    }

    fn admit<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a Candidate,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async { Ok(()) })
    }
}

//! Devices that are played: a page with a button that counts, and a field.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hostler_provider::{
    Act, Answer, BoxFuture, Call, Capabilities, DeviceError, DeviceInfo, DeviceSession, Image,
    LogLine, Logs, Node, OpenDevice, Opened, Progress, Provider, ProviderError, States, Target,
    Tree,
};
use hostler_test_devices::PNG;

/// What the devices went through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Played(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Calls that reached a device.
    calls: Vec<Call>,
    /// Whether the text is on the screen that is waited for.
    done: bool,
}

impl Played {
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
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
            aliases: vec!["phone".into()],
            capabilities: Capabilities {
                snapshot: true,
                act: true,
                text: true,
                screenshot: true,
                logs: true,
                open_url: true,
                ..Capabilities::default()
            },
        };
        Box::pin(async move { Ok(vec![info("One"), info("Two")]) })
    }

    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>> {
        Box::pin(async move {
            progress.report("booting the phone");
            let session = Session {
                played: self.clone(),
                next: open.first_ref,
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
    next: u32,
}

impl Session {
    fn tree(&mut self) -> Tree {
        let first = self.next;
        self.next += 3;
        let node = |at: u32, role: &str, label: &str, states| Node {
            number: first + at,
            depth: u32::from(at > 0),
            role: role.into(),
            label: label.into(),
            value: None,
            identifier: None,
            rect: None,
            states,
        };
        let on = States {
            enabled: true,
            hittable: true,
            ..States::default()
        };
        let off = States {
            offscreen: true,
            ..on
        };
        let done = self.played.0.lock().unwrap().done;
        let label = if done { "Done" } else { "Go\u{1b}[2J" };
        Tree {
            nodes: vec![
                node(0, "group", "", on),
                node(1, "button", label, on),
                node(2, "link", "Below", off),
            ],
            truncated: false,
            app: Some("play.page".into()),
            title: Some("Page".into()),
        }
    }
}

impl DeviceSession for Session {
    fn call(&mut self, call: Call, _: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>> {
        self.played.0.lock().unwrap().calls.push(call.clone());
        Box::pin(async move {
            Ok(match call {
                Call::Snapshot => Answer::Tree(self.tree()),
                Call::Act(Target::Ref(_) | Target::Point(_), Act::Tap(_)) => {
                    self.played.0.lock().unwrap().done = true;
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
                        source: "page".into(),
                        text: format!("since {since}"),
                    }],
                    next: since + 1,
                }),
                Call::Alert(_) => Answer::Alert(None),
                Call::Launch(app) => {
                    return Err(DeviceError::NotFound(format!("there is no app {app}")));
                }
                _ => Answer::Done,
            })
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

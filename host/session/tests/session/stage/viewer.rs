//! A played client.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use hostler_auth::{Identity, Principal};
use hostler_session::{Access, Client, ClientId, History, Outlet, Who};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{owner, parse};

/// A connection.
pub(crate) struct Viewer {
    pub(crate) client: Client,
    frames: Frames,
    open: Arc<AtomicBool>,
}

/// What was sent to it. In no test is a plain client sent anything of the
/// extension.
struct Frames {
    sent: mpsc::UnboundedReceiver<Bytes>,
    positioned: bool,
}

impl Frames {
    async fn next(&mut self) -> String {
        let frame = self.sent.recv().await.unwrap();
        self.checked(&frame)
    }

    fn try_next(&mut self) -> Option<String> {
        let frame = self.sent.try_recv().ok()?;
        Some(self.checked(&frame))
    }

    fn checked(&self, frame: &Bytes) -> String {
        let frame = String::from_utf8(frame.to_vec()).unwrap();
        let (head, _) = frame.split_once("\"params\"").unwrap_or((&frame, ""));
        let extension = head.contains("\"method\":\"_hostler");
        assert!(self.positioned || !extension, "to a plain client: {head}");
        frame
    }
}

impl Drop for Frames {
    /// Also what the test did not look at.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            while self.try_next().is_some() {}
        }
    }
}

#[derive(Debug)]
struct Pipe {
    frames: mpsc::UnboundedSender<Bytes>,
    open: Arc<AtomicBool>,
}

impl Outlet for Pipe {
    fn send(&self, frame: Bytes) -> bool {
        self.open.load(Ordering::SeqCst) && self.frames.send(frame).is_ok()
    }

    fn room(&self) -> hostler_session::BoxFuture<'_, bool> {
        Box::pin(async { self.open.load(Ordering::SeqCst) })
    }

    fn replay(&self, mut history: History) -> bool {
        let pages = std::iter::from_fn(|| {
            let page = history.next_page().unwrap();
            (!page.is_empty()).then_some(page)
        });
        pages.flatten().all(|(frame, _)| self.send(frame))
    }
}

impl Viewer {
    pub(crate) fn new() -> Self {
        Self::of(owner(), Access::Owner, None, false)
    }

    /// One that asked for positions.
    pub(crate) fn positioned() -> Self {
        Self::of(owner(), Access::Owner, None, true)
    }

    /// The same, with a name that it keeps over its connections.
    pub(crate) fn named(name: &str) -> Self {
        Self::of(owner(), Access::Owner, Some(name), true)
    }

    /// A positioned one with somebody's token.
    pub(crate) fn with(caller: &Identity, access: Access) -> Self {
        Self::of(caller.principal.clone(), access, None, true)
    }

    fn of(principal: Principal, access: Access, tag: Option<&str>, positioned: bool) -> Self {
        let (sender, frames) = mpsc::unbounded_channel();
        let open = Arc::new(AtomicBool::new(true));
        let outlet = Pipe {
            frames: sender,
            open: open.clone(),
        };
        let client = Client {
            id: ClientId::next(),
            outlet: Arc::new(outlet),
            notices: true,
            positioned,
            forms: false,
            access,
            shell: true,
            who: Arc::new(Who {
                principal,
                tag: tag.map(str::to_owned),
                name: "test".into(),
            }),
        };
        Self {
            client,
            frames: Frames {
                sent: frames,
                positioned,
            },
            open,
        }
    }

    /// A plain one that shows forms.
    pub(crate) fn with_forms() -> Self {
        let mut viewer = Self::new();
        viewer.client.forms = true;
        viewer
    }

    pub(crate) fn watching() -> Self {
        let mut viewer = Self::new();
        viewer.client.access = Access::View;
        viewer
    }

    /// It takes nothing any more.
    pub(crate) fn shut(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    pub(crate) async fn next(&mut self) -> Value {
        parse(&self.frames.next().await)
    }

    /// The next frame as it was sent.
    pub(crate) async fn next_text(&mut self) -> String {
        self.frames.next().await
    }

    /// The `update` of the next frame.
    pub(crate) async fn update(&mut self) -> Value {
        let mut frame = self.next().await;
        assert_eq!(frame["method"], "session/update", "{frame}");
        frame["params"]["update"].take()
    }

    /// Everything that has been sent and was not read.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.frames.try_next())
            .map(|frame| parse(&frame))
            .collect()
    }

    /// The next frame of this method, without those before it.
    pub(crate) async fn until(&mut self, method: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["method"] == method {
                return frame;
            }
        }
    }

    /// The answer to an attach, without what came before it.
    pub(crate) async fn welcome(&mut self) -> Value {
        loop {
            let mut frame = self.next().await;
            if frame.get("answer").is_some() {
                return frame["answer"].take();
            }
        }
    }

    /// The params of the messages of this method among the rest.
    pub(crate) fn told(&mut self, method: &str) -> Vec<Value> {
        let frames = self.rest().into_iter();
        frames
            .filter(|frame| frame["method"] == method)
            .map(|mut frame| frame["params"].take())
            .collect()
    }

    /// The updates among the rest.
    pub(crate) fn updates(&mut self) -> Vec<Value> {
        let updates = self.rest().into_iter();
        updates
            .filter(|frame| frame["method"] == "session/update")
            .map(|mut frame| frame["params"]["update"].take())
            .collect()
    }
}

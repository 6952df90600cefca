//! A played client.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use hostler_session::{Access, Client, ClientId, History, Outlet, Who};
use serde_json::Value;
use tokio::sync::mpsc;

use super::parse;

/// A connection.
pub(crate) struct Viewer {
    pub(crate) client: Client,
    frames: mpsc::UnboundedReceiver<Bytes>,
    open: Arc<AtomicBool>,
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
            positioned: false,
            access: Access::Owner,
            who: Arc::new(Who {
                principal: super::owner(),
                tag: None,
                name: "test".into(),
            }),
        };
        Self {
            client,
            frames,
            open,
        }
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
        parse(std::str::from_utf8(&self.frames.recv().await.unwrap()).unwrap())
    }

    /// The next frame as it was sent.
    pub(crate) async fn next_text(&mut self) -> String {
        String::from_utf8(self.frames.recv().await.unwrap().to_vec()).unwrap()
    }

    /// The `update` of the next frame.
    pub(crate) async fn update(&mut self) -> Value {
        let mut frame = self.next().await;
        assert_eq!(frame["method"], "session/update", "{frame}");
        frame["params"]["update"].take()
    }

    /// Everything that has been sent and was not read.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.frames.try_recv().ok())
            .map(|frame| parse(std::str::from_utf8(&frame).unwrap()))
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

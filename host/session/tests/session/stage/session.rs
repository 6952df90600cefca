//! A session, as its clients use it.

use hostler_replay::Position;
use hostler_session::{Answer, Attach, Notice, Reply, SessionHandle};
use hostler_wire::Id;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Viewer, values::*};

pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) handle: SessionHandle,
}

impl Session {
    pub(crate) async fn prompt(
        &self,
        viewer: &Viewer,
        id: u64,
        text: &str,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let blocks = json!([{ "type": "text", "text": text }]).to_string();
        self.handle
            .prompt(
                viewer.client.clone(),
                Id::number(id),
                prompt(&blocks),
                reply,
            )
            .await;
        answer
    }

    /// Attaches; the answer stands among the viewer's frames as `{"answer":…}`.
    pub(crate) async fn attach(&self, viewer: &Viewer, replay: bool) {
        self.attach_with(viewer, replay, vec![]).await;
    }

    pub(crate) async fn attach_with(&self, viewer: &Viewer, replay: bool, notices: Vec<Notice>) {
        let how = if replay {
            Attach::Load(notices)
        } else {
            Attach::Resume(notices)
        };
        self.attach_how(viewer, how).await;
    }

    /// Attaches from a position; the answer as with [`attach`](Self::attach).
    pub(crate) async fn attach_from(&self, viewer: &Viewer, after: Option<Position>) {
        let how = Attach::From {
            after,
            replay: true,
        };
        self.attach_how(viewer, how).await;
    }

    pub(crate) async fn attach_how(&self, viewer: &Viewer, how: Attach) {
        let outlet = viewer.client.outlet.clone();
        let reply = Reply::new(move |answer| {
            let answer = parse(&answer.unwrap());
            outlet.send(json!({ "answer": answer }).to_string().into())
        });
        self.handle.attach(viewer.client.clone(), how, reply).await;
        self.settle().await;
    }

    /// A prompt with a key.
    pub(crate) async fn prompt_once(
        &self,
        viewer: &Viewer,
        id: u64,
        key: &str,
        text: &str,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let blocks = json!([{ "type": "text", "text": text }]).to_string();
        let prompt = prompt(&blocks).with_key(key.to_owned()).unwrap();
        let client = viewer.client.clone();
        self.handle
            .prompt(client, Id::number(id), prompt, reply)
            .await;
        answer
    }

    pub(crate) async fn take_control(&self, viewer: &Viewer) -> Answer {
        let (reply, answer) = Reply::channel();
        self.handle.take_control(viewer.client.clone(), reply).await;
        answer.await.unwrap()
    }

    pub(crate) async fn release_control(&self, viewer: &Viewer) -> Answer {
        let (reply, answer) = Reply::channel();
        let client = viewer.client.clone();
        self.handle.release_control(client, reply).await;
        answer.await.unwrap()
    }

    /// `session/close`, with or without `_meta.hostler.end`.
    pub(crate) async fn close_by(&self, viewer: &Viewer, end: bool) -> Answer {
        let (reply, answer) = Reply::channel();
        self.handle.close(viewer.client.clone(), end, reply).await;
        answer.await.unwrap()
    }

    /// Everything that was sent to the session, by clients and by its instance,
    /// has been handled: on the one thread of a test its task runs until it has
    /// nothing left to do. A few rounds, because tasks wake each other.
    pub(crate) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn answer(&self, viewer: &Viewer, ask: &Value, result: Value) {
        let result = raw(&result);
        self.handle
            .answer(viewer.client.clone(), number(ask), Ok(&result))
            .await;
        self.settle().await;
    }

    pub(crate) async fn refuse(&self, viewer: &Viewer, ask: &Value) {
        self.refuse_as(viewer, ask, -32601).await;
    }

    pub(crate) async fn refuse_as(&self, viewer: &Viewer, ask: &Value, code: i32) {
        let error = raw(&json!({ "code": code, "message": "what?" }));
        self.handle
            .answer(viewer.client.clone(), number(ask), Err(&error))
            .await;
        self.settle().await;
    }

    pub(crate) async fn set_mode(&self, viewer: &Viewer, mode: &str) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let params = json!({ "modeId": mode }).to_string();
        self.handle
            .call(viewer.client.clone(), "session/set_mode", params, reply)
            .await;
        answer
    }

    pub(crate) async fn set_option(&self, viewer: &Viewer) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let (method, params) = ("session/set_config_option", "{}".to_owned());
        self.handle
            .call(viewer.client.clone(), method, params, reply)
            .await;
        answer
    }

    /// A notification of an extension.
    pub(crate) async fn tell(&self, viewer: &Viewer, method: &str, params: Value) {
        let client = viewer.client.clone();
        self.handle.notify(client, method, params.to_string()).await;
        self.settle().await;
    }

    /// The connection of a client is gone.
    pub(crate) async fn lose(&self, viewer: &Viewer) {
        self.handle.detach(viewer.client.id, true).await;
    }

    pub(crate) async fn close(&self) -> Answer {
        let (reply, answer) = Reply::channel();
        let owner = Viewer::new().client;
        self.handle.close(owner, true, reply).await;
        answer.await.unwrap()
    }
}

//! A client of the link in this process: what it asks and is told outlives the
//! connections.

use std::collections::HashMap;

use anyhow::Context as _;
use hostler_wire::{Id, Message, compose};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    client::{
        answer::{RpcError, answer},
        place::Place,
    },
    exit::{Exit, Failure},
    link::{
        outbox::{Inbox, outbox},
        pump::{self, Client, ToClient},
    },
    session_cmd::host::Ask,
};

/// Messages that may wait for the link.
const WAITING: usize = 16;

#[derive(Debug)]
pub(super) struct Remote<P> {
    to: mpsc::Sender<String>,
    from: Inbox<ToClient>,
    link: JoinHandle<Result<(), Failure>>,
    last_id: u64,
    /// What requests are for that wait for an answer.
    open: HashMap<Id, P>,
}

impl<P> Remote<P> {
    pub(super) async fn open(target: Place) -> Result<Self, Failure> {
        let first = target.dial(None).await?;
        let (to, from) = mpsc::channel(WAITING);
        let (outbox, inbox) = outbox();
        let client = Client { from, to: outbox };
        let link = tokio::spawn(async move { pump::run(&target, first, client).await });
        Ok(Self {
            to,
            from: inbox,
            link,
            last_id: 0,
            open: HashMap::new(),
        })
    }

    pub(super) async fn send(&mut self, message: String) {
        // If the link has ended, `next` says so.
        let _ = self.to.send(message).await;
    }

    /// Sends a request; `purpose` is returned with its answer.
    pub(super) async fn request(&mut self, method: &str, params: &Value, purpose: P) -> Id {
        let id = self.id();
        self.open.insert(id.clone(), purpose);
        let request = compose::request(&id, method, &params.to_string());
        self.send(request).await;
        id
    }

    pub(super) async fn notify(&mut self, method: &str, params: &Value) {
        let message = compose::notification(method, &params.to_string());
        self.send(message).await;
    }

    /// What the request of this answer was for.
    pub(super) fn purpose(&mut self, id: &Id) -> Option<P> {
        self.open.remove(id)
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &P> {
        self.open.values()
    }

    /// The next message or note. Can be dropped at any time without losing one.
    pub(super) async fn next(&mut self) -> Result<ToClient, Failure> {
        if let Some(item) = self.from.next().await {
            return Ok(item);
        }
        let ended = (&mut self.link).await.context("the link broke")?;
        Err(match ended {
            Err(failure) => failure,
            Ok(()) => Failure::new(Exit::HostLost, "the link has ended"),
        })
    }

    /// Ends it, when all that was sent is on its way.
    pub(super) async fn leave(self) {
        let Self { to, from, link, .. } = self;
        drop(to);
        // It ends at once where nobody reads.
        let mut from = from;
        while from.next().await.is_some() {}
        let _ = link.await;
    }

    fn id(&mut self) -> Id {
        self.last_id += 1;
        Id::number(self.last_id)
    }
}

/// Before anything else can come.
impl<P> Ask for Remote<P> {
    async fn raw(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<Result<String, RpcError>, Failure> {
        let id = self.id();
        let request = compose::request(&id, method, &params.to_string());
        self.send(request).await;
        loop {
            let ToClient::Message(text) = self.next().await? else {
                continue;
            };
            if let Ok(Message::Response {
                id: answered,
                outcome,
            }) = Message::parse(&text)
                && answered == id
            {
                return answer(outcome);
            }
        }
    }
}

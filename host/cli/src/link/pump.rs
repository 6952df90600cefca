//! The machine with its two sides: messages of a client, and connections, one
//! after the other.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::{
    backoff::Backoff,
    dial::{Dial, Reach, try_again},
    machine::{Link, Note, Out},
    outbox::{Inbox, Outbox, Weigh, outbox},
    watch::{Watch, dead, until},
};
use crate::{
    client::{
        connection::Connection,
        halves::{Receiver, Sender},
    },
    exit::{Exit, Failure},
};

/// How long answers are waited for when the client has ended: a script may write
/// all its requests at once, and `initialize` may wait some seconds for a plugin.
const ANSWERS: Duration = Duration::from_secs(10);

/// How long the host may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// A connection that is lost for so long is worth a line.
const SILENT: Duration = Duration::from_secs(10);

/// What the client is given.
#[derive(Debug)]
pub(crate) enum ToClient {
    Message(Utf8Bytes),
    Note(Note),
}

impl Weigh for ToClient {
    fn weight(&self) -> usize {
        match self {
            Self::Message(text) => text.weight(),
            Self::Note(_) => 0,
        }
    }
}

/// The client's side.
#[derive(Debug)]
pub(crate) struct Client {
    /// Ends with the client.
    pub(crate) from: mpsc::Receiver<String>,
    pub(crate) to: Outbox<ToClient>,
}

/// Until the client has ended, or there is no host any more. Then everything
/// that waited has been answered.
pub(crate) async fn run(
    dial: &impl Dial,
    first: Connection,
    client: Client,
) -> Result<(), Failure> {
    let mut pump = Pump {
        link: Link::new(Uuid::new_v4().to_string()),
        client,
        ending: None,
    };
    let mut backoff = Backoff::new(dial.reach().longest_pause());
    let mut connection = first;
    loop {
        let since = Instant::now();
        let why = match pump
            .connected(connection, dial.reach() == Reach::Network)
            .await
        {
            Connected::Done => return Ok(()),
            Connected::Failed(why) => return Err(pump.give_up(why)),
            Connected::Lost(why) => why,
        };
        backoff.lost(since.elapsed());
        let mut out = Vec::new();
        pump.link.lost(&format!("{:#}", why.error), &mut out);
        pump.put(out, None);
        if !pump.link.survives() {
            return Err(pump.give_up(why));
        }
        connection = match pump.redial(dial, &mut backoff, why).await {
            Redialled::Done => return Ok(()),
            Redialled::Failed(why) => return Err(pump.give_up(why)),
            Redialled::Back(connection) => *connection,
        };
    }
}

#[derive(Debug)]
enum Connected {
    Done,
    Lost(Failure),
    /// And there is no sense in another.
    Failed(Failure),
}

enum Redialled {
    Done,
    Failed(Failure),
    Back(Box<Connection>),
}

enum ToHost {
    Message(Utf8Bytes),
    Ping,
}

impl Weigh for ToHost {
    fn weight(&self) -> usize {
        match self {
            Self::Message(text) => text.weight(),
            Self::Ping => 0,
        }
    }
}

struct Pump {
    link: Link,
    client: Client,
    /// The client has ended; until when its answers are waited for.
    ending: Option<Instant>,
}

/// What a message of the machine asks for besides sending.
enum Wish {
    Drop(String),
    Fail(String),
}

impl Pump {
    /// One connection, until it ends.
    async fn connected(&mut self, connection: Connection, may_be_dead: bool) -> Connected {
        let Connection {
            sender,
            mut receiver,
        } = connection;
        // A task of its own: neither direction may wait for the other, or a
        // client that writes much before it reads would stand still with the
        // host.
        let (host, inbox) = outbox();
        let sending = tokio::spawn(send(sender, inbox));
        let mut out = Vec::new();
        self.link.connected(&mut out);
        self.put(out, Some(&host));
        let mut dying = None;
        let mut watch = Watch::new(may_be_dead.then(|| receiver.heard()));
        loop {
            if self.ending.is_some_and(|end| Instant::now() >= end)
                || self.ending.is_some() && self.link.waits_for_turns_only()
            {
                drop(host);
                self.goodbye(receiver, sending).await;
                return Connected::Done;
            }
            let client = &mut self.client;
            let reads =
                self.ending.is_none() && dying.is_none() && host.has_room() && self.link.has_room();
            let wish = tokio::select! {
                text = client.from.recv(), if reads => {
                    self.client_says(text, Some(&host))
                }
                () = host.room(), if !host.has_room() && dying.is_none() => None,
                frame = receiver.next(), if client.to.has_room() => {
                    match frame {
                        Ok(text) => match self.host_says(&text, &mut receiver, &host) {
                            Ok(wish) => wish,
                            Err(why) => return Connected::Lost(why),
                        },
                        Err(why) => return Connected::Lost(why),
                    }
                }
                () = client.to.room(), if !client.to.has_room() => {
                    // Nothing could be heard meanwhile.
                    watch.begin_anew();
                    None
                }
                // Why is for the other direction to hear.
                () = host.closed(), if dying.is_none() => {
                    dying = Some(Instant::now() + GOODBYE);
                    None
                }
                () = until(dying) => return Connected::Lost(broken()),
                () = until(self.ending) => None,
                () = client.to.closed() => return Connected::Done,
                () = watch.silence(), if client.to.has_room() => {
                    if watch.is_dead() {
                        return Connected::Lost(dead());
                    }
                    host.push(ToHost::Ping);
                    None
                }
            };
            match wish {
                None => {}
                Some(Wish::Drop(why)) => {
                    return Connected::Lost(Failure::new(Exit::HostLost, why));
                }
                Some(Wish::Fail(why)) => {
                    return Connected::Failed(Failure::new(Exit::HostLost, why));
                }
            }
        }
    }

    /// The client has written, or has ended.
    fn client_says(&mut self, text: Option<String>, host: Option<&Outbox<ToHost>>) -> Option<Wish> {
        let Some(text) = text else {
            self.ending = Some(Instant::now() + ANSWERS);
            return None;
        };
        let mut out = Vec::new();
        self.link.client(text, &mut out);
        self.put(out, host)
    }

    /// A message of the host, and those that have come already.
    fn host_says(
        &mut self,
        text: &Utf8Bytes,
        receiver: &mut Receiver,
        host: &Outbox<ToHost>,
    ) -> Result<Option<Wish>, Failure> {
        let mut wish = self.one(text, host);
        while wish.is_none() && self.client.to.has_room() {
            match receiver.next_now() {
                Some(text) => wish = self.one(&text?, host),
                None => break,
            }
        }
        Ok(wish)
    }

    fn one(&mut self, text: &Utf8Bytes, host: &Outbox<ToHost>) -> Option<Wish> {
        let mut out = Vec::new();
        let pass = self.link.host(text, &mut out);
        let wish = self.put(out, Some(host));
        if pass {
            self.client.to.push(ToClient::Message(text.clone()));
        }
        wish
    }

    fn put(&mut self, out: Vec<Out>, host: Option<&Outbox<ToHost>>) -> Option<Wish> {
        let mut wish = None;
        for out in out {
            match out {
                Out::Host(text) => {
                    if let Some(host) = host {
                        host.push(ToHost::Message(text));
                    }
                }
                Out::Client(text) => self.client.to.push(ToClient::Message(text.into())),
                Out::Note(note) => self.client.to.push(ToClient::Note(note)),
                Out::Drop(why) => wish = Some(Wish::Drop(why)),
                Out::Fail(why) => wish = Some(Wish::Fail(why)),
            }
        }
        wish
    }

    /// What still comes, when the host has been told of the end.
    async fn goodbye(&mut self, mut receiver: Receiver, sending: JoinHandle<()>) {
        let rest = async {
            let _ = sending.await;
            while let Ok(text) = receiver.next().await {
                let mut out = Vec::new();
                if self.link.host(&text, &mut out) {
                    self.client.to.push(ToClient::Message(text));
                }
                self.put(out, None);
            }
        };
        let _ = timeout(GOODBYE, rest).await;
    }

    /// Tries until there is a connection, and takes what the client writes.
    async fn redial(
        &mut self,
        dial: &impl Dial,
        backoff: &mut Backoff,
        lost: Failure,
    ) -> Redialled {
        let since = Instant::now();
        let end = dial.reach().patience().map(|patience| since + patience);
        let mut silent = Some(since + SILENT);
        let trying = try_again(dial, backoff, end, lost);
        tokio::pin!(trying);
        loop {
            if self.ending.is_some_and(|end| Instant::now() >= end)
                || self.ending.is_some() && self.link.waits_for_turns_only()
            {
                return Redialled::Done;
            }
            let reads = self.ending.is_none() && self.link.has_room();
            let client = &mut self.client;
            tokio::select! {
                tried = &mut trying => return match tried {
                    Ok(connection) => {
                        if silent.is_none() {
                            tracing::warn!("the connection to the host is back");
                        }
                        Redialled::Back(Box::new(connection))
                    }
                    Err(why) => Redialled::Failed(why),
                },
                text = client.from.recv(), if reads => {
                    self.client_says(text, None);
                }
                () = client.to.closed() => return Redialled::Done,
                () = until(self.ending) => {}
                () = until(silent) => {
                    silent = None;
                    tracing::warn!("the connection to the host is lost; trying to get it back");
                }
            }
        }
    }

    /// Says to everybody who waits that nothing will come.
    fn give_up(&mut self, why: Failure) -> Failure {
        let message = format!(
            "{:#}; start `hostler acp` again and load the session",
            why.error
        );
        // What is on its way from the client waits for an answer too.
        let mut out = Vec::new();
        while let Ok(text) = self.client.from.try_recv() {
            self.link.client(text, &mut out);
        }
        self.link.give_up(&message, &mut out);
        self.put(out, None);
        why
    }
}

/// Messages become frames, until the outbox or the connection ends.
async fn send(mut sender: Sender, mut inbox: Inbox<ToHost>) {
    while let Some(item) = inbox.next().await {
        let sent = match item {
            ToHost::Message(text) => sender.send(text).await,
            ToHost::Ping => sender.ping().await,
        };
        if sent.is_err() {
            return;
        }
    }
    sender.close().await;
}

fn broken() -> Failure {
    Failure::new(Exit::HostLost, "the connection to the host broke")
}

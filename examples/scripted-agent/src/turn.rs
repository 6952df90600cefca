//! A turn: it plays the directives of one prompt.

use std::{
    process,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    script::Directive,
    session::{Session, Sessions},
    wire::{Client, Event, Failure, lock},
};

/// The text of one chunk of a flood: as much as a pipe holds, well below any
/// client's limit for a line.
const FLOOD_BYTES: usize = 64 * 1024;

/// What the agent says to anything that is no directive.
const HELP: &str = "I am a scripted agent without a model. I understand: say, think, plan, edit, \
    read, run, count, usage, fail, hang, deaf, crash, flood, garbage. Try this: \
    say hello; plan look | write; edit note.txt hello";

/// Why a turn ends before its script does.
#[derive(Debug)]
pub(crate) enum Stop {
    Cancelled,
    Failed(Failure),
}

#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) session_id: String,
    pub(crate) client: Arc<Client>,
    pub(crate) sessions: Sessions,
    /// What the client can do.
    pub(crate) capabilities: Value,
    pub(crate) events: Receiver<Event>,
    /// The other end of `events`, for answers to this turn's requests.
    pub(crate) reply_to: Sender<Event>,
}

impl Turn {
    /// Plays a script and gives the answer to its prompt.
    pub(crate) fn play(&self, script: Vec<Directive>) -> Result<Value, Failure> {
        for directive in script {
            match self.step(directive) {
                Ok(()) => {}
                Err(Stop::Cancelled) => return Ok(json!({"stopReason": "cancelled"})),
                Err(Stop::Failed(failure)) => return Err(failure),
            }
        }
        Ok(json!({"stopReason": "end_turn"}))
    }

    fn step(&self, directive: Directive) -> Result<(), Stop> {
        const SAID: &str = "agent_message_chunk";
        match directive {
            Directive::Say(text) => self.stream(SAID, text.split_inclusive(' '), Duration::ZERO),
            Directive::Think(text) => {
                let words = text.split_inclusive(' ');
                self.stream("agent_thought_chunk", words, Duration::ZERO)
            }
            Directive::Talk(text) => {
                let said = format!("You said \"{text}\". {HELP}");
                self.stream(SAID, said.split_inclusive(' '), Duration::ZERO)
            }
            Directive::Count { chunks, pause } => {
                let numbers = (1..=chunks).map(|number| format!("{number} "));
                self.stream(SAID, numbers, pause)
            }
            Directive::Flood(megabytes) => {
                let chunk = "x".repeat(FLOOD_BYTES);
                let chunks = u64::from(megabytes) * 1024 * 1024 / FLOOD_BYTES as u64;
                self.stream(SAID, (0..chunks).map(|_| &chunk), Duration::ZERO)
            }
            Directive::Plan(entries) => self.plan(&entries),
            Directive::Edit { path, text } => self.edit(&path, &text),
            Directive::Read(path) => self.read(&path),
            Directive::Run(command) => self.run(&command),
            Directive::Usage => {
                let cost = json!({"amount": 0.01, "currency": "USD"});
                self.update(
                    "usage_update",
                    json!({"used": 1200, "size": 200_000, "cost": cost}),
                );
                Ok(())
            }
            Directive::Fail(message) => Err(Stop::Failed(Failure(-32603, message))),
            Directive::Hang => loop {
                self.pause(Duration::MAX)?;
            },
            Directive::Deaf => loop {
                thread::park();
            },
            Directive::Crash => {
                self.stream(SAID, ["I am about to "], Duration::ZERO)?;
                eprintln!("scripted-agent: crashing, as the prompt said");
                process::exit(3)
            }
            Directive::Garbage => {
                self.client.line("this line is not JSON");
                Ok(())
            }
        }
    }

    /// Sends an update of this session.
    pub(crate) fn update(&self, kind: &str, mut fields: Value) {
        fields["sessionUpdate"] = json!(kind);
        let params = json!({"sessionId": self.session_id, "update": fields});
        self.client.notify("session/update", &params);
    }

    /// Streams one message in chunks.
    fn stream<T: AsRef<str>>(
        &self,
        kind: &str,
        chunks: impl IntoIterator<Item = T>,
        pause: Duration,
    ) -> Result<(), Stop> {
        let message_id = format!("message-{}", self.client.fresh());
        for chunk in chunks {
            let content = json!({"type": "text", "text": chunk.as_ref()});
            self.update(kind, json!({"messageId": message_id, "content": content}));
            self.pause(pause)?;
        }
        Ok(())
    }

    /// Shows a plan, then each of its entries in progress and done.
    fn plan(&self, entries: &[String]) -> Result<(), Stop> {
        for step in 0..=entries.len() * 2 {
            // Twice as many steps as entries: an odd one has an entry at work.
            let status = |index: usize| match step.checked_sub(index * 2) {
                None | Some(0) => "pending",
                Some(1) => "in_progress",
                Some(_) => "completed",
            };
            let entry = |(index, content): (usize, &String)| json!({"content": content, "priority": "medium", "status": status(index)});
            let entries: Vec<_> = entries.iter().enumerate().map(entry).collect();
            self.update("plan", json!({"entries": entries}));
            self.pause(Duration::ZERO)?;
        }
        Ok(())
    }

    /// Waits, unless a cancel comes or is there already.
    fn pause(&self, time: Duration) -> Result<(), Stop> {
        match self.events.recv_timeout(time) {
            Ok(Event::Cancel) | Err(RecvTimeoutError::Disconnected) => Err(Stop::Cancelled),
            // The answer to a request that this turn no longer waits for.
            Ok(Event::Answer(..)) | Err(RecvTimeoutError::Timeout) => Ok(()),
        }
    }

    /// Looks at the session of this turn, if it was not closed.
    pub(crate) fn with_session<T>(&self, look: impl FnOnce(&mut Session) -> T) -> Option<T> {
        lock(&self.sessions).get_mut(&self.session_id).map(look)
    }
}

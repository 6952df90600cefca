//! A thread: its messages, its queue, and who reads its stream.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use crate::{
    run::{self, Paused},
    schema::Posted,
    script::Script,
    stream::Frame,
};

/// Chunks of a run that are kept for readers who come later, as the service has
/// it; the oldest go first.
const BUFFERED: usize = 20_000;

/// Chunks that may wait for a slow reader.
const AHEAD: usize = 64;

#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) id: String,
    /// Stops the run of the moment.
    cancel: Notify,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// `in_progress`, `requires_action`, `completed`, `failed`, `expired`.
    pub(crate) status: &'static str,
    pub(crate) messages: Vec<Value>,
    /// Files that tools wrote.
    pub(crate) files: BTreeMap<String, String>,
    /// Tool calls that were let through.
    pub(crate) ran: Vec<(String, Value)>,
    /// What a run waits for that has ended with an open call.
    pub(crate) paused: Option<Paused>,
    queue: VecDeque<Posted>,
    working: bool,
    /// A run has begun and has not ended.
    running: bool,
    /// The next run was cancelled before it began.
    stopped: bool,
    /// Messages that were taken: again they start nothing.
    taken: BTreeSet<String>,
    /// How often a message was refused.
    refused: BTreeMap<String, u32>,
    /// The run so far.
    buffer: VecDeque<Arc<str>>,
    readers: Vec<mpsc::Sender<Frame>>,
    /// What the next streams are answered with.
    refusals: VecDeque<u16>,
}

/// What a new reader gets.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) replay: VecDeque<Arc<str>>,
    pub(crate) live: mpsc::Receiver<Frame>,
}

impl Thread {
    pub(crate) fn new() -> Self {
        Self {
            id: format!("thrd_{}", Uuid::new_v4().simple()),
            cancel: Notify::new(),
            state: Mutex::new(State {
                status: "completed",
                messages: Vec::new(),
                files: BTreeMap::new(),
                ran: Vec::new(),
                paused: None,
                queue: VecDeque::new(),
                working: false,
                running: false,
                stopped: false,
                taken: BTreeSet::new(),
                refused: BTreeMap::new(),
                buffer: VecDeque::new(),
                readers: Vec::new(),
                refusals: VecDeque::new(),
            }),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message and sees to it that it is worked on.
    ///
    /// # Errors
    /// The HTTP status and a sentence.
    pub(crate) fn take(self: &Arc<Self>, posted: Posted) -> Result<(), (u16, String)> {
        let mut state = self.state();
        let message = &posted.message;
        let own = message["role"] == "user";
        let id = message["id"].as_str().filter(|_| own);
        let key = id.map_or_else(|| message.to_string(), ToOwned::to_owned);
        if state.taken.contains(&key) {
            return Ok(());
        }
        if own {
            if let Some((status, times)) = Script::read(&run::words(message)).refusal {
                let refused = state.refused.entry(key.clone()).or_default();
                if *refused < times {
                    *refused += 1;
                    return Err((status, "the prompt asked for this error".into()));
                }
            }
        } else {
            state.continuation(message).map_err(|why| (400, why))?;
        }
        state.taken.insert(key);
        state.status = "in_progress";
        state.queue.push_back(posted);
        if !std::mem::replace(&mut state.working, true) {
            tokio::spawn(work(Arc::clone(self)));
        }
        Ok(())
    }

    /// Stops the run of the moment, or the next one if it was taken and has not begun;
    /// whether there is one.
    pub(crate) fn stop(&self) -> bool {
        let mut state = self.state();
        if state.running {
            self.cancel.notify_waiters();
            return true;
        }
        let waits = !state.queue.is_empty();
        state.stopped |= waits;
        waits
    }

    /// Adds a reader, or says with which status it is refused.
    pub(crate) fn read(&self) -> Result<Reading, u16> {
        let mut state = self.state();
        if let Some(status) = state.refusals.pop_front() {
            return Err(status);
        }
        let (sender, live) = mpsc::channel(AHEAD);
        state.readers.push(sender);
        let replay = match state.status {
            "in_progress" => state.buffer.clone(),
            _ => VecDeque::new(),
        };
        Ok(Reading { replay, live })
    }

    /// Tells everybody who reads.
    pub(crate) async fn say(&self, chunk: Value) {
        self.tell(chunk, |state, text| {
            if state.buffer.len() == BUFFERED {
                state.buffer.pop_front();
            }
            state.buffer.push_back(text);
        })
        .await;
    }

    /// The same for the last chunk of a run: nothing of it is kept.
    pub(crate) async fn finish(&self, chunk: Value, status: &'static str) {
        self.tell(chunk, |state, _| state.end(status)).await;
    }

    async fn tell(&self, chunk: Value, note: impl FnOnce(&mut State, Arc<str>)) {
        let text: Arc<str> = chunk.to_string().into();
        let readers = {
            let mut state = self.state();
            note(&mut state, Arc::clone(&text));
            state.readers.retain(|reader| !reader.is_closed());
            state.readers.clone()
        };
        for reader in readers {
            // Whoever went away misses nothing.
            let _ = reader.send(Frame::Chunk(Arc::clone(&text))).await;
        }
    }

    /// Cuts every stream; the next ones are answered with `refusals`.
    pub(crate) async fn cut(&self, refusals: Vec<u16>) {
        let readers = {
            let mut state = self.state();
            state.refusals.extend(refusals);
            std::mem::take(&mut state.readers)
        };
        for reader in readers {
            let _ = reader.send(Frame::Cut).await;
        }
    }

    /// As `COLLECTION_THREADS_GET` has it.
    pub(crate) fn item(&self) -> Value {
        json!({"id": self.id, "title": "New chat", "status": self.state().status})
    }
}

impl State {
    pub(crate) fn runs(&self) -> bool {
        self.running
    }

    /// A run has ended.
    pub(crate) fn end(&mut self, status: &'static str) {
        self.status = status;
        self.running = false;
        self.buffer.clear();
    }

    /// Whether an assistant message answers what the last run waits for.
    fn continuation(&self, message: &Value) -> Result<(), String> {
        let paused = self.paused.as_ref();
        let paused = paused.ok_or("the thread waits for nothing: send a user message")?;
        let last = self
            .messages
            .last()
            .map_or(&Value::Null, |last| &last["id"]);
        if message["id"] != *last {
            return Err(format!(
                "{} is not the last message of the thread",
                message["id"]
            ));
        }
        let part = paused.part_of(message);
        let part = part.ok_or("the message lacks the call that is waited for")?;
        match part["state"].as_str() {
            Some("approval-responded") if part["approval"]["approved"].is_boolean() => Ok(()),
            Some("output-available" | "output-error") => Ok(()),
            _ => Err(format!("the call is still open: {part}")),
        }
    }
}

/// One run after the other.
async fn work(thread: Arc<Thread>) {
    loop {
        let (posted, stopped, cancelled) = {
            let mut state = thread.state();
            match state.queue.pop_front() {
                Some(posted) => {
                    state.status = "in_progress";
                    state.running = true;
                    let stopped = std::mem::take(&mut state.stopped);
                    // It counts from here on.
                    (posted, stopped, thread.cancel.notified())
                }
                None => {
                    state.working = false;
                    return;
                }
            }
        };
        run::run(&thread, posted, stopped, cancelled).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    fn posted(id: &str, words: &str) -> Posted {
        let parts = json!([{"type": "text", "text": words}]);
        let message = json!({"id": id, "role": "user", "parts": parts});
        Posted {
            message,
            careful: false,
        }
    }

    async fn ended(thread: &Thread) -> &'static str {
        for _ in 0..1000 {
            let status = thread.state().status;
            if status != "in_progress" {
                return status;
            }
            yield_now().await;
        }
        panic!("the run goes on");
    }

    #[tokio::test]
    async fn a_run_that_is_cancelled_before_it_begins_is_stopped_and_the_next_is_not() {
        let thread = Arc::new(Thread::new());
        let mut reading = thread.read().unwrap();
        thread.take(posted("u1", "[[hang]]")).unwrap();
        assert!(thread.stop(), "nothing has run yet");
        assert_eq!(ended(&thread).await, "failed");
        let mut told = Vec::new();
        while let Ok(Frame::Chunk(chunk)) = reading.live.try_recv() {
            let chunk: Value = serde_json::from_str(&chunk).unwrap();
            told.push(chunk["type"].as_str().unwrap().to_owned());
        }
        assert_eq!(told, ["start", "abort"]);
        assert!(!thread.stop());
        thread.take(posted("u2", "[[text on]]")).unwrap();
        assert_eq!(ended(&thread).await, "completed");
    }
}

//! A run: the steps of a script as chunks of a UI message stream, and the message
//! that comes of them.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use tokio::{sync::futures::Notified, time::sleep};
use uuid::Uuid;

use crate::{
    schema::Posted,
    script::{Script, Step},
    server::KEY,
    thread::Thread,
    tools,
};

/// Characters of a text or of a tool's input in one chunk: few, so that short texts
/// come in several.
const PIECE: usize = 16;

/// What is left of a run that waits for a person.
#[derive(Debug)]
pub(crate) struct Paused {
    steps: VecDeque<Step>,
    careful: bool,
    done: usize,
    denied: usize,
    /// The call that is open.
    call: Call,
}

#[derive(Debug, Clone)]
struct Call {
    id: String,
    tool: String,
    input: Value,
}

impl Paused {
    /// The open call in a message that may answer it.
    pub(crate) fn part_of<'a>(&self, message: &'a Value) -> Option<&'a Value> {
        let mut parts = message["parts"].as_array()?.iter();
        parts.find(|part| part["toolCallId"] == self.call.id.as_str())
    }
}

/// The words of a user's message, and what came along.
pub(crate) fn words(message: &Value) -> String {
    let parts = message["parts"].as_array().into_iter().flatten();
    let words = parts.filter_map(|part| match part["type"].as_str()? {
        "text" => Some(part["text"].as_str()?.to_owned()),
        "file" => Some(format!("({})", part["mediaType"].as_str()?)),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Runs to its end, or until it is cancelled; one that was stopped before only begins.
pub(crate) async fn run(thread: &Thread, posted: Posted, stopped: bool, cancelled: Notified<'_>) {
    let finished = tokio::select! {
        biased;
        finished = Run::begin(thread, posted, stopped) => finished,
        () = cancelled => false,
    };
    // It may have ended just before.
    if !finished && thread.state().runs() {
        let abort = json!({"type": "abort", "reason": "cancelled"});
        thread.finish(abort, "failed").await;
    }
}

struct Run<'a> {
    thread: &'a Thread,
    steps: VecDeque<Step>,
    careful: bool,
    done: usize,
    denied: usize,
    /// Texts of the step that is open.
    texts: Option<usize>,
    /// Something was said since the last tool.
    spoke: bool,
}

impl<'a> Run<'a> {
    /// Whether it came to its end.
    async fn begin(thread: &'a Thread, posted: Posted, stopped: bool) -> bool {
        let (message, open) = {
            let mut state = thread.state();
            let open = state.paused.take();
            if posted.message["role"] == "user" {
                let id = format!("msg_{}", Uuid::new_v4().simple());
                let words = words(&posted.message);
                state.messages.push(posted.message);
                let message = json!({"id": id, "role": "assistant", "parts": []});
                state.messages.push(message);
                (id, Err(words))
            } else {
                let id = posted.message["id"].as_str().unwrap_or_default().to_owned();
                let part = open.as_ref().and_then(|open| open.part_of(&posted.message));
                let part = part.cloned().unwrap_or_default();
                state.messages.pop();
                state.messages.push(posted.message);
                (id, Ok((open, part)))
            }
        };
        let mut run = Self {
            thread,
            steps: VecDeque::new(),
            careful: posted.careful,
            done: 0,
            denied: 0,
            texts: None,
            spoke: false,
        };
        let start = json!({"type": "start", "messageId": message});
        thread.say(start).await;
        if stopped {
            return false;
        }
        match open {
            Err(words) => run.steps = steps(&words),
            Ok((Some(open), part)) => run.go_on(open, &part).await,
            Ok((None, _)) => {}
        }
        run.go().await;
        true
    }

    /// What a person answered.
    async fn go_on(&mut self, open: Paused, part: &Value) {
        self.steps = open.steps;
        self.careful = open.careful;
        (self.done, self.denied) = (open.done, open.denied);
        if part["state"] != "approval-responded" {
            self.done += 1;
            let output = &part["output"];
            let words = output["response"]
                .as_str()
                .map(|words| format!("You chose: {words}"));
            self.steps.extend(words.map(Step::Text));
            return;
        }
        if part["approval"]["approved"] == true {
            return self.bring(open.call).await;
        }
        self.denied += 1;
        self.thread
            .change_call(&open.call.id, |part| part["state"] = "output-denied".into());
        let denied = json!({"type": "tool-output-denied", "toolCallId": open.call.id});
        self.thread.say(denied).await;
    }

    async fn go(&mut self) {
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Text(text) => self.tell("text", pieces(&text), Duration::ZERO).await,
                Step::Think(text) => self.tell("reasoning", pieces(&text), Duration::ZERO).await,
                Step::Deltas { count, pause } => {
                    let words = (0..count).map(|index| format!("word{index} "));
                    self.tell("text", words, pause).await;
                }
                Step::Call { tool, input } => {
                    if self.call(tool, input).await {
                        return;
                    }
                }
                Step::Key => {
                    let key = std::iter::once(KEY.to_owned());
                    self.tell("text", key, Duration::ZERO).await;
                }
                Step::Chunk(chunk) => self.thread.say(chunk).await,
                Step::Drop(refusals) => self.thread.cut(refusals).await,
                Step::Pause(time) => sleep(time).await,
                Step::Hang => std::future::pending().await,
                Step::Finish(reason) => {
                    let words = pieces("This is as far as I get.");
                    self.tell("text", words, Duration::ZERO).await;
                    return self.finish(reason, "completed").await;
                }
                Step::Error(words) => {
                    let error = json!({"type": "error", "errorText": words});
                    self.thread.say(error).await;
                    return self.finish("error", "failed").await;
                }
                Step::Expire => return self.thread.state().end("expired"),
            }
        }
        if !self.spoke {
            let (done, denied) = (self.done, self.denied);
            let words = format!("Done. Tools: {done}, denied: {denied}.");
            self.tell("text", pieces(&words), Duration::ZERO).await;
        }
        self.finish("stop", "completed").await;
    }

    /// A text or a thought.
    async fn tell(&mut self, kind: &str, pieces: impl Iterator<Item = String>, pause: Duration) {
        self.spoke |= kind == "text";
        // Ids begin anew with every step, as those of the real models do.
        let id = self.open_step().await.to_string();
        self.texts = self.texts.map(|count| count + 1);
        self.thread
            .add_part(json!({"type": kind, "text": "", "state": "done"}));
        let start = json!({"type": format!("{kind}-start"), "id": id});
        self.thread.say(start).await;
        for piece in pieces {
            self.thread.change_last(|part| {
                let text = part["text"].as_str().unwrap_or_default();
                part["text"] = format!("{text}{piece}").into();
            });
            let delta = json!({"type": format!("{kind}-delta"), "id": id, "delta": piece});
            self.thread.say(delta).await;
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        let end = json!({"type": format!("{kind}-end"), "id": id});
        self.thread.say(end).await;
    }

    /// Calls a tool; whether the run ends here, because somebody is asked.
    async fn call(&mut self, tool: String, input: Value) -> bool {
        self.open_step().await;
        let id = format!("call_{}", Uuid::new_v4().simple());
        self.thread.add_part(json!({
            "type": format!("tool-{tool}"), "toolCallId": id, "state": "input-available", "input": input,
        }));
        let start = json!({"type": "tool-input-start", "toolCallId": id, "toolName": tool});
        self.thread.say(start).await;
        for piece in pieces(&input.to_string()) {
            let delta =
                json!({"type": "tool-input-delta", "toolCallId": id, "inputTextDelta": piece});
            self.thread.say(delta).await;
        }
        let available = json!({"type": "tool-input-available", "toolCallId": id, "toolName": tool, "input": input});
        self.thread.say(available).await;
        let call = Call { id, tool, input };
        let asks = self.careful && !tools::only_looks(&call.tool);
        if !asks && !tools::is_of_people(&call.tool) {
            self.bring(call).await;
            return false;
        }
        if asks {
            let approval = format!("appr_{}", Uuid::new_v4().simple());
            self.thread.change_last(|part| {
                part["state"] = "approval-requested".into();
                part["approval"] = json!({"id": approval});
            });
            let ask = json!({"type": "tool-approval-request", "approvalId": approval, "toolCallId": call.id});
            self.thread.say(ask).await;
        }
        let paused = Paused {
            steps: std::mem::take(&mut self.steps),
            careful: self.careful,
            done: self.done,
            denied: self.denied,
            call,
        };
        self.thread.state().paused = Some(paused);
        self.finish("tool-calls", "requires_action").await;
        true
    }

    /// The tool's output.
    async fn bring(&mut self, call: Call) {
        self.done += 1;
        self.spoke = false;
        if call.tool == "bash" {
            let begun = json!({"stdout": "", "stderr": ""});
            self.thread
                .say(json!({"type": "tool-output-available", "toolCallId": call.id, "output": begun, "preliminary": true}))
                .await;
        }
        sleep(tools::takes(&call.tool, &call.input)).await;
        let output = {
            let mut state = self.thread.state();
            state.ran.push((call.tool.clone(), call.input.clone()));
            tools::output(&call.tool, &call.input, &mut state.files)
        };
        let id = &call.id;
        let chunk = match output {
            Ok(output) => {
                self.thread.change_call(id, |part| {
                    part["state"] = "output-available".into();
                    part["output"] = output.clone();
                });
                json!({"type": "tool-output-available", "toolCallId": id, "output": output})
            }
            Err(words) => {
                self.thread.change_call(id, |part| {
                    part["state"] = "output-error".into();
                    part["errorText"] = words.clone().into();
                });
                json!({"type": "tool-output-error", "toolCallId": id, "errorText": words})
            }
        };
        self.thread.say(chunk).await;
        self.close_step().await;
    }

    async fn finish(&mut self, reason: &str, status: &'static str) {
        self.close_step().await;
        let usage = json!({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15});
        let metadata = json!({"usage": usage});
        let finish = json!({"type": "finish", "finishReason": reason, "messageMetadata": metadata});
        self.thread.finish(finish, status).await;
    }

    /// Opens a step if none is; how many texts it has.
    async fn open_step(&mut self) -> usize {
        match self.texts {
            Some(texts) => texts,
            None => {
                self.texts = Some(0);
                self.thread.add_part(json!({"type": "step-start"}));
                self.thread.say(json!({"type": "start-step"})).await;
                0
            }
        }
    }

    async fn close_step(&mut self) {
        if self.texts.take().is_some() {
            self.thread.say(json!({"type": "finish-step"})).await;
        }
    }
}

fn steps(words: &str) -> VecDeque<Step> {
    let script = Script::read(words);
    if script.steps.is_empty() {
        return [Step::Text(format!("You said: {words}"))].into();
    }
    script.steps.into()
}

fn pieces(text: &str) -> impl Iterator<Item = String> + use<> {
    let letters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = letters
        .chunks(PIECE)
        .map(|piece| piece.iter().collect())
        .collect();
    pieces.into_iter()
}

//! A client that stays: it starts `hostler acp` as an editor does, and speaks the
//! Agent Client Protocol with it, one message a line.

use std::{
    io::Write as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::process::{lines, within};

/// A model that thinks.
const SILENCE: Duration = Duration::from_secs(300);

/// The bridge says goodbye to the host.
const END: Duration = Duration::from_secs(10);

/// What the host says.
pub(super) enum Message {
    /// A line of the conversation: the update in a `session/update`.
    Line(Value),
    /// The answer to the last request: there is one at a time.
    Answer(Result<Value, Value>),
}

/// One connection. The bridge ends when this is dropped, because its stdin does.
pub(super) struct Client {
    bridge: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    last_id: u64,
}

impl Client {
    /// Starts the bridge and introduces the client.
    pub(super) fn start(mut bridge: Command) -> Result<Self> {
        let mut bridge = bridge
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("`hostler acp` could not be started")?;
        let mut client = Self {
            input: bridge.stdin.take().context("`hostler acp` has no stdin")?,
            lines: lines(bridge.stdout.take()),
            bridge,
            last_id: 0,
        };
        // Whoever does not know notices gets them as text of the conversation.
        let capabilities = json!({"session": {"notices": {}}});
        let hello = json!({"protocolVersion": 1, "clientCapabilities": capabilities});
        client.ask("initialize", &hello, |_| {})?;
        Ok(client)
    }

    /// The process of the bridge.
    pub(super) fn bridge(&self) -> u32 {
        self.bridge.id()
    }

    fn begin(&mut self, method: &str, params: &Value) -> Result<()> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
    }

    /// Sends a prompt; its answer is still to come.
    pub(super) fn begin_prompt(&mut self, session: &str, text: &str) -> Result<()> {
        let prompt = json!([{"type": "text", "text": text}]);
        self.begin(
            "session/prompt",
            &json!({"sessionId": session, "prompt": prompt}),
        )
    }

    /// Sends a request and waits for its answer; what comes before it goes to
    /// `line`.
    pub(super) fn ask(
        &mut self,
        method: &str,
        params: &Value,
        line: impl FnMut(Value),
    ) -> Result<Value> {
        self.begin(method, params)?;
        let answer = self.answer(line);
        answer.with_context(|| format!("{method} failed"))
    }

    /// Waits for the answer to the last request; what comes before it goes to
    /// `line`.
    pub(super) fn answer(&mut self, mut line: impl FnMut(Value)) -> Result<Value> {
        loop {
            let next = self.next()?;
            match next.context("the connection ended before the answer")? {
                Message::Line(update) => line(update),
                Message::Answer(Ok(result)) => return Ok(result),
                Message::Answer(Err(error)) => bail!("{}", said(&error)),
            }
        }
    }

    /// What the host says next; none when the connection has ended.
    pub(super) fn next(&mut self) -> Result<Option<Message>> {
        loop {
            let line = match self.lines.recv_timeout(SILENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the host said nothing for {} seconds", SILENCE.as_secs())
                }
            };
            let message: Value = serde_json::from_str(&line)
                .with_context(|| format!("this line of the host is not JSON: {line}"))?;
            if let Some(refusal) = refusal(&message) {
                self.send(&refusal)?;
            } else if let Some(message) = read(message) {
                return Ok(Some(message));
            }
        }
    }

    /// Waits until the bridge has ended.
    pub(super) fn end(self) -> Result<()> {
        let Self {
            mut bridge, input, ..
        } = self;
        drop(input);
        within(END, &mut bridge)?.context("`hostler acp` did not end and was killed")?;
        Ok(())
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        writeln!(self.input, "{message}").context("`hostler acp` does not listen any more")
    }
}

/// An error of the host in its own words.
pub(super) fn said(error: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!(
        "{}: {}",
        text(&error["data"]["code"]),
        text(&error["message"])
    )
}

/// Nothing is needed in these turns, so nothing is allowed: the answer to whatever
/// is asked.
fn refusal(message: &Value) -> Option<Value> {
    let (method, id) = (message.get("method")?, message.get("id")?);
    let options = message["params"]["options"].as_array();
    let reject = options.and_then(|options| {
        let option = options.iter().find(|o| o["kind"] == "reject_once")?;
        Some(json!({"outcome": "selected", "optionId": option["optionId"]}))
    });
    Some(if method == "session/request_permission" {
        let outcome = reject.unwrap_or_else(|| json!({"outcome": "cancelled"}));
        json!({"jsonrpc": "2.0", "id": id, "result": {"outcome": outcome}})
    } else {
        let error = json!({"code": -32601, "message": format!("this client has no {method}")});
        json!({"jsonrpc": "2.0", "id": id, "error": error})
    })
}

/// What else the host says. Notices are events and no history.
fn read(mut message: Value) -> Option<Message> {
    if message["method"] == "session/update" {
        let update = message["params"]["update"].take();
        return (update["sessionUpdate"] != "notice").then_some(Message::Line(update));
    }
    message.get("id")?;
    Some(Message::Answer(match message.get_mut("error") {
        Some(error) => Err(error.take()),
        None => Ok(message["result"].take()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_refused_by_its_own_option() {
        let ask = json!({"id": "a", "method": "session/request_permission", "params": {"options": [
            {"optionId": "yes", "kind": "allow_once"}, {"optionId": "no", "kind": "reject_once"},
        ]}});
        let answer = refusal(&ask).unwrap();
        assert_eq!(answer["id"], "a");
        assert_eq!(answer["result"]["outcome"]["optionId"], "no");
        let other = refusal(&json!({"id": 3, "method": "fs/read_text_file"})).unwrap();
        assert_eq!(other["error"]["code"], -32601);
        assert!(refusal(&json!({"id": 3, "result": {}})).is_none());
    }

    #[test]
    fn updates_are_lines_and_notices_are_not() {
        let update = |kind: &str| {
            let update = json!({"sessionUpdate": kind});
            read(json!({"method": "session/update", "params": {"update": update}}))
        };
        assert!(
            matches!(update("plan"), Some(Message::Line(line)) if line["sessionUpdate"] == "plan")
        );
        assert!(update("notice").is_none());
    }

    #[test]
    fn an_error_is_told_with_its_name() {
        let message =
            json!({"id": 2, "error": {"message": "no host", "data": {"code": "HOST_LOST"}}});
        let Some(Message::Answer(Err(error))) = read(message) else {
            panic!("an answer with an error");
        };
        assert_eq!(said(&error), "HOST_LOST: no host");
    }
}

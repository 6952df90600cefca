//! The tool calls of a turn: consent from the user, files and terminals from
//! the client.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    turn::{Stop, Turn},
    wire::{Event, Failure},
};

/// How much of a command's output the client is asked to keep.
const OUTPUT_BYTES: u64 = 64 * 1024;

/// Why a tool call fails.
enum Trouble {
    /// The turn goes on; this is what the user is told.
    Tool(String),
    /// The turn ends, too.
    Turn(Stop),
}

/// A tool call that the client was told of.
struct Call {
    id: String,
    kind: &'static str,
    title: String,
}

impl Turn {
    pub(crate) fn read(&self, path: &str) -> Result<(), Stop> {
        let path = self.absolute(path);
        let call = self.call(
            "read",
            format!("Read {}", path.display()),
            Some(&path),
            json!({"path": path}),
        );
        let result = self
            .content_of(&path)
            .map(|text| json!({"content": [text_content(&text)]}));
        self.finish(&call, result)
    }

    pub(crate) fn edit(&self, path: &str, text: &str) -> Result<(), Stop> {
        let path = self.absolute(path);
        let input = json!({"path": path, "text": text});
        let call = self.call(
            "edit",
            format!("Edit {}", path.display()),
            Some(&path),
            input,
        );
        self.finish(&call, self.try_edit(&call, &path, text))
    }

    fn try_edit(&self, call: &Call, path: &Path, text: &str) -> Result<Value, Trouble> {
        let old = match self.content_of(path) {
            Ok(old) => Some(old),
            // It is a new file, or the write will say what is wrong.
            Err(Trouble::Tool(_)) => None,
            Err(trouble) => return Err(trouble),
        };
        let diff = json!({"type": "diff", "path": path, "oldText": old, "newText": text});
        self.ask_permission(call, &json!([diff]))?;
        if self.capabilities["fs"]["writeTextFile"] == true {
            let params = json!({"sessionId": self.session_id, "path": path, "content": text});
            self.ask("fs/write_text_file", &params)?;
        } else {
            fs::write(path, text).map_err(|error| cannot("write", path, &error))?;
        }
        Ok(json!({"content": [diff]}))
    }

    pub(crate) fn run(&self, command: &str) -> Result<(), Stop> {
        let call = self.call(
            "execute",
            command.to_owned(),
            None,
            json!({"command": command}),
        );
        self.finish(&call, self.try_run(&call, command))
    }

    fn try_run(&self, call: &Call, command: &str) -> Result<Value, Trouble> {
        self.ask_permission(call, &json!([]))?;
        if self.capabilities["terminal"] != true {
            return Err(Trouble::Tool(
                "This client offers no terminal to run it in.".to_owned(),
            ));
        }
        let created = self.ask(
            "terminal/create",
            &json!({
                "sessionId": self.session_id, "cwd": self.cwd(), "command": "sh",
                "args": ["-c", command], "outputByteLimit": OUTPUT_BYTES,
            }),
        )?;
        let id = &created["terminalId"];
        self.call_update(
            call,
            json!({"content": [{"type": "terminal", "terminalId": id}]}),
        );
        let terminal = json!({"sessionId": self.session_id, "terminalId": id});
        let ran = self
            .ask("terminal/wait_for_exit", &terminal)
            .and_then(|exit| Ok((exit, self.ask("terminal/output", &terminal)?)));
        if let Err(Trouble::Turn(_)) = ran {
            self.client.request("terminal/kill", &terminal, None);
        }
        self.client.request("terminal/release", &terminal, None);
        let (exit, output) = ran?;
        let text = output["output"].as_str().unwrap_or_default();
        match exit["exitCode"].as_u64() {
            Some(0) => Ok(json!({"content": [text_content(text)], "rawOutput": output})),
            Some(code) => Err(Trouble::Tool(format!("Exit code {code}\n{text}"))),
            None => Err(Trouble::Tool(format!("Ended by a signal\n{text}"))),
        }
    }

    /// Tells the client of a new tool call.
    fn call(&self, kind: &'static str, title: String, path: Option<&Path>, input: Value) -> Call {
        let id = format!("call-{}", self.client.fresh());
        let locations: Vec<_> = path.iter().map(|path| json!({"path": path})).collect();
        let fields = json!({
            "toolCallId": id, "title": title, "kind": kind, "status": "pending",
            "locations": locations, "rawInput": input,
        });
        self.update("tool_call", fields);
        Call { id, kind, title }
    }

    fn call_update(&self, call: &Call, mut fields: Value) {
        fields["toolCallId"] = json!(call.id);
        self.update("tool_call_update", fields);
    }

    /// Ends a tool call, whatever came of it.
    fn finish(&self, call: &Call, result: Result<Value, Trouble>) -> Result<(), Stop> {
        let (mut fields, status, end) = match result {
            Ok(fields) => (fields, "completed", Ok(())),
            Err(Trouble::Tool(text)) => {
                (json!({"content": [text_content(&text)]}), "failed", Ok(()))
            }
            Err(Trouble::Turn(stop)) => (json!({}), "failed", Err(stop)),
        };
        fields["status"] = json!(status);
        self.call_update(call, fields);
        end
    }

    /// Gets the user's consent, now or from before, and says that work begins.
    fn ask_permission(&self, call: &Call, content: &Value) -> Result<(), Trouble> {
        let free = self.with_session(|it| it.mode == "auto" || it.allowed.contains(call.kind));
        if free != Some(true) {
            let option =
                |kind: &str, name: &str| json!({"optionId": kind, "kind": kind, "name": name});
            let params = json!({
                "sessionId": self.session_id,
                "toolCall": {"toolCallId": call.id, "title": call.title, "kind": call.kind, "content": content},
                "options": [
                    option("allow_once", "Allow"),
                    option("allow_always", "Always allow"),
                    option("reject_once", "Reject"),
                ],
            });
            let answer = self.ask("session/request_permission", &params)?;
            let outcome = &answer["outcome"];
            match (outcome["outcome"].as_str(), outcome["optionId"].as_str()) {
                (Some("selected"), Some("allow_once")) => {}
                (Some("selected"), Some("allow_always")) => {
                    self.with_session(|session| session.allowed.insert(call.kind));
                }
                (Some("cancelled"), _) => return Err(Trouble::Turn(Stop::Cancelled)),
                _ => return Err(Trouble::Tool("The user rejected this.".to_owned())),
            }
        }
        self.call_update(call, json!({"status": "in_progress"}));
        Ok(())
    }

    fn content_of(&self, path: &Path) -> Result<String, Trouble> {
        if self.capabilities["fs"]["readTextFile"] != true {
            return fs::read_to_string(path).map_err(|error| cannot("read", path, &error));
        }
        let params = json!({"sessionId": self.session_id, "path": path});
        let answer = self.ask("fs/read_text_file", &params)?;
        Ok(answer["content"].as_str().unwrap_or_default().to_owned())
    }

    /// Asks the client and waits for its answer or for a cancel.
    fn ask(&self, method: &str, params: &Value) -> Result<Value, Trouble> {
        let id = self.client.request(method, params, Some(&self.reply_to));
        loop {
            match self.events.recv() {
                Ok(Event::Answer(answered, result)) if answered == id => {
                    return result.map_err(|Failure(code, message)| {
                        Trouble::Tool(format!("{method} failed: {message} ({code})"))
                    });
                }
                Ok(Event::Answer(..)) => {}
                Ok(Event::Cancel) | Err(_) => return Err(Trouble::Turn(Stop::Cancelled)),
            }
        }
    }

    fn absolute(&self, path: &str) -> PathBuf {
        self.cwd().join(path)
    }

    fn cwd(&self) -> PathBuf {
        let cwd = self.with_session(|session| session.cwd.clone());
        cwd.unwrap_or_default()
    }
}

fn text_content(text: &str) -> Value {
    json!({"type": "content", "content": {"type": "text", "text": text}})
}

fn cannot(act: &str, path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Tool(format!("Cannot {act} {}: {error}", path.display()))
}

//! An MCP client that starts its server, as agents do: `hostler mcp`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{Host, Person};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(90);

/// The client. Its server is ended when this is dropped.
#[derive(Debug)]
pub struct Mcp {
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    last: u64,
}

impl Mcp {
    /// Starts it for somebody.
    ///
    /// # Panics
    /// When it does not begin a session.
    #[must_use]
    pub fn start(host: &Host, person: &Person) -> Self {
        let mut server = person
            .hostler(host, &["mcp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("hostler mcp");
        let lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
        let (tell, messages) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let message = serde_json::from_str(&line).expect("JSON");
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let mut client = Self {
            input: server.stdin.take(),
            server,
            messages,
            last: 0,
        };
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "agent", "version": "1" },
        });
        let id = client.begin("initialize", &hello);
        let answer = client.answer(id);
        assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    /// The process of its server.
    #[must_use]
    pub fn server(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.server)
    }

    fn say(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("it was not ended");
        writeln!(input, "{message}").expect("a line");
    }

    fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.last += 1;
        let id = self.last;
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Calls a tool; the id of the request.
    ///
    /// # Panics
    /// When the server is gone.
    pub fn begin_tool(&mut self, name: &str, arguments: &Value) -> u64 {
        let id = self.last + 1;
        let params = json!({
            "name": name, "arguments": arguments, "_meta": { "progressToken": id },
        });
        self.begin("tools/call", &params)
    }

    /// Reads until such a message has come.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn wait_for(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        loop {
            match self.messages.recv_timeout(PATIENCE) {
                Ok(message) if matches(&message) => return message,
                Ok(message) => seen.push(message),
                Err(error) => panic!("{what} did not come: {error}; seen: {seen:#?}"),
            }
        }
    }

    /// Reads until this request is answered.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn answer(&self, id: u64) -> Value {
        self.wait_for("an answer", |message| {
            message["id"] == id && message.get("method").is_none()
        })
    }

    /// What a tool brought back.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let id = self.begin_tool(name, arguments);
        let answer = self.answer(id);
        let result = &answer["result"];
        assert!(
            result.is_object() && result["isError"] != true,
            "{name}: {answer}"
        );
        result.clone()
    }

    /// The text that a tool brought back.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn text(&mut self, name: &str, arguments: &Value) -> String {
        let result = self.tool(name, arguments);
        let text = result["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{result}")).to_owned()
    }

    /// A picture of the device that it holds.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn picture(&mut self) -> Vec<u8> {
        let result = self.tool("device_screenshot", &json!({}));
        let content = result["content"].as_array().expect("content");
        let data = content.iter().find_map(|block| block["data"].as_str());
        let data = data.unwrap_or_else(|| panic!("no picture in {result}"));
        BASE64_STANDARD.decode(data).expect("base64")
    }

    /// Closes the server's stdin and waits for its end.
    ///
    /// # Panics
    /// When it ends badly.
    pub fn end(mut self) {
        self.input = None;
        let end = self.server.wait().expect("its end");
        assert!(end.success(), "{end}");
    }
}

impl Drop for Mcp {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

//! `hostler mcp`.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use serde_json::{Value, json};

use crate::stage::{Host, Person};

/// An agent's end of a bridge. It is ended when dropped.
struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    last: u64,
}

impl Agent {
    fn start(person: &Person, args: &[&str]) -> Self {
        let mut child = person
            .command(&[&["mcp"], args].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut agent = Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
            last: 0,
        };
        let hello = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "agent", "version": "1"},
        });
        let answer = agent.ask("initialize", hello);
        assert!(answer["result"]["serverInfo"].is_object(), "{answer}");
        agent.line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
        agent
    }

    fn line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.line(
            &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        );
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
            assert!(message.get("method").is_some(), "{message}");
        }
    }

    /// What a tool said.
    fn tool(&mut self, name: &str, arguments: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": name, "arguments": arguments}));
        answer.to_string()
    }

    /// Closes stdin and waits for the end.
    fn end(mut self) -> i32 {
        self.stdin = None;
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn open(device: &str) -> Value {
    json!({ "device": device, "wait_seconds": 0 })
}

#[test]
fn an_agent_has_the_tools_and_what_it_holds_is_free_when_it_ends() {
    let host = Host::start();
    let ann = host.user("ann");
    let mut agent = Agent::start(&ann, &[]);
    let tools = agent.ask("tools/list", json!({}));
    let tools = tools["result"]["tools"].as_array().unwrap();
    assert!(
        tools.iter().any(|tool| tool["name"] == "device_open"),
        "{tools:?}"
    );
    let opened = agent.tool("device_open", open("one"));
    assert!(opened.contains("play:one"), "{opened}");
    let bob = host.user("bob");
    bob.failed(8, &["device", "open", "one"]);
    assert_eq!(agent.end(), 0);
    bob.done(&["device", "open", "one"]);
}

#[test]
fn two_agents_with_one_token_do_not_share_a_device() {
    let host = Host::start();
    let ann = host.user("ann");
    let mut one = Agent::start(&ann, &[]);
    let mut other = Agent::start(&ann, &[]);
    one.tool("device_open", open("one"));
    let refused = other.tool("device_open", open("one"));
    assert!(refused.contains("DEVICE_LEASE_BUSY"), "{refused}");
    assert_eq!(other.end(), 0);
    let screen = one.tool("device_snapshot", json!({}));
    assert!(screen.contains("button"), "{screen}");
}

#[test]
fn a_host_that_was_away_is_found_again_with_what_is_held() {
    let mut host = Host::start();
    let ann = host.user("ann");
    let mut agent = Agent::start(&ann, &[]);
    agent.tool("device_open", open("one"));
    host.end();
    host.begin();
    let screen = agent.tool("device_snapshot", json!({}));
    assert!(screen.contains("button"), "{screen}");
    host.user("bob").failed(8, &["device", "open", "one"]);
}

#[test]
fn what_is_no_message_is_answered_and_the_next_one_counts() {
    let host = Host::start();
    let mut agent = Agent::start(&host.user("ann"), &[]);
    agent.line("{not json");
    assert_eq!(agent.next()["error"]["data"]["code"], "INVALID_MESSAGE");
    let answer = agent.ask("no/such/method", json!({}));
    assert!(answer["error"].is_object(), "{answer}");
    assert!(agent.ask("ping", json!({}))["result"].is_object());
}

#[test]
fn without_a_host_it_says_so() {
    let mut host = Host::start();
    let ann = host.user("ann");
    host.end();
    let message = ann.failed(3, &["mcp"]);
    assert!(message.contains("cannot be reached"), "{message}");
}

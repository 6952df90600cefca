//! `hostler prompt` against a host that plays a script: what it sends, what it
//! prints where, how it ends.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Output, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{
    Message, WebSocket, accept,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The host's end of the one connection.
struct Peer(WebSocket<TcpStream>);

impl Peer {
    fn send(&mut self, message: &Value) {
        self.raw(&message.to_string());
    }

    fn raw(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    fn update(&mut self, update: &Value) {
        self.send(&json!({
            "jsonrpc": "2.0", "method": "session/update",
            "params": {"sessionId": "s", "update": update},
        }));
    }

    fn text(&mut self, text: &str) {
        self.update(&json!({
            "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text},
        }));
    }

    /// The next message of the client.
    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The request of this method, which must be next.
    fn request(&mut self, method: &str) -> Value {
        let message = self.next();
        assert_eq!(message["method"], method, "{message}");
        message
    }

    fn answer(&mut self, request: &Value, result: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    fn fail(&mut self, request: &Value, message: &str) {
        self.send(&json!({
            "jsonrpc": "2.0", "id": request["id"],
            "error": {"code": -32603, "message": message, "data": {"code": "HARNESS_FAILED"}},
        }));
    }

    /// Everything up to the prompt, which is returned.
    fn prompted(&mut self) -> Value {
        let initialize = self.request("initialize");
        assert_eq!(initialize["params"]["protocolVersion"], 1);
        self.answer(
            &initialize,
            &json!({"protocolVersion": 1, "agentCapabilities": {}}),
        );
        let new = self.request("session/new");
        self.answer(&new, &json!({"sessionId": "s"}));
        self.request("session/prompt")
    }

    /// The end of the turn, and the end of the session that must follow.
    fn end(&mut self, prompt: &Value, reason: &str) {
        self.answer(prompt, &json!({"stopReason": reason}));
        let close = self.request("session/close");
        assert_eq!(close["params"]["sessionId"], "s");
        self.answer(&close, &json!({}));
    }

    fn ask_permission(&mut self) -> Value {
        let option = |kind: &str| json!({"optionId": kind, "name": kind, "kind": kind});
        self.send(&json!({
            "jsonrpc": "2.0", "id": "ask-1", "method": "session/request_permission",
            "params": {
                "sessionId": "s",
                "toolCall": {"toolCallId": "t", "title": "rm -r /"},
                "options": [option("allow_always"), option("allow_once"), option("reject_once")],
            },
        }));
        let answer = self.next();
        assert_eq!(answer["id"], "ask-1");
        answer["result"]["outcome"].clone()
    }
}

/// `hostler prompt` with a host that does `script`.
struct Run {
    child: Child,
    host: thread::JoinHandle<()>,
    addr: SocketAddr,
    _home: TempDir,
    /// A host that lives holds it.
    _lock: fs::File,
}

impl Run {
    fn start(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join(".local/state/hostler");
        fs::create_dir_all(&state).unwrap();
        let addr = listener.local_addr().unwrap();
        let file = json!({"pid": 1, "addr": addr, "version": "0"});
        fs::write(state.join("host.json"), file.to_string()).unwrap();
        let lock = fs::File::create(state.join("lock")).unwrap();
        lock.lock().unwrap();
        fs::write(state.join("token"), TOKEN).unwrap();
        fs::set_permissions(state.join("token"), fs::Permissions::from_mode(0o600)).unwrap();

        let host = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut peer = Peer(accept(stream).unwrap());
            script(&mut peer);
            // Until the client has gone.
            while peer.0.read().is_ok() {}
        });
        let child = Command::new(env!("CARGO_BIN_EXE_hostler"))
            .arg("prompt")
            .args(args)
            .env_clear()
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            child,
            host,
            addr,
            _home: home,
            _lock: lock,
        }
    }

    /// Exit code, stdout, stderr.
    fn end(self) -> (i32, String, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self.child.wait_with_output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        // A client that never came must fail the test, not keep it waiting.
        let _ = TcpStream::connect(self.addr);
        if let Err(panic) = self.host.join() {
            eprintln!("{stderr}");
            std::panic::resume_unwind(panic);
        }
        (
            status.code().unwrap(),
            String::from_utf8(stdout).unwrap(),
            stderr,
        )
    }
}

#[test]
fn the_answer_alone_is_on_stdout_and_the_session_is_closed() {
    let run = Run::start(&["hello", "--cwd", "/tmp"], |host| {
        let prompt = host.prompted();
        assert_eq!(
            prompt["params"]["prompt"],
            json!([{"type": "text", "text": "hello"}])
        );
        host.text("Hi ");
        host.update(&json!({
            "sessionUpdate": "tool_call", "toolCallId": "t", "title": "ls", "status": "completed",
        }));
        host.update(&json!({"sessionUpdate": "of_the_future"}));
        host.text("there");
        host.end(&prompt, "end_turn");
    });
    let (code, stdout, stderr) = run.end();
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout, "Hi \nthere\n");
    assert_eq!(stderr, "✓ ls (done)\n");
}

#[test]
fn json_is_every_message_on_a_line_of_its_own_as_it_came() {
    let odd = r#"{"jsonrpc":"2.0", "method":"_x/y","params":{"n":1e2,"big":12345678901234567890123,"s":"\u0041"}}"#;
    let run = Run::start(&["hello", "--json"], move |host| {
        let prompt = host.prompted();
        host.raw(odd);
        host.raw("{\"jsonrpc\":\"2.0\",\n\"method\":\"_x/z\"}");
        host.end(&prompt, "end_turn");
    });
    let (code, stdout, stderr) = run.end();
    assert_eq!(code, 0, "{stderr}");
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{stdout}");
    assert_eq!(lines[2], odd);
    assert_eq!(lines[3], r#"{"jsonrpc":"2.0", "method":"_x/z"}"#);
}

#[test]
fn nobody_at_a_terminal_allows_nothing_and_it_is_said() {
    let run = Run::start(&["hello"], |host| {
        let prompt = host.prompted();
        let outcome = host.ask_permission();
        assert_eq!(
            outcome,
            json!({"outcome": "selected", "optionId": "reject_once"})
        );
        host.end(&prompt, "end_turn");
    });
    let (code, _, stderr) = run.end();
    assert_eq!(code, 0);
    assert!(
        stderr.contains("not allowed: rm -r /: nobody is at a terminal"),
        "{stderr}"
    );
}

#[test]
fn yes_allows_once_and_says_what() {
    let run = Run::start(&["hello", "--yes"], |host| {
        let prompt = host.prompted();
        let outcome = host.ask_permission();
        assert_eq!(
            outcome,
            json!({"outcome": "selected", "optionId": "allow_once"})
        );
        host.end(&prompt, "end_turn");
    });
    let (code, _, stderr) = run.end();
    assert_eq!(code, 0);
    assert!(stderr.contains("allow_once: rm -r / (--yes)"), "{stderr}");
}

#[test]
fn a_request_that_is_not_offered_is_refused_and_the_turn_goes_on() {
    let run = Run::start(&["hello"], |host| {
        let prompt = host.prompted();
        host.send(&json!({"jsonrpc": "2.0", "id": 7, "method": "fs/read_text_file", "params": {}}));
        let answer = host.next();
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(7), &json!(-32601))
        );
        host.end(&prompt, "end_turn");
    });
    assert_eq!(run.end().0, 0);
}

#[test]
fn each_end_has_its_exit_code_and_reason() {
    let stopped = |reason: &'static str| {
        Run::start(&["hello"], move |host| {
            let prompt = host.prompted();
            host.end(&prompt, reason);
        })
    };
    let failed = Run::start(&["hello"], |host| {
        let prompt = host.prompted();
        host.fail(&prompt, "the model is down");
    });
    let refused = Run::start(&["hello"], |host| {
        let initialize = host.request("initialize");
        host.answer(&initialize, &json!({"protocolVersion": 1}));
        let new = host.request("session/new");
        host.fail(&new, "not logged in");
    });
    let other_version = Run::start(&["hello"], |host| {
        let initialize = host.request("initialize");
        host.answer(&initialize, &json!({"protocolVersion": 2}));
    });
    let gone = Run::start(&["hello"], |host| {
        host.prompted();
        let code = CloseCode::Away;
        let reason = "the host is stopping".into();
        host.0.close(Some(CloseFrame { code, reason })).unwrap();
    });
    for (run, expected, reason) in [
        (stopped("refusal"), 6, "the model refused"),
        (stopped("cancelled"), 6, "it was cancelled"),
        (stopped("max_tokens"), 6, "limit of tokens"),
        (failed, 5, "the model is down (HARNESS_FAILED)"),
        (refused, 4, "not logged in"),
        (other_version, 4, "version 2"),
        (gone, 7, "the host is stopping (code 1001)"),
    ] {
        let (code, _, stderr) = run.end();
        assert_eq!(code, expected, "{stderr}");
        assert!(stderr.contains(reason), "{reason} is missing in: {stderr}");
    }
}

/// The kernel drops what a program sent last if it leaves with data unread.
#[test]
fn a_client_whose_reader_has_gone_still_ends_its_session() {
    let mut run = Run::start(&["hello"], |host| {
        host.prompted();
        let line = "x".repeat(1000);
        for _ in 0..1000 {
            host.text(&line);
        }
        let close = host.request("session/close");
        host.answer(&close, &json!({}));
    });
    drop(run.child.stdout.take());
    let (code, _, stderr) = run.end();
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("the output cannot be written"), "{stderr}");
}

#[test]
fn an_interrupt_cancels_the_turn_and_a_second_one_leaves() {
    let (working, is_working) = std::sync::mpsc::channel();
    let run = Run::start(&["hello"], move |host| {
        host.prompted();
        working.send(()).unwrap();
        let cancel = host.request("session/cancel");
        assert_eq!(cancel["params"]["sessionId"], "s");
        // What is asked now is answered as the protocol wants it.
        assert_eq!(host.ask_permission(), json!({"outcome": "cancelled"}));
        working.send(()).unwrap();
        // A client that leaves does not leave its session behind.
        let close = host.request("session/close");
        host.answer(&close, &json!({}));
    });
    for _ in 0..2 {
        is_working.recv().unwrap();
        kill_process(Pid::from_child(&run.child), Signal::INT).unwrap();
    }
    let (code, _, stderr) = run.end();
    assert_eq!(code, 6, "{stderr}");
    assert!(stderr.contains("left before the end"), "{stderr}");
}

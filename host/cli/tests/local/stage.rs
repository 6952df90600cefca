//! An editor's end of a bridge, and state directories with and without a host.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{
    Message, WebSocket, accept_with_config, protocol::WebSocketConfig,
};

const TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A user's home with a state directory; the host that was started for it ends
/// with it.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join(".local/state/hostler")
    }

    /// `hostler` in an environment of its own.
    pub(crate) fn hostler(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args).env_clear().env("HOME", self.path());
        command
    }

    pub(crate) fn bridge(&self, args: &[&str]) -> Bridge {
        self.run(&[&["acp"], args].concat(), |_| {})
    }

    fn run(&self, args: &[&str], streams: impl FnOnce(&mut Command)) -> Bridge {
        let mut command = self.hostler(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        streams(&mut command);
        let mut child = command.spawn().unwrap();
        // The command keeps its own ends of other streams open.
        drop(command);
        // Of one that is elsewhere nothing comes here.
        fn or_nothing<T: From<OwnedFd>>(stream: Option<T>) -> T {
            stream.unwrap_or_else(|| T::from(OwnedFd::from(std::io::pipe().unwrap().0)))
        }
        Bridge {
            stdin: child.stdin.take(),
            stdout: BufReader::new(or_nothing(child.stdout.take())),
            stderr: or_nothing(child.stderr.take()),
            child,
        }
    }

    /// The process of the host that says it is there.
    pub(crate) fn host(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.state().join("host.json")).ok()?;
        let file: Value = serde_json::from_str(&text).ok()?;
        Pid::from_raw(file["pid"].as_i64()?.try_into().ok()?)
    }

    /// Lines of the log of the host in the background that have `part`.
    pub(crate) fn logged(&self, part: &str) -> usize {
        let log = fs::read_to_string(self.state().join("serve.log")).unwrap_or_default();
        log.lines().filter(|line| line.contains(part)).count()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(host) = self.host() {
            let _ = kill_process(host, Signal::KILL);
            gone(host);
        }
    }
}

/// Waits until a process has ended.
pub(crate) fn gone(pid: Pid) {
    // One that nobody has waited for is as gone as can be.
    let ended = || {
        test_kill_process(pid).is_err()
            || fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
                .is_ok_and(|stat| stat.contains(") Z "))
    };
    while !ended() {
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// A bridge that runs. It is ended when dropped.
pub(crate) struct Bridge {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
}

impl Bridge {
    pub(crate) fn line(&mut self, line: &str) {
        self.bytes(format!("{line}\n").as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
    }

    /// The next line, whole and not yet read as JSON.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut stderr = String::new();
            self.stderr.read_to_string(&mut stderr).unwrap();
            panic!("stdout has ended; stderr: {stderr}");
        }
        line
    }

    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_line()).unwrap()
    }

    pub(crate) fn initialize(&mut self) -> Value {
        self.line(&initialize().to_string());
        let answer = self.next();
        assert_eq!(answer["id"], 0, "{answer}");
        answer["result"].clone()
    }

    /// Stderr up to and with this.
    pub(crate) fn stderr_until(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(end.as_bytes()) {
            let count = self.stderr.read(&mut byte).unwrap();
            assert!(
                count > 0,
                "{end:?} is not in {}",
                String::from_utf8_lossy(&seen)
            );
            seen.extend(byte);
        }
        String::from_utf8(seen).unwrap()
    }

    /// Closes stdin.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// What is left of stdout, the exit code, stderr.
    pub(crate) fn end(mut self) -> (String, i32, String) {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        (stdout, self.child.wait().unwrap().code().unwrap(), stderr)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {"protocolVersion": 1, "clientCapabilities": {}},
    })
}

/// A bridge to a host that does `script`.
pub(crate) struct Played {
    pub(crate) bridge: Bridge,
    host: thread::JoinHandle<()>,
    _home: Home,
    _lock: fs::File,
}

/// Where clients of a played host come in.
pub(crate) struct Door(pub(crate) TcpListener);

impl Door {
    /// The next connection.
    pub(crate) fn peer(&self) -> Peer {
        let (stream, _) = self.0.accept().unwrap();
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        Peer(accept_with_config(stream, Some(config)).unwrap())
    }
}

/// The host's end.
pub(crate) struct Peer(pub(crate) WebSocket<TcpStream>);

impl Peer {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next text frame.
    pub(crate) fn next(&mut self) -> String {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return text.to_string();
            }
        }
    }

    /// The next message, which must be of this method.
    pub(crate) fn request(&mut self, method: &str) -> Value {
        let message: Value = serde_json::from_str(&self.next()).unwrap();
        assert_eq!(message["method"], method, "{message}");
        message
    }

    pub(crate) fn json(&mut self, message: &Value) {
        self.send(&message.to_string());
    }

    pub(crate) fn answer(&mut self, request: &Value, result: &Value) {
        self.json(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    pub(crate) fn fail(&mut self, request: &Value, name: &str, message: &str) {
        let error = json!({"code": -32603, "message": message, "data": {"code": name}});
        self.json(&json!({"jsonrpc": "2.0", "id": request["id"], "error": error}));
    }

    /// Answers `initialize` as a host that can be attached to.
    pub(crate) fn hello(&mut self) -> Value {
        let hello = self.request("initialize");
        let capabilities = json!({"_meta": {"hostler": {"attach": true}}});
        self.answer(
            &hello,
            &json!({"protocolVersion": 1, "agentCapabilities": capabilities}),
        );
        hello
    }

    /// An update of the history of the session `s-1`.
    pub(crate) fn update(&mut self, (epoch, seq): (u64, u64), update: &Value) {
        let meta = json!({"hostler": {"epoch": epoch, "seq": seq}});
        let params = json!({"sessionId": "s-1", "update": update, "_meta": meta});
        self.json(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}));
    }

    pub(crate) fn says(&mut self, at: (u64, u64), text: &str) {
        self.update(
            at,
            &json!({"sessionUpdate": "agent_message_chunk",
                    "content": {"type": "text", "text": text}}),
        );
    }

    /// Until the client has gone.
    pub(crate) fn close(&mut self) {
        while self.0.read().is_ok() {}
    }
}

impl Played {
    pub(crate) fn start(script: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::run(&["acp"], script)
    }

    /// The same for any other command.
    pub(crate) fn run(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::serve(args, |door| script(&mut door.peer()))
    }

    /// With a host that takes several connections.
    pub(crate) fn serve(args: &[&str], script: impl FnOnce(&Door) + Send + 'static) -> Self {
        Self::with(args, script, |_| {})
    }

    /// With other standard streams than pipes.
    pub(crate) fn with(
        args: &[&str],
        script: impl FnOnce(&Door) + Send + 'static,
        streams: impl FnOnce(&mut Command),
    ) -> Self {
        let home = Home::new();
        let state = home.state();
        fs::create_dir_all(&state).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        // Of no process: there is nothing to end.
        let file = json!({"pid": 0, "addr": addr, "version": "0"});
        fs::write(state.join("host.json"), file.to_string()).unwrap();
        let lock = fs::File::create(state.join("lock")).unwrap();
        lock.lock().unwrap();
        fs::write(state.join("token"), TOKEN).unwrap();
        fs::set_permissions(state.join("token"), fs::Permissions::from_mode(0o600)).unwrap();
        let host = thread::spawn(move || script(&Door(listener)));
        Self {
            bridge: home.run(args, streams),
            host,
            _home: home,
            _lock: lock,
        }
    }

    /// As [`Bridge::end`], when the script is at its end.
    pub(crate) fn end(self) -> (String, i32, String) {
        let end = self.bridge.end();
        self.host.join().unwrap();
        end
    }
}

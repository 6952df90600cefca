//! The built binary, as a user meets it, without components: what it says, the
//! files it leaves, how it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// `hostler` in an environment of its own: nothing of the user's is read or
/// written.
fn hostler(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

fn run(home: &Path, args: &[&str]) -> Output {
    hostler(home).args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A host that is ready. It is ended when dropped.
struct Host {
    home: TempDir,
    child: Child,
    stdout: BufReader<ChildStdout>,
    ready: String,
}

impl Host {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = hostler(home.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready = String::new();
        stdout.read_line(&mut ready).unwrap();
        Self {
            home,
            child,
            stdout,
            ready,
        }
    }

    fn state(&self) -> std::path::PathBuf {
        self.home.path().join(".local/state/hostler")
    }

    fn host_json(&self) -> serde_json::Value {
        let text = fs::read_to_string(self.state().join("host.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_host_says_where_it_is_and_answers_there() {
    let mut host = Host::start();
    let file = host.host_json();
    let addr = file["addr"].as_str().unwrap();
    assert_eq!(file["pid"], host.child.id());
    assert_eq!(file["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        host.ready,
        format!(
            "hostler {} ready on http://{addr} (state {})\n",
            env!("CARGO_PKG_VERSION"),
            host.state().display()
        )
    );

    let mut socket = TcpStream::connect(addr).unwrap();
    write!(
        socket,
        "GET /healthz HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("ready"), "{answer}");

    host.signal(Signal::TERM);
    let mut more = String::new();
    host.stdout.read_to_string(&mut more).unwrap();
    assert_eq!(more, "", "the ready line is all of stdout");
}

#[test]
fn the_token_and_its_directory_are_the_users_alone() {
    let host = Host::start();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&host.state().join("token")), 0o600);
    assert_eq!(mode(&host.state()), 0o700);
}

#[test]
fn a_second_host_is_refused_and_told_who_is_there() {
    let host = Host::start();
    let second = run(host.home.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let message = stderr(&second);
    assert_eq!(second.status.code(), Some(1), "{message}");
    let addr = host.host_json()["addr"].as_str().unwrap().to_owned();
    for part in [
        addr,
        format!("process {}", host.child.id()),
        "--state-dir".into(),
    ] {
        assert!(message.contains(&part), "{part} is missing in: {message}");
    }
    assert_eq!(second.stdout, b"");
    // The first one is still there, and so is its file.
    assert_eq!(host.host_json()["pid"], host.child.id());
}

#[test]
fn a_signal_ends_the_host_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut host = Host::start();
        host.signal(signal);
        assert_eq!(host.child.wait().unwrap().code(), Some(0), "{signal:?}");
        assert!(!host.state().join("host.json").exists(), "{signal:?}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let host = Host::start();
    let addr = host.host_json()["addr"].as_str().unwrap().to_owned();
    let other = tempfile::tempdir().unwrap();
    let output = run(other.path(), &["serve", "--listen", &addr]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains(&addr) && message.contains("--listen"),
        "{message}"
    );
}

#[test]
fn a_host_that_others_could_reach_does_not_start() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["serve", "--listen", "0.0.0.0:0"]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("other machines"), "{message}");
    assert!(!home.path().join(".local").exists(), "nothing was made");
}

#[test]
fn a_prompt_without_a_host_says_how_to_start_one() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["prompt", "hello"]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("hostler serve"), "{message}");
}

#[test]
fn a_prompt_to_a_host_that_was_killed_says_so() {
    let mut host = Host::start();
    host.child.kill().unwrap();
    host.child.wait().unwrap();
    let output = run(host.home.path(), &["prompt", "hello"]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("no host is running"), "{message}");
    assert!(message.contains("hostler serve"), "{message}");
}

#[test]
fn a_harness_that_the_host_does_not_have_is_refused() {
    let host = Host::start();
    let output = run(host.home.path(), &["prompt", "--harness", "nope", "hello"]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("nope"), "{message}");
}

#[test]
fn a_wrong_token_is_refused() {
    let host = Host::start();
    let token = host.state().join("token");
    let other = fs::read_to_string(&token).unwrap();
    let other: String = other.trim().chars().rev().collect();
    fs::write(&token, other).unwrap();
    let output = run(host.home.path(), &["prompt", "hello"]);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("the host refused"), "{message}");
}

#[test]
fn a_wrong_command_line_or_config_ends_with_2() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("bad.toml");
    fs::write(&config, "[server]\nport = 1\n").unwrap();
    let config = config.to_str().unwrap();
    for (args, expected) in [
        (
            &["serve", "--config", config][..],
            "bad.toml:2: unknown field `port`",
        ),
        (
            &["plugin", "list", "--config", config],
            "bad.toml:2: unknown field `port`",
        ),
        (
            &["serve", "--config", "/none.toml"],
            "/none.toml: cannot be read",
        ),
        (&["plugin", "inspect", "nope"], "there is no plugin nope"),
        (&["prompt", " "], "the prompt is empty"),
        (&["prompt"], "Usage: hostler prompt"),
        (&["serve", "--port", "1"], "unexpected argument '--port'"),
        (&["serve", "--log", "a=b=c"], "is no log filter"),
        (&["nonsense"], "unrecognized subcommand"),
    ] {
        let output = run(home.path(), args);
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {message}");
        assert!(message.contains(expected), "{args:?}: {message}");
    }
}

#[test]
fn the_config_in_the_usual_place_is_read() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/hostler");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("hostler.toml"), "[sever]\n").unwrap();
    let output = run(home.path(), &["plugin", "list"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains(".config/hostler/hostler.toml:1"));
}

#[test]
fn a_plugin_that_does_not_load_is_shown_with_its_error_beside_the_others() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("plugins");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("broken-one.wasm"), b"\0asm\x0d\0\x01\0garbage").unwrap();
    fs::write(folder.join("broken-two.wasm"), b"").unwrap();
    let config = home.path().join("hostler.toml");
    fs::write(
        &config,
        "plugin-folders = [\"plugins\"]\n[plugins.gone]\ncomponent = \"./gone.wasm\"\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();

    let output = run(
        home.path(),
        &["plugin", "list", "--json", "--config", config],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for (id, expected) in [
        ("broken-one", "not a WebAssembly component"),
        ("broken-two", "not a WebAssembly component"),
        ("gone", "gone.wasm cannot be read"),
    ] {
        let plugins = report["plugins"].as_array().unwrap();
        let row = plugins.iter().find(|row| row["id"] == id).unwrap();
        assert_eq!(row["state"], "unusable", "{row}");
        assert!(row["detail"].as_str().unwrap().contains(expected), "{row}");
    }

    let output = run(
        home.path(),
        &["plugin", "inspect", "gone", "--config", config],
    );
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("unusable") && shown.contains("nobody; it may do nothing"),
        "{shown}"
    );
}

#[test]
fn the_version_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["--version"]);
    let expected = format!("hostler {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

/// The supervisor and the compiler are this binary too; they must not meet the
/// command line of people.
#[test]
fn the_helpers_are_not_in_the_help_and_do_not_parse_options() {
    let home = tempfile::tempdir().unwrap();
    let help = String::from_utf8(run(home.path(), &["--help"]).stdout).unwrap();
    assert!(
        !["child", "compile", "detach"]
            .iter()
            .any(|helper| help.contains(helper)),
        "{help}"
    );
    assert!(help.contains("Exit codes:"), "{help}");
    let output = run(home.path(), &["compile", "--help"]);
    assert!(
        stderr(&output).len() > 1 && output.stdout.is_empty(),
        "an empty component is invalid"
    );
    let output = run(home.path(), &["child", "--", "true"]);
    assert!(
        stderr(&output).starts_with("hostler child: "),
        "{}",
        stderr(&output)
    );
}

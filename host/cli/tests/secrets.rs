//! `hostler secret` with the built binary, with and without a host.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

const VALUE: &str = "correct-horse-battery";

fn hostler(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
    command.env_clear().env("HOME", home);
    command
}

fn run(home: &Path, stdin: &str, args: &[&str]) -> Output {
    let mut child = hostler(home)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that refuses does not read.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What a command said; it must have ended with this code.
fn ends(code: i32, home: &Path, stdin: &str, args: &[&str]) -> String {
    let output = run(home, stdin, args);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(!said.contains("horse"), "{args:?} shows the value: {said}");
    said
}

fn set(home: &Path, name: &str, value: &str) -> String {
    ends(0, home, value, &["secret", "set", name, "--stdin"])
}

fn listed(home: &Path) -> Value {
    let output = run(home, "", &["secret", "list", "--json"]);
    let mut listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    listed["secrets"].take()
}

fn config(home: &Path, text: &str) {
    let folder = home.join(".config/hostler");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("hostler.toml"), text).unwrap();
}

/// Whether any file below a folder has these bytes.
fn anywhere(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return anywhere(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn host(home: &Path) -> Host {
    let mut child = hostler(home)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut ready).unwrap();
    assert!(ready.contains("ready"), "{ready}");
    Host(child)
}

#[test]
fn a_secret_is_kept_sealed_listed_replaced_and_removed_without_a_host() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    assert!(ends(0, home, "", &["secret", "list"]).contains("no secrets"));
    assert!(set(home, "API_KEY", VALUE).contains("is kept"));
    assert!(set(home, "API_KEY", &format!("{VALUE}-2\n")).contains("is replaced"));
    assert!(!anywhere(home, "horse"), "the value stands in a file");
    let key = home.join(".config/hostler/secret-key");
    let mode = fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let rows = listed(home);
    assert_eq!(rows[0]["name"], "API_KEY");
    assert_eq!(rows[0]["source"], "stored");
    assert!(rows[0]["set"].is_string());
    let table = ends(0, home, "", &["secret", "list"]);
    assert!(
        table.contains("API_KEY") && table.contains("nobody"),
        "{table}"
    );
    ends(0, home, "", &["secret", "rm", "API_KEY"]);
    let again = ends(1, home, "", &["secret", "rm", "API_KEY"]);
    assert!(again.contains("hostler secret list"), "{again}");
    assert_eq!(listed(home), serde_json::json!([]));
}

#[test]
fn a_running_host_has_the_same_secrets_and_the_record_says_who_set_them() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let _host = host(home);
    set(home, "API_KEY", VALUE);
    ends(0, home, "", &["secret", "rm", "API_KEY"]);
    let audit = ends(0, home, "", &["audit"]);
    let lines: Vec<_> = audit
        .lines()
        .filter(|line| line.contains("API_KEY"))
        .collect();
    assert_eq!(lines.len(), 2, "{audit}");
    assert!(lines[0].contains("secret.set") && lines[0].contains("local"));
    assert!(lines[1].contains("secret.remove"));
    assert!(!anywhere(home, "horse"));
}

#[test]
fn the_list_says_where_a_secret_comes_from_and_who_may_use_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fs::create_dir_all(home.join("plugins")).unwrap();
    fs::write(home.join("plugins/demo.wasm"), b"").unwrap();
    let text = r#"
        plugin-folders = ["~/plugins"]
        [session]
        harness = "demo"
        [secrets.FROM_ENV]
        env = "SOME_VARIABLE"
        [[plugins.demo.grants.http]]
        hosts = ["https://api.example", "https://b.example"]
        secrets = ["FROM_ENV"]
        [[plugins.demo.grants.process]]
        program = "agent"
        args = [["**"]]
        secrets = { AGENT_KEY = "LOST" }
    "#;
    config(home, text);
    let rows = listed(home);
    let from_env = serde_json::json!({
        "name": "FROM_ENV",
        "source": "variable SOME_VARIABLE",
        "set": null,
        "grants": [
            { "plugin": "demo", "to": "https://api.example", "variable": null },
            { "plugin": "demo", "to": "https://b.example", "variable": null },
        ],
    });
    assert_eq!(rows[0], from_env);
    assert_eq!(rows[1]["name"], "LOST");
    assert_eq!(rows[1]["source"], Value::Null);
    assert_eq!(rows[1]["grants"][0]["variable"], "AGENT_KEY");
    let table = ends(0, home, "", &["secret", "list"]);
    assert!(
        table.contains("missing") && table.contains("demo: agent as AGENT_KEY"),
        "{table}"
    );
    // What the config says counts, so nothing is kept beside it.
    let args = ["secret", "set", "FROM_ENV", "--stdin"];
    let refused = ends(2, home, VALUE, &args);
    assert!(refused.contains("[secrets.FROM_ENV]"), "{refused}");
}

#[test]
fn what_cannot_be_a_secret_is_refused_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let short = ends(2, home, "horse", &["secret", "set", "A"]);
    assert!(short.contains("at least 8"), "{short}");
    let long = "x".repeat(20_000);
    let long = ends(2, home, &long, &["secret", "set", "A"]);
    assert!(long.contains("16384"), "{long}");
    let name = ends(2, home, VALUE, &["secret", "set", "a.b"]);
    assert!(name.contains("no name of a secret"), "{name}");
    assert_eq!(listed(home), serde_json::json!([]));
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    set(home, "A", VALUE);
    let key = home.join(".config/hostler/secret-key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = ends(1, home, VALUE, &["secret", "set", "B"]);
    assert!(refused.contains("chmod 600"), "{refused}");
}

#[test]
fn on_a_terminal_the_value_is_asked_for_and_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let terminal = fs::File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap());
    let terminal = terminal.unwrap();
    let mut command = hostler(home);
    command
        .args(["secret", "set", "TYPED"])
        .stdin(terminal.try_clone().unwrap())
        .stdout(terminal.try_clone().unwrap())
        .stderr(terminal);
    // SAFETY: both are allowed between fork and exec.
    unsafe {
        use std::os::unix::process::CommandExt as _;
        command.pre_exec(|| {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut screen = BufReader::new(fs::File::from(master));
    let mut shown = Vec::new();
    while !shown.ends_with(b"(not shown): ") {
        let byte = screen.fill_buf().unwrap()[0];
        screen.consume(1);
        shown.push(byte);
    }
    screen
        .get_mut()
        .write_all(format!("{VALUE}\n").as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    // The other end is closed: what is left can be read, and then an error comes.
    let _ = std::io::Read::read_to_end(&mut screen, &mut shown);
    let shown = String::from_utf8_lossy(&shown);
    assert!(
        shown.contains("TYPED is kept") && !shown.contains("horse"),
        "{shown}"
    );
    assert_eq!(listed(home)[0]["name"], "TYPED");
}

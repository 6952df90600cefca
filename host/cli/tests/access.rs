//! Tokens, pairing, TLS, the audit and notifications, with the built binary and
//! real hosts.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// `hostler` in an environment of its own.
fn run(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    // Commands of [notify] are looked up there.
    command.env("PATH", "/usr/bin:/bin");
    command.args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command printed; it must have succeeded.
fn done(home: &Path, args: &[&str]) -> String {
    let output = run(home, args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {message}");
    text(&output.stdout)
}

/// What a command that must fail said.
fn failed(home: &Path, exit: i32, args: &[&str]) -> String {
    let output = run(home, args);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{args:?}: {message}");
    message
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A host that is ready. It is ended when dropped.
struct Host {
    home: TempDir,
    child: Child,
    ready: String,
}

impl Host {
    fn start(args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hostler"))
            .env_clear()
            .env("HOME", home.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut ready).unwrap();
        Self { home, child, ready }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn state(&self) -> PathBuf {
        self.home().join(".local/state/hostler")
    }

    fn address(&self) -> String {
        let word = self.ready.split(' ').find(|word| word.contains("://"));
        word.unwrap().to_owned()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_admin_token_is_the_users_alone_and_lies_outside_the_state_directory() {
    let host = Host::start(&[]);
    let path = host.home().join(".config/hostler/admin-token");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let admin = fs::read_to_string(&path).unwrap();
    for entry in fs::read_dir(host.state()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let secret = admin.trim().as_bytes();
        let found = bytes.windows(secret.len()).any(|part| part == secret);
        assert!(!found, "{} has it", path.display());
    }
}

#[test]
fn a_token_is_made_listed_used_and_revoked_and_all_of_it_is_recorded() {
    let host = Host::start(&[]);
    let home = host.home();
    let scopes = ["--scope", "view", "--scope", "drive"];
    let create = [
        "token",
        "create",
        "--principal",
        "ann",
        "--life",
        "30d",
        "--label",
        "phone",
    ];
    let token = done(home, &[&create[..], &scopes].concat());
    let token = token.trim();
    assert_eq!(token.len(), 43, "the token is all of stdout");
    let listed = json(&done(home, &["token", "list", "--json"]));
    let listed = &listed["tokens"][0];
    assert_eq!(listed["principal"], "ann");
    assert_eq!(listed["scopes"], serde_json::json!(["view", "drive"]));
    let id = listed["id"].as_str().unwrap();
    assert!(done(home, &["token", "list"]).contains("phone"));
    let elsewhere = tempfile::tempdir().unwrap();
    let address = host.address();
    let file = elsewhere.path().join("t");
    fs::write(&file, token).unwrap();
    let file = file.to_str().unwrap();
    let list = ["session", "list", "--url", &address, "--token-file", file];
    assert_eq!(
        done(elsewhere.path(), &list).trim(),
        "There are no sessions."
    );
    done(home, &["token", "revoke", id]);
    let message = failed(elsewhere.path(), 4, &list);
    assert!(message.contains("revoked"), "{message}");
    let message = failed(home, 4, &["token", "revoke", id]);
    assert!(message.contains("hostler token list"), "{message}");
    let audit = done(home, &["audit", "--since", "1d"]);
    let lines: Vec<_> = audit.lines().collect();
    assert_eq!(lines.len(), 3, "{audit}");
    assert!(lines[1].contains("token.create") && lines[1].contains("principal=ann"));
    assert!(lines[2].contains("token.revoke") && lines[2].contains("local"));
    let last = done(home, &["audit", "--limit", "1", "--json"]);
    assert_eq!(json(&last)["action"], "token.revoke");
}

#[test]
fn another_machine_is_paired_once_and_knows_the_host_by_its_certificate() {
    let host = Host::start(&["--tls-own"]);
    assert!(host.ready.contains("ready on https://"), "{}", host.ready);
    let offered = json(&done(host.home(), &["pair", "--json"]));
    let url = offered["url"].as_str().unwrap();
    let (base, fragment) = url.split_once("/#pair=").unwrap();
    assert_eq!(base, host.address());
    let certificate = fragment.split_once("&cert=").unwrap().1.to_owned();
    assert!(host.ready.contains(&certificate), "{}", host.ready);

    let other = tempfile::tempdir().unwrap();
    let machine = other.path();
    let message = failed(machine, 2, &["session", "list", "--url", base]);
    assert!(message.contains("hostler pair"), "{message}");
    done(machine, &["pair", "--redeem", url, "--label", "laptop"]);
    let file = machine.join(".config/hostler/connections.json");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let list = ["session", "list", "--url", base];
    assert_eq!(done(machine, &list).trim(), "There are no sessions.");
    let message = failed(machine, 4, &["pair", "--redeem", url]);
    assert!(message.contains("once"), "{message}");

    // Somebody in between has another certificate.
    let known = fs::read_to_string(&file).unwrap();
    let wrong = known.replace(&certificate, &certificate.chars().rev().collect::<String>());
    fs::write(&file, wrong).unwrap();
    let message = failed(machine, 4, &list);
    assert!(message.contains("not the one of the pairing"), "{message}");
    // And without a pin nobody vouches for it.
    fs::write(&file, known.replace("certificate", "other")).unwrap();
    assert_eq!(
        run(machine, &list).status.code().map(|code| code == 0),
        Some(false)
    );
}

#[test]
fn programs_of_the_same_machine_reach_a_host_with_tls_without_further_ado() {
    let host = Host::start(&["--tls-own"]);
    let listed = done(host.home(), &["session", "list"]);
    assert_eq!(listed.trim(), "There are no sessions.");
    done(host.home(), &["token", "list"]);
}

#[test]
fn a_certificate_of_the_operators_own_is_used() {
    let first = Host::start(&["--tls-own"]);
    let pem = first.state().join("tls.pem");
    let pem = pem.to_str().unwrap();
    let host = Host::start(&["--tls-cert", pem, "--tls-key", pem]);
    assert_eq!(
        done(host.home(), &["session", "list"]).trim(),
        "There are no sessions."
    );
    // Who vouches for it is not this host's business.
    let offered = json(&done(host.home(), &["pair", "--json"]));
    assert!(
        !offered["url"].as_str().unwrap().contains("cert="),
        "{offered}"
    );
}

#[test]
fn without_a_host_or_an_admin_token_the_message_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["token", "list"][..],
        &["pair"],
        &["audit"],
        &["token", "revoke", "x"],
    ] {
        let message = failed(home.path(), 3, args);
        assert!(message.contains("hostler serve"), "{message}");
    }
    let host = Host::start(&[]);
    fs::remove_file(host.home().join(".config/hostler/admin-token")).unwrap();
    let message = failed(host.home(), 4, &["token", "list"]);
    assert!(message.contains("admin-token does not exist"), "{message}");
    // The local token is not enough.
    fs::copy(
        host.state().join("token"),
        host.home().join(".config/hostler/admin-token"),
    )
    .unwrap();
    let message = failed(host.home(), 4, &["token", "list"]);
    assert!(message.contains("lacks the scope `admin`"), "{message}");
}

#[test]
fn what_is_no_address_scope_or_code_is_told_before_anything_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let message = failed(home.path(), 2, &["pair", "--redeem", "https://127.0.0.1:1"]);
    assert!(message.contains("no pairing code"), "{message}");
    let message = failed(home.path(), 2, &["pair", "--redeem", "http://box/#pair=x"]);
    assert!(message.contains("use https://"), "{message}");
    let message = failed(home.path(), 2, &["token", "create", "--scope", "all"]);
    assert!(message.contains("shell"), "{message}");
    let message = failed(home.path(), 2, &["token", "create", "--life", "soon"]);
    assert!(message.contains("--life"), "{message}");
    let message = failed(home.path(), 2, &["serve", "--tls-own", "--behind-proxy"]);
    assert!(message.contains("--behind-proxy"), "{message}");
    assert!(!home.path().join(".local").exists(), "nothing was made");
}

#[test]
fn a_host_keeps_its_tokens_and_its_certificate_over_a_restart() {
    let host = Host::start(&["--tls-own"]);
    let home = host.home().to_owned();
    let token = done(&home, &["token", "create", "--scope", "view"]);
    // Killed: what was answered is kept all the same.
    let Host {
        home: folder,
        child,
        ready,
    } = &host;
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    let certificate = ready.split("SHA-256 ").nth(1).unwrap().to_owned();
    while fs::File::open(host.state().join("lock"))
        .unwrap()
        .try_lock_shared()
        .is_err()
    {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut again = Command::new(env!("CARGO_BIN_EXE_hostler"))
        .env_clear()
        .env("HOME", folder.path())
        .args(["serve", "--listen", "127.0.0.1:0", "--tls-own"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(again.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.ends_with(&certificate), "{line}");
    let base = line.split(' ').find(|word| word.contains("://")).unwrap();
    let url = format!("{base}#cert={}", certificate.trim().trim_end_matches(')'));
    let file = home.join("t");
    fs::write(&file, token).unwrap();
    let file = file.to_str().unwrap();
    let list = ["session", "list", "--url", &url, "--token-file", file];
    let listed = run(&home, &list);
    again.kill().unwrap();
    again.wait().unwrap();
    assert_eq!(
        text(&listed.stdout).trim(),
        "There are no sessions.",
        "{listed:?}"
    );
}

#[test]
fn a_sample_notification_tells_whether_it_arrived() {
    let home = tempfile::tempdir().unwrap();
    let message = failed(home.path(), 2, &["notify"]);
    assert!(message.contains("[notify]"), "{message}");
    let config = home.path().join(".config/hostler/hostler.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let got = home.path().join("got");
    let mut file = fs::File::create(&config).unwrap();
    writeln!(file, "[notify]\ncommand = [\"tee\", {got:?}]").unwrap();
    let output = run(home.path(), &["notify", "turn_ended"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stderr).contains("`tee`: delivered"));
    assert_eq!(
        json(&fs::read_to_string(got).unwrap())["event"],
        "turn_ended"
    );
}

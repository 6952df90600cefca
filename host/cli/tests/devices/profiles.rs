//! Which host commands mean.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use hostler_auth::Scope;

use crate::stage::{Host, Person, text};

fn token_file(person: &Person) -> String {
    let path = person.home().join("t");
    fs::write(&path, &person.token).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn what_is_connected_is_meant_by_all_commands_and_its_secret_stands_in_one_file() {
    let host = Host::start();
    let ann = host
        .person("ann", &[Scope::View, Scope::Drive, Scope::Lease])
        .unspoken();
    let file = token_file(&ann);
    let said = ann.done(&[
        "connect",
        &host.url(),
        "--token-file",
        &file,
        "--name",
        "lab",
    ]);
    assert!(said.contains("from now on"), "{said}");
    fs::remove_file(file).unwrap();
    assert!(ann.done(&["devices"]).contains("Phone One"));
    assert_eq!(ann.done(&["session", "list"]), "There are no sessions.\n");
    ann.failed(3, &["devices", "--local"]);

    ann.done(&["device", "open", "one"]);
    let mut with_secret = Vec::new();
    let mut all = Vec::new();
    files(ann.home(), &mut all);
    for path in all {
        if text(&fs::read(&path).unwrap()).contains(&ann.token) {
            with_secret.push(path);
        }
    }
    let kept = ann.home().join(".config/hostler/tokens/lab");
    assert_eq!(with_secret, std::slice::from_ref(&kept));
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let said = ann.done(&["disconnect"]);
    assert!(said.contains("play:one is free again"), "{said}");
    assert!(said.contains("the host of this machine now"), "{said}");
    assert!(!kept.exists() && ann.held().is_empty());
    host.user("bob").done(&["device", "open", "one"]);
    ann.failed(3, &["devices"]);
    let message = ann.failed(2, &["disconnect"]);
    assert!(message.contains("hostler connect"), "{message}");
}

#[test]
fn a_token_in_the_environment_is_kept_nowhere() {
    let host = Host::start();
    let ann = host.user("ann").unspoken();
    let connect = |token: &str| {
        let mut command = ann.command(&["connect", &host.url(), "--name", "lab", "--json"]);
        command.env("HOSTLER_TOKEN", token).output().unwrap()
    };
    let connected = connect(&ann.token);
    assert_eq!(
        connected.status.code(),
        Some(0),
        "{}",
        text(&connected.stderr)
    );
    assert!(text(&connected.stdout).contains("\"variable\""));
    let kept = ann.home().join(".config/hostler/tokens/lab");
    let file = token_file(&ann);
    ann.done(&[
        "connect",
        &host.url(),
        "--name",
        "lab",
        "--token-file",
        &file,
    ]);
    assert!(kept.exists());
    // The same connection with the token from elsewhere: the old copy goes.
    assert_eq!(connect(&ann.token).status.code(), Some(0));
    assert!(!kept.exists());
    let message = ann.failed(2, &["devices"]);
    assert!(message.contains("HOSTLER_TOKEN"), "{message}");
    let mut devices = ann.command(&["devices"]);
    let devices = devices.env("HOSTLER_TOKEN", &ann.token).output().unwrap();
    assert!(text(&devices.stdout).contains("Phone One"));
}

#[test]
fn a_host_that_lets_nobody_in_is_not_kept() {
    let host = Host::start();
    let ann = host.user("ann").unspoken();
    let message = ann.failed(2, &["connect", &host.url()]);
    assert!(message.contains("HOSTLER_TOKEN"), "{message}");
    let wrong = ann.home().join("wrong");
    fs::write(&wrong, "A".repeat(43)).unwrap();
    let wrong = wrong.to_str().unwrap();
    let message = ann.failed(4, &["connect", &host.url(), "--token-file", wrong]);
    assert!(message.contains("token"), "{message}");
    let file = token_file(&ann);
    ann.failed(3, &["connect", "http://127.0.0.1:1", "--token-file", &file]);
    assert!(!ann.home().join(".config/hostler/profiles.json").exists());
    assert!(!ann.home().join(".config/hostler/tokens").exists());
}

#[test]
fn a_host_that_is_gone_is_forgotten_and_what_could_not_be_freed_is_said() {
    let mut host = Host::start();
    let ann = host.user("ann").unspoken();
    let file = token_file(&ann);
    ann.done(&["connect", &host.url(), "--token-file", &file]);
    ann.done(&["device", "open", "one"]);
    host.end();
    let output = ann.run(&["disconnect"]);
    assert_eq!(output.status.code(), Some(0));
    let message = text(&output.stderr);
    assert!(message.contains("play:one could not be freed"), "{message}");
    assert!(ann.held().is_empty());
    ann.failed(2, &["disconnect"]);
}

#[test]
fn each_shell_can_mean_another_host() {
    let (one, other) = (Host::start(), Host::start());
    let ann = one.user("ann").unspoken();
    let file = token_file(&ann);
    ann.done(&[
        "connect",
        &one.url(),
        "--token-file",
        &file,
        "--name",
        "one",
    ]);
    let there = ann.with_token_of(&other.user("ann"));
    let file = token_file(&there);
    ann.done(&[
        "connect",
        &other.url(),
        "--token-file",
        &file,
        "--name",
        "other",
    ]);
    ann.done(&["device", "open", "two"]);
    let mut command = ann.command(&["device", "open", "one", "--json"]);
    let opened = command.env("HOSTLER_PROFILE", "one").output().unwrap();
    assert_eq!(opened.status.code(), Some(0), "{}", text(&opened.stderr));
    assert!(ann.done(&["device", "close"]).contains("play:two"));
    let mut command = ann.command(&["device", "close"]);
    let closed = command.env("HOSTLER_PROFILE", "one").output().unwrap();
    assert!(text(&closed.stdout).contains("play:one is free again"));
    let message = ann.failed(
        2,
        &[
            "connect",
            &one.url(),
            "--token-file",
            &file,
            "--name",
            "other",
        ],
    );
    assert!(message.contains("hostler disconnect other"), "{message}");
    let disconnect = |name: &str, shell: &str| {
        let mut command = ann.command(&["disconnect", name]);
        let said = command.env("HOSTLER_PROFILE", shell).output().unwrap();
        text(&said.stdout)
    };
    let said = disconnect("other", "one");
    let now = format!("commands use {} now", one.url());
    assert!(said.contains(&now), "{said}");
    let said = disconnect("one", "one");
    assert!(said.contains("unset HOSTLER_PROFILE"), "{said}");
}

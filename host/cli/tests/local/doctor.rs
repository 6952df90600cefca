//! `hostler doctor`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use serde_json::Value;

use crate::stage::Home;

fn doctor(home: &Home, args: &[&str]) -> Output {
    let mut command = home.hostler(&["doctor"]);
    command.args(args).output().unwrap()
}

fn checks(output: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], output.status.code() == Some(0), "{report}");
    report["checks"].as_array().unwrap().clone()
}

fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is missing in {checks:?}"))
}

/// A config in which nothing is missing but what the bundle brings.
fn config(home: &Home, text: &str) -> String {
    let path = home.path().join("hostler.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_thing_is_looked_at_also_if_the_config_is_wrong() {
    let home = Home::new();
    let config = config(&home, "[server]\nport = 1\n");
    let output = doctor(&home, &["--json", "--config", &config]);
    assert_eq!(output.status.code(), Some(1));
    let checks = checks(&output);
    let wrong = check(&checks, "config");
    assert_eq!(wrong["status"], "fail");
    let detail = wrong["detail"].as_str().unwrap();
    assert!(
        detail.contains("hostler.toml:2: unknown field `port`"),
        "{detail}"
    );
    for name in ["state directory", "token", "cache", "host"] {
        assert_eq!(check(&checks, name)["status"], "ok", "{name}");
    }
    assert!(!home.state().exists(), "nothing was made");
}

#[test]
fn a_plugin_that_cannot_be_used_is_named_with_the_reason() {
    let home = Home::new();
    let config = config(
        &home,
        "[session]\nharness = \"gone\"\n[plugins.gone]\ncomponent = \"./gone.wasm\"\n",
    );
    let output = doctor(&home, &["--json", "--config", &config]);
    assert_eq!(output.status.code(), Some(1));
    let checks = checks(&output);
    assert_eq!(check(&checks, "default harness")["status"], "ok");
    let gone = check(&checks, "plugin gone");
    assert_eq!(gone["status"], "fail", "{gone}");
    assert!(
        gone["detail"].as_str().unwrap().contains("gone.wasm"),
        "{gone}"
    );
}

#[test]
fn a_host_that_runs_is_found_and_what_others_can_read_has_its_command() {
    let home = Home::new();
    home.bridge(&[]).initialize();
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod(&home.state(), 0o755);
    let output = doctor(&home, &["--json"]);
    let checks = checks(&output);
    let host = check(&checks, "host");
    assert_eq!(host["status"], "ok", "{host}");
    let pid = home.host().unwrap().as_raw_nonzero().to_string();
    assert!(host["detail"].as_str().unwrap().contains(&pid), "{host}");
    let state = check(&checks, "state directory");
    assert_eq!(state["status"], "warn", "{state}");
    let command = format!("chmod 700 {}", home.state().display());
    assert_eq!(state["fix"], command);

    let text = String::from_utf8(doctor(&home, &[]).stdout).unwrap();
    assert!(text.contains(&format!("to mend it: {command}\n")), "{text}");
    assert!(text.contains("\nok    host  "), "{text}");
}

#[test]
fn completions_know_the_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = home.hostler(&["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["acp", "session", "doctor", "--state-dir"] {
            // Some shells get options without their dashes.
            let word = word.trim_start_matches('-');
            assert!(script.contains(word), "{word} is missing for {shell}");
        }
    }
}

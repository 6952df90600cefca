//! What goes wrong when a host is started.

use std::time::Duration;

use hostler_e2e::{Host, Peer};
use hostler_test_support::{Need, built, trial};
use libtest_mimic::Trial;

use super::Scene;
use crate::scripted::NEEDS;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// These ask for a host only, not for a session.
const HOST: &[Need] = &[Need::Built("hostler")];

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "an_unknown_key_of_the_config_is_shown_with_its_line_and_the_nearest_key",
            HOST,
            unknown_key,
        ),
        trial(
            "a_second_host_on_a_state_directory_is_told_of_the_first",
            NEEDS,
            second_host,
        ),
        trial(
            "a_truncated_or_newer_journal_stops_the_start_and_says_what_to_do",
            NEEDS,
            journal,
        ),
    ]
}

async fn unknown_key() {
    let host = Host::start("[workspace]\nroots = [\"$WORK\"]\n", &[]);
    let file = host.folder().join("misspelt.toml");
    std::fs::write(&file, "[plugins.claude-code.limits]\nmemory = 64\n").unwrap();
    let (file, state) = (file.to_str().unwrap(), host.folder().join("unused"));
    let args = [
        "serve",
        "--config",
        file,
        "--state-dir",
        state.to_str().unwrap(),
    ];
    let output = host.run(&args);
    assert_eq!(output.status.code(), Some(2));
    let says = String::from_utf8(output.stderr).unwrap();
    let place = format!("{file}:2: unknown field `memory`");
    assert!(says.contains(&place), "{says}");
    assert!(says.contains("did you mean `memory_mib`?"), "{says}");
    assert!(!state.exists(), "it was looked at before anything was made");
    Peer::start(&host).await;
}

async fn second_host() {
    let scene = Scene::start().await;
    let state = scene.host.state();
    let token = scene.host.token();
    let args = ["serve", "--listen", "127.0.0.1:0", "--state-dir"];
    let output = scene
        .host
        .run(&[&args[..], &[state.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let says = String::from_utf8(output.stderr).unwrap();
    for part in [
        state.to_str().unwrap(),
        &format!("http://{}", scene.host.address()),
        "--state-dir",
    ] {
        assert!(says.contains(part), "{part} is not in: {says}");
    }
    assert_eq!(scene.host.token(), token);
    let host_file = std::fs::read_to_string(state.join("host.json")).unwrap();
    assert!(host_file.contains(scene.host.address()), "{host_file}");
    scene.goes_on().await;
}

async fn journal() {
    let mut host = Host::scripted();
    let mut peer = Peer::start(&host).await;
    let session = peer.session(&host).await;
    let turn = peer.begin_prompt(&session, "count 200").await;
    peer.answer(turn).await;
    drop(peer);
    host.stop();
    let path = host.state().join("journal.db");
    let good = std::fs::read(&path).unwrap();
    let state = host.state();
    let args = ["serve", "--listen", "127.0.0.1:0", "--state-dir"];
    let args = [&args[..], &[state.to_str().unwrap()]].concat();

    // SQLite's own version number of a file stands at byte 60.
    let newer = [&good[..60], &[0, 0, 0, 99], &good[64..]].concat();
    for (bytes, parts) in [
        (&good[..good.len() / 2], ["is damaged", "Move it away"]),
        (&newer[..], ["newer Hostler", "--state-dir"]),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let mut start = tokio::process::Command::from(host.command(built("hostler")));
        let start = start.args(&args).kill_on_drop(true).output();
        let output = tokio::time::timeout(PATIENCE, start).await;
        let output = output.expect("a host started on it").unwrap();
        assert_eq!(output.status.code(), Some(1));
        let says = String::from_utf8(output.stderr).unwrap();
        for part in parts.iter().chain(&[path.to_str().unwrap()]) {
            assert!(says.contains(part), "{part} is not in: {says}");
        }
        assert!(
            std::fs::read(&path).unwrap() == bytes,
            "it is left as it was"
        );
    }
}

//! What goes wrong when a host is started.

use hostler_e2e::{Host, Peer};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;

use super::Scene;
use crate::scripted::NEEDS;

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

//! Plugins that misbehave, seen from a client: each is named in the error, and
//! nobody else notices.

use std::time::{Duration, Instant};

use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::{Need, component, trial};
use libtest_mimic::Trial;

const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Built("scripted-agent"),
    Need::Component("plugins/acp-agent"),
    Need::Component("guests/misbehaving"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_misbehaving_plugin_is_contained_and_named",
            NEEDS,
            contained,
        ),
        trial(
            "a_trapped_session_goes_on_from_its_checkpoint",
            NEEDS,
            goes_on,
        ),
        trial(
            "a_denied_spawn_is_logged_with_the_missing_line",
            NEEDS,
            denied,
        ),
        trial(
            "a_plugin_that_does_not_load_costs_only_itself",
            NEEDS,
            does_not_load,
        ),
    ]
}

fn host() -> Host {
    let guest = format!(
        "[plugins.bad]\ncomponent = {:?}\n[plugins.bad.limits]\ncpu_ms = 200\nmemory_mib = 32\noutput_mib = 2\neffects = 500\n",
        component("guests/misbehaving")
    );
    Host::start(&format!("{}\n{guest}", hostler_e2e::host::SCRIPTED), &[])
}

async fn contained() {
    let host = host();
    Client::run(&host, Decision::Wait, async |client| {
        let other = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        let bad = client.new_session(&host, "bad").await.unwrap().session_id;
        for (prompt, named) in [
            ("loop", "CPU time"),
            ("alloc", "memory"),
            ("panic", "panicked on purpose"),
            ("flood-updates", "effects"),
            ("big-update 3000000", "output"),
            ("stack", "crashed"),
        ] {
            let error = client.prompt(&bad, prompt).await.unwrap_err().to_string();
            assert!(
                error.contains(named) && error.contains("bad"),
                "{prompt}: {error}"
            );
            client.prompt(&other, "say undisturbed").await.unwrap();
            client
                .prompt(&bad, &format!("echo after-{prompt}"))
                .await
                .unwrap();
            let text = client.text("agent_message_chunk");
            assert!(text.contains(&format!("after-{prompt}")), "{text}");
        }
        client.prompt(&bad, "bad-json").await.unwrap();
        assert!(client.text("agent_message_chunk").contains("not JSON"));
    })
    .await;
}

async fn goes_on() {
    let host = host();
    Client::run(&host, Decision::Wait, async |client| {
        let session = client.new_session(&host, "bad").await.unwrap().session_id;
        client
            .prompt(&session, "remember the colour blue")
            .await
            .unwrap();
        client.prompt(&session, "panic").await.unwrap_err();
        client.prompt(&session, "recall").await.unwrap();
        assert!(
            client
                .text("agent_message_chunk")
                .contains("the colour blue")
        );
    })
    .await;
}

async fn denied() {
    let host = host();
    Client::run(&host, Decision::Wait, async |client| {
        let session = client.new_session(&host, "bad").await.unwrap().session_id;
        client.prompt(&session, "spawn-denied").await.unwrap();
        let line = "[[plugins.bad.grants.process]]";
        assert!(client.text("agent_message_chunk").contains(line));
        wait_for_log(&host, line);
    })
    .await;
}

/// A file that is not there, a WebAssembly module that is no component, and a
/// component of another world: it exports nothing.
async fn does_not_load() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(file("world.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let plugins = ["missing", "module", "world"];
    let tables = plugins.map(|id| {
        let component = file(id).with_extension("wasm");
        format!("[plugins.{id}]\ncomponent = {component:?}\n")
    });
    let settings = format!("{}\n{}", hostler_e2e::host::SCRIPTED, tables.concat());
    let host = Host::start(&settings, &[]);
    Client::run(&host, Decision::Wait, async |client| {
        for (id, sentence) in [
            ("missing", "missing.wasm cannot be read"),
            ("module", "not a WebAssembly component"),
            ("world", "this component fits no world of plugins"),
        ] {
            let error = client.new_session(&host, id).await.unwrap_err();
            let says = error.to_string();
            assert!(says.contains(id) && says.contains(sentence), "{says}");
            let data = error.data.unwrap();
            assert_eq!(data["code"], "PLUGIN_UNUSABLE", "{says}");
        }
        let session = client
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        client.prompt(&session, "say fine").await.unwrap();
    })
    .await;
}

/// The log comes through a pipe, and so a little later.
fn wait_for_log(host: &Host, line: &str) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !host.log().contains(line) {
        assert!(
            Instant::now() < patience,
            "{line} is not in the log: {}",
            host.log()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

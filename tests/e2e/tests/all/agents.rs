//! Which agents a host has: looked for in the background, told to who asks.

use hostler_e2e::{Host, Peer, host::SCRIPTED};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "an_agent_that_gets_ready_is_told_and_shown_everywhere_alike",
        NEEDS,
        gets_ready,
    )]
}

/// Its entry; others are there too, as they are installed.
fn scripted(list: &Value) -> &Value {
    let agents = list["agents"].as_array().unwrap();
    agents
        .iter()
        .find(|agent| agent["id"] == "scripted")
        .unwrap()
}

async fn gets_ready() {
    let settings = SCRIPTED
        .replace(
            "command = [\"$AGENT\"]",
            "command = [\"$AGENT\"]\n    title = \"Scripted\"\n    probe = [\"cat\", \"$WORK/version\"]",
        )
        + "
    [[plugins.scripted.grants.process]]
    program = \"cat\"
    args = [[\"**\"]]
    env = [\"PATH\"]
";
    let host = Host::start(&settings, &[]);
    let mut peer = Peer::positioned(&host, "picker", &host.token()).await;
    let refresh = json!({ "refresh": true });
    let found = peer.ask("_hostler/agents", &refresh).await;
    let agent = scripted(&found["result"]);
    assert_eq!(agent["state"], "broken", "{found}");
    assert!(
        agent["detail"].as_str().unwrap().contains("version"),
        "{agent}"
    );

    std::fs::write(host.work().join("version"), "7.1\n").unwrap();
    let state = host.state();
    let state = state.to_str().unwrap();
    // The look that shows it may have begun a moment before.
    let shown = loop {
        let args = ["agents", "--refresh", "--json", "--state-dir", state];
        let output = host.run(&args);
        assert!(output.status.success(), "{output:?}");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        if scripted(&shown)["ready"] == true {
            break shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(shown["default"], "scripted");
    let agent = scripted(&shown);
    assert_eq!(
        (&agent["title"], &agent["version"]),
        (&json!("Scripted"), &json!("7.1"))
    );
    let told = |message: &Value| {
        message["method"] == "_hostler/agents" && scripted(&message["params"])["ready"] == true
    };
    let told = peer.wait_for(told).await;
    assert_eq!(told["params"]["agents"], shown["agents"]);

    let output = host.run(&["agents", "--state-dir", state]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        table.contains("Scripted (default)") && table.contains("7.1"),
        "{table}"
    );
}

//! Is the service there, and is its key kept out of everything?

use std::{
    path::Path,
    time::{Duration, Instant},
};

use decopilot_server::{DecopilotServer, KEY};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use super::{NEEDS, Setup, session, settings, setup, start};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("decopilot_says_whether_it_can_be_used", NEEDS, states),
        trial(
            "decopilot_opens_no_session_without_a_key_that_is_taken",
            NEEDS,
            refused,
        ),
        trial(
            "decopilot_reaches_nothing_that_was_not_granted",
            NEEDS,
            not_granted,
        ),
        trial(
            "the_key_of_decopilot_stands_in_no_log_journal_or_error",
            NEEDS,
            key,
        ),
    ]
}

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the host finds of Decopilot, once it is in this state.
fn agent(host: &Host, state: &str) -> Value {
    let patience = Instant::now() + PATIENCE;
    loop {
        let found = host.json(&["agents", "--refresh"]);
        let mut agents = found["agents"].as_array().unwrap().iter();
        // It is not listed before it is known what it is.
        match agents.find(|agent| agent["id"] == "decopilot") {
            Some(agent) if agent["state"] == state => return agent.clone(),
            other => assert!(Instant::now() < patience, "not {state}: {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn states() {
    let Setup { host, service } = setup().await;
    let ready = agent(&host, "ready");
    assert_eq!(ready["local"], false);
    let tiers = ready["tiers"].to_string();
    let all = ["fast", "smart", "thinking"];
    assert!(all.iter().all(|tier| tiers.contains(tier)), "{tiers}");
    drop(service);
    let away = agent(&host, "broken");
    assert!(away["detail"].to_string().contains("127.0.0.1"), "{away:#}");

    let service = DecopilotServer::start().await.unwrap();
    let wrong = start(&service.url(), "aik_of_somebody_else");
    let wrong = agent(&wrong, "not-logged-in");
    assert_eq!(wrong["fix"], "hostler secret set decopilot");
    let unset = settings(&service.url()).replace("\"DECOPILOT_KEY\"", "\"NO_SUCH_KEY\"");
    let unset = agent(&Host::start(&unset, &[]), "not-logged-in");
    assert!(
        unset["detail"].to_string().contains("NO_SUCH_KEY"),
        "{unset:#}"
    );
    let bare = Host::start(
        "[workspace]
roots = [\"$WORK\"]
",
        &[],
    );
    let bare = agent(&bare, "missing");
    assert!(bare["fix"].to_string().contains("base_url"), "{bare:#}");
}

async fn refused() {
    let service = DecopilotServer::start().await.unwrap();
    let host = &start(&service.url(), "aik_of_somebody_else");
    Client::run(host, Decision::Wait, async |client| {
        let error = client.new_session(host, "decopilot").await.unwrap_err();
        assert_eq!(i32::from(error.code), -32000, "{error}");
        assert!(
            error.message.contains("hostler secret set decopilot"),
            "{error}"
        );
    })
    .await;
}

async fn not_granted() {
    let service = DecopilotServer::start().await.unwrap();
    let settings = settings(&service.url()).replace(
        &format!("hosts = [\"{}\"]", service.url()),
        "hosts = [\"https://elsewhere.example\"]",
    );
    let host = &Host::start(&settings, &[("DECOPILOT_KEY", KEY)]);
    Client::run(host, Decision::Wait, async |client| {
        let error = client.new_session(host, "decopilot").await.unwrap_err();
        assert!(error.message.contains("grants.http"), "{error}");
        assert!(service.requests().is_empty());
    })
    .await;
}

async fn key() {
    let Setup { mut host, service } = setup().await;
    Client::run(&host, Decision::Wait, async |client| {
        let session = session(&client, &host).await;
        // A service that says the key back.
        client.prompt(&session, "[[key]]").await.unwrap();
        let said = client.text("agent_message_chunk");
        assert_eq!(said, "[secret decopilot]");
        client
            .prompt(&session, "[[drop]][[text on]]")
            .await
            .unwrap();
        let error = client.prompt(&session, "[[status 401]]").await.unwrap_err();
        assert!(!error.to_string().contains(KEY), "{error}");
    })
    .await;
    let keys: Vec<_> = service
        .requests()
        .iter()
        .map(|request| {
            request.headers["authorization"]
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(keys.iter().all(|key| *key == format!("Bearer {KEY}")));
    assert!(!host.log().contains(KEY));
    host.stop();
    assert_eq!(files_with(&host.state(), KEY), Vec::<String>::new());
}

/// Files below a folder that hold these words.
fn files_with(folder: &Path, words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            found.extend(files_with(&path, words));
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let holds = bytes
                .windows(words.len())
                .any(|window| window == words.as_bytes());
            found.extend(holds.then(|| path.display().to_string()));
        }
    }
    found
}

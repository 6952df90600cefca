//! Sessions of the real agents go on twice.

use hostler_e2e::{Client, Decision, Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use model_server::ModelServer;
use serde_json::{Value, json};

use crate::{claude, codex};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_fork_of_claude_knows_what_was_said_and_goes_on_apart",
            claude::NEEDS,
            of_claude,
        ),
        trial(
            "a_fork_of_codex_knows_what_was_said_and_goes_on_apart",
            codex::NEEDS,
            of_codex,
        ),
    ]
}

async fn of_claude() {
    let claude::Setup { mut host, model } = claude::setup().await;
    goes_on_apart(&mut host, &model, "claude-code").await;
}

async fn of_codex() {
    let codex::Setup { mut host, model } = codex::setup().await;
    goes_on_apart(&mut host, &model, "codex").await;
}

/// What the model was told when it was asked last.
fn told(model: &ModelServer) -> String {
    let of_models = ["/v1/responses", "/v1/messages"];
    let asked = model.requests().into_iter();
    let mut asked = asked.filter(|asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        of_models.contains(&path)
    });
    asked.next_back().unwrap().body.to_string()
}

/// The texts that a client which loads the session is told, in order.
async fn history(host: &Host, session: &str) -> Vec<String> {
    let mut peer = Peer::positioned(host, "reader", &host.token()).await;
    let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    peer.begin("session/load", &load).await;
    let mut texts = Vec::new();
    loop {
        let message = peer.next().await;
        if message.get("result").is_some() {
            return texts;
        }
        let update = &message["params"]["update"];
        let said = update["sessionUpdate"].as_str().unwrap_or_default();
        if let ("user_message_chunk" | "agent_message_chunk", Some(text)) =
            (said, update["content"]["text"].as_str())
        {
            texts.push(text.to_owned());
        }
    }
}

async fn goes_on_apart(host: &mut Host, model: &ModelServer, harness: &str) {
    let (original, fork) = Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, harness).await.unwrap().session_id;
        client.prompt(&session, "[[text one]]").await.unwrap();
        let state = host.state();
        let args = ["session", "fork", &session.0, "--json", "--state-dir"];
        let output = host.run(&[&args[..], &[state.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{output:?}");
        let fork: Value = serde_json::from_slice(&output.stdout).unwrap();
        // The original has gone on before its copy is ever prompted.
        client.prompt(&session, "[[text two]]").await.unwrap();
        (
            session.0.to_string(),
            fork["sessionId"].as_str().unwrap().to_owned(),
        )
    })
    .await;
    assert_eq!(history(host, &fork).await, ["[[text one]]", "one"]);

    // Nor does it learn of that when the host has lost its process meanwhile.
    host.crash_and_restart();
    let mut peer = Peer::positioned(host, "driver", &host.token()).await;
    for (session, text, knows, does_not_know) in [
        (&fork, "three", "[[text one]]", "[[text two]]"),
        (&original, "four", "[[text two]]", "[[text three]]"),
        (&fork, "five", "[[text three]]", "[[text four]]"),
    ] {
        let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
        let resumed = peer.ask("session/resume", &load).await;
        assert!(resumed.get("result").is_some(), "{resumed}");
        let prompt = json!({
            "sessionId": session,
            "prompt": [{ "type": "text", "text": format!("[[text {text}]]") }],
        });
        let turn = peer.ask("session/prompt", &prompt).await;
        assert_eq!(turn["result"]["stopReason"], "end_turn", "{turn}");
        let told = told(model);
        assert!(told.contains(knows), "{text}: {told}");
        assert!(!told.contains(does_not_know), "{text}: {told}");
    }
    assert_eq!(
        history(host, &fork).await,
        [
            "[[text one]]",
            "one",
            "[[text three]]",
            "three",
            "[[text five]]",
            "five"
        ]
    );
    assert_eq!(
        history(host, &original).await,
        [
            "[[text one]]",
            "one",
            "[[text two]]",
            "two",
            "[[text four]]",
            "four"
        ]
    );
    host.stop();
    assert_eq!(host.processes(), Vec::<String>::new());
}

//! It does not stop, does not start, or ends in the middle.

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision};
use libtest_mimic::Trial;

use super::{Harness, Stage, each, goes_on};

pub(super) fn trials() -> Vec<Trial> {
    [
        each("that_does_not_stop_is_interrupted_terminated_killed", deaf),
        each("that_does_not_start_is_given_up", hangs),
        each("that_ends_in_a_turn_says_why_and_goes_on", crashes),
        each("that_ends_in_a_line_is_noticed_and_goes_on", half),
        each("that_closes_its_output_is_ended_and_goes_on", mute),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn deaf(harness: Harness) {
    let stage = Stage::start(harness);
    Client::run(&stage.host, Decision::Wait, async |client| {
        let session = stage.session(&client).await;
        client.prompt(&session, "say one").await.unwrap();
        let prompt = client.prompt(&session, "deaf");
        let cancel = async {
            client
                .wait_for("its word", |m| m["content"]["text"] == "deaf")
                .await;
            client.cancel(&session);
        };
        let (end, ()) = tokio::join!(prompt, cancel);
        assert_eq!(end.unwrap().stop_reason, StopReason::Cancelled);
        let heard = std::fs::read_to_string(stage.home("signals")).unwrap();
        assert_eq!(heard, "SIGINT\nSIGTERM\n");
        // What it started in a session of its own goes too.
        stage.left(0).await;
        let text = client.text("agent_message_chunk");
        let told = format!("{} did not stop within 10 s", harness.title());
        assert_eq!(text.matches(&told).count(), 1, "{text}");
        goes_on(&stage, &client, &session, "say one; deaf").await;
    })
    .await;
}

async fn hangs(harness: Harness) {
    // More than a start takes on a busy machine.
    let stage = Stage::start_within(harness, "start_seconds = 8");
    let hang = stage.home("hang");
    Client::run(&stage.host, Decision::Wait, async |client| {
        std::fs::write(&hang, "").unwrap();
        let opened = client.new_session(&stage.host, harness.id()).await;
        let error = opened.unwrap_err();
        assert!(error.message.contains(harness.title()), "{error}");
        assert!(error.message.contains("8 s (start_seconds"), "{error}");
        assert!(error.message.contains("waiting for the network"), "{error}");
        stage.left(0).await;

        std::fs::remove_file(&hang).unwrap();
        let session = stage.session(&client).await;
        client.prompt(&session, "crash").await.unwrap_err();
        std::fs::write(&hang, "").unwrap();
        let error = client.prompt(&session, "say lost").await.unwrap_err();
        assert!(error.message.contains("8 s (start_seconds"), "{error}");
        stage.left(0).await;
        std::fs::remove_file(&hang).unwrap();
        goes_on(&stage, &client, &session, "crash").await;
    })
    .await;
}

async fn crashes(harness: Harness) {
    let stage = Stage::start(harness);
    Client::run(&stage.host, Decision::Wait, async |client| {
        let session = stage.session(&client).await;
        client.prompt(&session, "say one").await.unwrap();
        let error = client.prompt(&session, "crash").await.unwrap_err();
        assert!(error.message.contains(harness.title()), "{error}");
        let last: Vec<_> = (22..30).map(|number| format!("line {number}")).collect();
        let said = format!("exit code 7): {}", last.join("\n"));
        let said = match harness {
            Harness::Agent => said,
            Harness::Claude | Harness::Codex => said.replace("):", ":"),
        };
        assert!(error.message.contains(&said), "{error}");
        assert!(!error.message.contains("line 21"), "{error}");
        goes_on(&stage, &client, &session, "say one; crash").await;
    })
    .await;
}

async fn half(harness: Harness) {
    let stage = Stage::start(harness);
    Client::run(&stage.host, Decision::Wait, async |client| {
        let session = stage.session(&client).await;
        let error = client.prompt(&session, "half").await.unwrap_err();
        assert!(error.message.contains("exit code 0"), "{error}");
        let text = client.text("agent_message_chunk");
        assert!(text.contains(unreadable(harness)), "{text}");
        goes_on(&stage, &client, &session, "half").await;
    })
    .await;
}

async fn mute(harness: Harness) {
    let stage = Stage::start(harness);
    Client::run(&stage.host, Decision::Wait, async |client| {
        let session = stage.session(&client).await;
        let error = client.prompt(&session, "mute").await.unwrap_err();
        assert!(error.message.contains("signal 2"), "{error}");
        assert!(error.message.contains("closed its output"), "{error}");
        assert_eq!(client.text("agent_message_chunk"), "no more of me");
        goes_on(&stage, &client, &session, "mute").await;
    })
    .await;
}

/// What people are told of a line that cannot be read.
pub(super) fn unreadable(harness: Harness) -> &'static str {
    match harness {
        Harness::Claude => "A message of Claude Code could not be read and is left out",
        Harness::Codex => "A message of Codex could not be read and is left out",
        Harness::Agent => "Agent printed something that is not ACP; it was skipped",
    }
}

//! Clients that know their position in a session lose nothing and get nothing
//! twice, whatever becomes of the host and of their connections.
//!
//! `HOSTLER_LONG=1` makes it more and longer.

use std::{collections::BTreeMap, time::Duration};

use hostler_e2e::{Host, Viewer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "three_positioned_clients_lose_nothing_when_the_host_is_killed",
            NEEDS,
            kill_often,
        ),
        trial(
            "an_open_permission_outlives_all_clients_and_its_answer_comes_back",
            NEEDS,
            all_clients_lost,
        ),
        trial(
            "the_end_of_a_turn_has_the_position_of_the_update_that_tells_of_it",
            NEEDS,
            ends_have_positions,
        ),
    ]
}

fn long() -> bool {
    std::env::var("HOSTLER_LONG").is_ok_and(|value| value == "1")
}

/// Spreads small numbers; no test depends on which.
fn spread(round: u64, below: u64) -> u64 {
    round * 7919 % below
}

async fn kill_often() {
    let rounds = if long() { 200 } else { 20 };
    let mut host = Host::scripted();
    let never = host.work().join("never.txt");
    let mut author = Viewer::new_session(&host, "author").await;
    let mut reader = Viewer::attached(&host, "reader", author.session()).await;
    let mut slow = Viewer::attached(&host, "slow", author.session()).await;
    let (mut interrupted, mut questions) = (0, 0);
    for round in 0..rounds {
        let key = format!("round-{round}");
        let said = format!("({key})");
        // Every third turn stands still at a question.
        let asks = round % 3 == 2;
        let script = if asks {
            format!("say {said}; edit {} text", never.display())
        } else {
            format!("say {said}; count 300 1")
        };
        author.begin_prompt(&key, &script).await;
        if asks {
            questions += 1;
            author
                .until_told("a question", |message| {
                    message["method"] == "session/request_permission"
                })
                .await;
        } else if round % 2 == 0 {
            // In the middle of the turn, however slow the machine is.
            author
                .until("a turn", |viewer| {
                    let (_, last) = viewer.transcript.last_key_value()?;
                    (last["sessionUpdate"] == "agent_message_chunk").then_some(())
                })
                .await;
        }
        let moment = Duration::from_millis(spread(round, 500));
        tokio::join!(author.read_for(moment), reader.read_for(moment));
        host.crash_and_restart();
        assert_eq!(host.processes(), Vec::<String>::new(), "round {round}");

        // What was on its way when the host died; the slow one loses most of it.
        let rest = Duration::from_secs(5);
        let some = spread(round, 40);
        tokio::join!(
            author.read_for(rest),
            reader.read_for(rest),
            slow.read_some(some)
        );
        for viewer in [&mut author, &mut reader, &mut slow] {
            viewer.reattach(&host).await;
        }
        let again = author.begin_prompt(&key, &script).await;
        let answer = author.answer(again).await;
        let restarted = answer["error"]["data"]["code"] == "HOST_RESTARTED";
        interrupted += u64::from(restarted);
        assert!(
            restarted || !asks && answer["result"]["stopReason"] == "end_turn",
            "round {round}: {answer}"
        );
        author.until_end_of(&key).await;
        let end = reader.until_end_of(&key).await;
        assert_eq!(end["error"]["code"] == "HOST_RESTARTED", restarted, "{end}");
        assert_eq!(author.transcript, reader.transcript, "round {round}");
        slow.read_some(some).await;
    }
    assert!(
        interrupted >= rounds / 4,
        "only {interrupted} of {rounds} kills met a turn"
    );
    let end = author.begin_prompt("last", "say it goes on").await;
    let end = author.answer(end).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    for viewer in [&mut author, &mut reader, &mut slow] {
        viewer.until_end_of("last").await;
    }
    assert_eq!(author.transcript, reader.transcript);
    assert_eq!(author.transcript, slow.transcript);
    assert!(!never.exists());

    // Each question that was open has failed. The agent gives its calls the same
    // ids after each restart.
    let updates = || slow.transcript.values();
    let calls = updates().filter(|update| update["sessionUpdate"] == "tool_call");
    let failed = updates().filter(|update| update["status"] == "failed");
    assert_eq!((calls.count(), failed.count()), (questions, questions));
    let (asked, ran) = (prompts(&slow), slow.text("agent_message_chunk"));
    for round in 0..rounds {
        let key = format!("round-{round}");
        assert_eq!(asked.get(&key), Some(&1), "{key} was asked once: {asked:?}");
        let said = ran.matches(&format!("({key})")).count();
        assert!(said <= 1, "{key} ran {said} times");
    }
    let fresh = Viewer::attached(&host, "fresh", author.session()).await;
    same_story(fresh, &author).await;
}

/// How often each key was shown as a prompt.
fn prompts(viewer: &Viewer) -> BTreeMap<String, u64> {
    let mut prompts = BTreeMap::new();
    for update in viewer.transcript.values() {
        let key = update["_meta"]["hostler"]["prompt"].as_str();
        if let (true, Some(key)) = (update["sessionUpdate"] == "user_message_chunk", key) {
            *prompts.entry(key.to_owned()).or_insert(0) += 1;
        }
    }
    prompts
}

/// One who begins anew gets the same, only joined.
async fn same_story(mut fresh: Viewer, before: &Viewer) {
    fresh.until_end_of("last").await;
    for kind in ["user_message_chunk", "agent_message_chunk"] {
        assert_eq!(fresh.text(kind), before.text(kind), "{kind}");
    }
    assert_eq!(fresh.tool_calls(), before.tool_calls());
    assert_eq!(prompts(&fresh), prompts(before));
    assert_eq!(
        fresh.transcript.keys().last(),
        before.transcript.keys().last()
    );
}

async fn all_clients_lost() {
    let host = Host::scripted();
    let file = host.work().join("made.txt");
    let mut asker = Viewer::new_session(&host, "asker").await;
    let mut other = Viewer::attached(&host, "other", asker.session()).await;
    let script = format!("count 200 5; edit {} made; say afterwards", file.display());
    asker.begin_prompt("once", &script).await;
    // Some of it, and the connections are gone, both.
    asker
        .until("some words", |viewer| {
            (!viewer.text("agent_message_chunk").is_empty()).then_some(())
        })
        .await;
    let session = asker.session().to_owned();
    asker.lose().await;
    other.lose().await;
    tokio::time::sleep(Duration::from_secs(if long() { 60 } else { 3 })).await;

    other.reattach(&host).await;
    let is_question = |message: &Value| message["method"] == "session/request_permission";
    let asked = other.until_told("the question", is_question).await;
    asker.reattach(&host).await;
    assert_eq!(asker.welcome["busy"], true, "{}", asker.welcome);
    assert_eq!(asker.welcome["openPermissions"], json!([asked["id"]]));
    let asked = asker.until_told("the question", is_question).await;
    assert_eq!(asked["params"]["sessionId"], session.as_str());
    let again = asker.begin_prompt("once", &script).await;
    asker.peer.choose(&asked, "allow_once").await;
    let answer = asker.answer(again).await;
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    for viewer in [&mut asker, &mut other] {
        viewer.until_end_of("once").await;
        assert_eq!(
            prompts(viewer).get("once"),
            Some(&1),
            "it was asked once and ran once"
        );
    }
    assert_eq!(asker.transcript, other.transcript);
    let text = asker.text("agent_message_chunk");
    assert_eq!(text.matches("afterwards").count(), 1, "{text}");
    assert_eq!(std::fs::read_to_string(file).unwrap().trim(), "made");
    let taken_back = other
        .until_told("that it is answered", |message| {
            message["method"] == "_hostler/permission" && message["params"]["state"] == "answered"
        })
        .await;
    assert_eq!(taken_back["params"]["by"]["client"], "asker");
}

async fn ends_have_positions() {
    let mut host = Host::scripted();
    let mut viewer = Viewer::new_session(&host, "viewer").await;
    let id = viewer.begin_prompt("first", "say hello").await;
    let first = viewer.answer(id).await["result"]["_meta"]["hostler"].clone();
    viewer.until_end_of("first").await;
    let (epoch, seq) = *viewer.transcript.keys().last().unwrap();
    assert_eq!(first, json!({ "epoch": epoch, "seq": seq }));

    // Asked again, after more has happened, it is the same end.
    let id = viewer.begin_prompt("second", "say more").await;
    viewer.answer(id).await;
    let id = viewer.begin_prompt("first", "say hello").await;
    let again = viewer.answer(id).await["result"]["_meta"]["hostler"].clone();
    assert_eq!(again, first);
    host.crash_and_restart();
    viewer.reattach(&host).await;
    let id = viewer.begin_prompt("first", "say hello").await;
    let again = viewer.answer(id).await["result"]["_meta"]["hostler"].clone();
    assert_eq!(again, first);
    let text = viewer.text("agent_message_chunk");
    assert_eq!(text.matches("hello").count(), 1, "{text}");
}

//! A stream that breaks, and a host that is killed: everything is shown once.

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision, Viewer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use super::{NEEDS, Setup, call, said, session, setup, words};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_stream_of_decopilot_that_breaks_is_shown_once",
            NEEDS,
            broken,
        ),
        trial(
            "a_run_of_decopilot_that_ends_unheard_is_shown_once",
            NEEDS,
            unheard,
        ),
        trial(
            "a_tool_of_decopilot_is_shown_once_over_a_broken_stream",
            NEEDS,
            tools,
        ),
        trial(
            "killing_the_host_doubles_and_loses_nothing_of_decopilot",
            NEEDS,
            killed,
        ),
        trial(
            "what_decopilot_did_while_the_host_was_away_is_shown",
            NEEDS,
            away,
        ),
    ]
}

async fn broken() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        for drop in [
            "[[drop]]",
            "[[drop 503 2]]",
            "[[drop 204 1]]",
            "[[drop]][[pause 600]][[drop]]",
        ] {
            let before = said(&client.seen()).len();
            let prompt = format!("[[think hm]][[slow 20 20]]{drop}[[slow 60 20]]");
            let end = client.prompt(&session, &prompt).await.unwrap();
            assert_eq!(end.stop_reason, StopReason::EndTurn);
            let said = said(&client.seen());
            assert_eq!(said[before..], words(20) + &words(60), "{drop}");
        }
        assert_eq!(client.text("agent_thought_chunk"), "hmhmhmhm");
        let seen = client.seen();
        let told = |m: &&Value| m.to_string().contains("is lost and is made again");
        // One of two breaks may come before the stream is there again.
        assert!(
            (4..=5).contains(&seen.iter().filter(told).count()),
            "{seen:#?}"
        );
    })
    .await;
}

async fn unheard() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        let prompt = "[[text heard]][[drop]][[text unheard]]";
        let end = client.prompt(&session, prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert_eq!(said(&client.seen()), "heardunheard");
        client.prompt(&session, "[[text goes on]]").await.unwrap();
        assert_eq!(said(&client.seen()), "heardunheardgoes on");
    })
    .await;
}

async fn tools() {
    let Setup { host, service } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = session(&client, host).await;
        client.choose(&session, "mode", "auto").await;
        let prompt = "[[bash ls]][[drop]][[slow 60 20]]";
        client.prompt(&session, prompt).await.unwrap();
        assert_eq!(call(&client)["status"], "completed");
        assert_eq!(service.ran().len(), 1);
        let seen = client.seen();
        let ends = seen.iter().filter(|m| m["status"] == "completed");
        assert_eq!(ends.count(), 1, "{seen:#?}");
        assert_eq!(said(&seen), words(60));
    })
    .await;
}

async fn killed() {
    let Setup {
        mut host,
        service: _service,
    } = setup().await;
    let mut viewer = Viewer::new_session(&host, "phone").await;
    for round in 0..3 {
        let cut = format!("cut-{round}");
        viewer.begin_prompt(&cut, "[[slow 60 20]][[text . ]]").await;
        let so_far = said(viewer.transcript.values()).len();
        viewer
            .until("some words", |viewer| {
                (said(viewer.transcript.values()).len() > so_far + 40).then_some(())
            })
            .await;
        viewer.lose().await;
        host.crash_and_restart();
        viewer.reattach(&host).await;
        let end = viewer.until_end_of(&cut).await;
        assert!(end.to_string().contains("HOST_RESTARTED"), "{end}");
        let next = format!("next-{round}");
        viewer.begin_prompt(&next, "[[text next. ]]").await;
        viewer.until_end_of(&next).await;
    }
    let round = format!("{}. next. ", words(60));
    assert_eq!(said(viewer.transcript.values()), round.repeat(3));
}

async fn away() {
    let Setup {
        mut host,
        service: _service,
    } = setup().await;
    let mut viewer = Viewer::new_session(&host, "phone").await;
    viewer
        .begin_prompt("cut", "[[text begun ]][[pause 300]][[text and done. ]]")
        .await;
    viewer
        .until("some words", |viewer| {
            let text = said(viewer.transcript.values());
            text.ends_with("begun ").then_some(())
        })
        .await;
    viewer.lose().await;
    host.crash_and_restart();
    viewer.reattach(&host).await;
    viewer.until_end_of("cut").await;
    viewer.begin_prompt("next", "[[text next.]]").await;
    viewer.until_end_of("next").await;
    assert_eq!(said(viewer.transcript.values()), "begun and done. next.");
}

//! Attaching, leaving, and who is sent what.

use hostler_session::Notice;
use serde_json::json;

use crate::stage::*;

#[tokio::test]
async fn a_second_client_sees_the_session_live() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    two.rest();
    instance.say("hello").await;
    assert_eq!(one.next_text().await, two.next_text().await);
}

#[tokio::test]
async fn load_replays_everything_and_then_answers_and_then_goes_on_live() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let answer = session.prompt(&one, 1, "question").await;
    let (request, _) = instance.prompted().await;
    instance.say("a").await;
    instance.say("b").await;
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();

    let mut two = Viewer::new();
    session.attach(&two, true).await;
    instance.say("c").await;
    assert_eq!(two.update().await["sessionUpdate"], "user_message_chunk");
    assert_eq!(two.update().await, said("ab"), "one message is one");
    assert_eq!(
        two.update().await["_meta"]["hostler"]["turn"]["state"],
        "ended"
    );
    let answer = two.next().await;
    assert_eq!(
        answer["answer"]["_meta"]["hostler"]["turn"]["state"],
        "idle"
    );
    assert_eq!(two.update().await, said("c"));
    assert!(two.rest().is_empty(), "nothing twice");
}

#[tokio::test]
async fn resume_replays_nothing() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let _answer = session.prompt(&one, 1, "question").await;
    instance.prompted().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    let answer = two.next().await;
    assert_eq!(
        answer["answer"]["_meta"]["hostler"]["turn"]["state"],
        "running"
    );
    assert!(two.rest().is_empty());
}

#[tokio::test]
async fn a_client_that_attaches_again_gets_nothing_twice() {
    let mut host = Host::new();
    let (session, instance, mut viewer) = host.session().await;
    instance.say("a").await;
    assert_eq!(viewer.update().await, said("a"));
    session.attach(&viewer, true).await;
    assert_eq!(viewer.update().await, said("a"));
    viewer.next().await;
    instance.say("b").await;
    assert_eq!(viewer.update().await, said("b"));
    session.settle().await;
    assert!(viewer.rest().is_empty());
}

#[tokio::test]
async fn a_replay_shows_a_client_its_own_prompts_too() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _answer = session.prompt(&viewer, 1, "mine").await;
    instance.prompted().await;
    let mut viewer = viewer;
    session.attach(&viewer, true).await;
    assert_eq!(viewer.update().await["content"]["text"], "mine");
}

#[tokio::test]
async fn the_settings_of_open_and_their_changes_are_in_the_answer() {
    let mut host = Host::new();
    let viewer = Viewer::new();
    let answer = host.create(&viewer);
    let instance = host.instance().await;
    let modes = json!({ "currentModeId": "ask", "availableModes": [] });
    instance
        .answer(0, json!({ "modes": modes, "configOptions": [] }))
        .await;
    let result = parse(&answer.await.unwrap().unwrap());
    assert_eq!(result["modes"], modes);
    assert_eq!(result["configOptions"], json!([]));

    let id = result["sessionId"].as_str().unwrap().to_owned();
    let handle = host.router.get(&caller(), &id).unwrap();
    let session = Session { id, handle };
    instance
        .update(json!({ "sessionUpdate": "current_mode_update", "currentModeId": "code" }))
        .await;
    session.settle().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    assert_eq!(two.next().await["answer"]["modes"]["currentModeId"], "code");
}

#[tokio::test]
async fn a_client_that_takes_nothing_more_is_left_out_and_the_others_go_on() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    two.rest();
    two.shut();
    instance.say("a").await;
    instance.say("b").await;
    assert_eq!(one.update().await, said("a"));
    assert_eq!(one.update().await, said("b"));
    assert!(two.rest().is_empty());
}

#[tokio::test]
async fn whoever_prompts_becomes_a_viewer() {
    let mut host = Host::new();
    let (session, mut instance, _one) = host.session().await;
    let mut two = Viewer::new();
    let _answer = session.prompt(&two, 1, "hi").await;
    instance.prompted().await;
    instance.say("hello").await;
    assert_eq!(two.update().await, said("hello"));
}

#[tokio::test]
async fn notices_come_after_the_answer() {
    let mut host = Host::new();
    let (session, _instance, _viewer) = host.session().await;
    let mut two = Viewer::new();
    session
        .attach_with(&two, false, vec![Notice::info("by the way")])
        .await;
    assert!(two.next().await.get("answer").is_some());
    assert_eq!(two.update().await["title"], "by the way");
}

#[tokio::test]
async fn what_is_too_old_for_memory_is_replayed_from_the_journal() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    // Five times 4 MiB is more than memory keeps.
    for n in 0..5 {
        let text = format!("{n}{}", "x".repeat(4 * 1024 * 1024));
        instance.say(&text).await;
        one.next_text().await;
    }
    let mut two = Viewer::new();
    session.attach(&two, true).await;
    let replayed = two.updates();
    let starts = replayed
        .iter()
        .map(|update| &update["content"]["text"].as_str().unwrap()[..1]);
    assert_eq!(starts.collect::<String>(), "01234");
}

#[tokio::test]
async fn a_notice_of_the_harness_is_for_who_announced_it_and_no_history() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    let mut plain = Viewer::new();
    plain.client.notices = false;
    session.attach(&plain, false).await;
    plain.rest();
    instance
        .update(
            serde_json::json!({"sessionUpdate": "notice", "severity": "warning", "title": "slow"}),
        )
        .await;
    instance.say("hello").await;
    assert_eq!(one.update().await["sessionUpdate"], "notice");
    let text = plain.update().await["content"]["text"].to_string();
    assert!(text.contains("slow"), "{text}");
    let mut late = Viewer::new();
    session.attach(&late, true).await;
    assert_eq!(late.updates(), [said("hello")]);
}

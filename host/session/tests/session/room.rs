//! A journal that takes nothing more: sessions stand still, and go on.

use hostler_runtime::{Command, Ended};
use hostler_store::Retention;
use serde_json::Value;

use crate::stage::*;

const ROOM: u64 = 100_000;

/// A session in a journal that is nearly full of another one's history.
struct Full {
    host: Host,
    other: (Session, Instance, Viewer),
    session: Session,
    instance: Instance,
    viewer: Viewer,
}

async fn nearly_full() -> Full {
    let mut host = Host::with_retention(Retention {
        max_total_bytes: ROOM,
        ..Retention::default()
    });
    let (other, mut filling, one) = host.session().await;
    let answer = other.prompt(&one, 1, "fill").await;
    let (request, _) = filling.prompted().await;
    filling.say(&"x".repeat(90_000)).await;
    filling.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
    let viewer = Viewer::positioned();
    let (session, instance) = host.session_for(&viewer).await;
    Full {
        host,
        other: (other, filling, one),
        session,
        instance,
        viewer,
    }
}

fn big(n: u32) -> String {
    format!("{n}{}", "y".repeat(4_000))
}

impl Full {
    /// A turn says more than there is room for.
    async fn fill(&mut self) -> u64 {
        self.viewer.rest();
        drop(self.session.prompt_once(&self.viewer, 1, "k", "hi").await);
        let (request, _) = self.instance.prompted().await;
        for n in 0..4 {
            self.instance.say(&big(n)).await;
            self.session.settle().await;
        }
        request
    }

    /// The other session leaves, and its history can be removed.
    async fn make_room(&mut self) {
        let (other, filling, one) = {
            let (session, instance, viewer) = &mut self.other;
            (session, instance, viewer)
        };
        drop(other.close_by(one, true).await);
        while !matches!(filling.command().await, Command::Close) {}
        let gone = Instance::gone();
        drop(std::mem::replace(filling, gone));
        self.session.settle().await;
    }
}

fn full_notices(updates: &[Value]) -> usize {
    let titles = updates.iter().filter_map(|update| update["title"].as_str());
    titles
        .filter(|title| title.contains("JOURNAL_FULL"))
        .count()
}

#[tokio::test(start_paused = true)]
async fn a_session_without_room_says_so_once_and_shows_nothing_that_is_not_kept() {
    let mut full = nearly_full().await;
    full.fill().await;
    let mut frames = full.viewer.rest();
    // It looks again and again, and says nothing more.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    full.session.settle().await;
    frames.extend(full.viewer.rest());
    let updates: Vec<_> = frames
        .iter()
        .map(|frame| frame["params"]["update"].clone())
        .collect();
    assert_eq!(full_notices(&updates), 1, "{updates:?}");
    let shown = placed(&frames);
    let next = full.host.after_a_kill();
    let mut reader = Viewer::new();
    next.take_up(&full.session.id).attach(&reader, true).await;
    let kept = texts(&reader.rest()).concat();
    let seen = texts(&frames).concat();
    assert_eq!(kept, seen, "what was seen is kept, and the other way round");
    assert!(shown.len() < 5, "{}", shown.len());
    let (other, ..) = &full.other;
    assert!(full.host.router.get(&caller(), &other.id).is_ok());
}

#[tokio::test(start_paused = true)]
async fn new_prompts_are_refused_until_there_is_room_and_the_first_is_not_lost() {
    let mut full = nearly_full().await;
    let request = full.fill().await;
    let refused = full.session.prompt(&full.viewer, 2, "more").await;
    let fault = refused.await.unwrap().unwrap_err().fault();
    assert_eq!(fault.name, "JOURNAL_FULL");
    let again = full.session.prompt_once(&full.viewer, 3, "k", "hi").await;
    full.make_room().await;
    full.instance.answer(request, end_turn()).await;
    assert!(again.await.unwrap().is_ok());
    let more = full.session.prompt(&full.viewer, 4, "more").await;
    let (request, text) = full.instance.prompted().await;
    assert_eq!(text, "more");
    full.instance.answer(request, end_turn()).await;
    assert!(more.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn when_there_is_room_all_that_waited_comes_in_order_and_once() {
    let mut full = nearly_full().await;
    let request = full.fill().await;
    full.make_room().await;
    full.instance.answer(request, end_turn()).await;
    let mut frames = Vec::new();
    while frames.last().is_none_or(|frame: &Value| {
        frame["params"]["update"]["_meta"]["hostler"]["turn"]["state"] != "ended"
    }) {
        frames.push(full.viewer.next().await);
    }
    let expected: Vec<_> = std::iter::once("hi".to_owned())
        .chain((0..4).map(big))
        .collect();
    assert_eq!(texts(&frames), expected);
    let seqs: Vec<_> = placed(&frames).iter().map(|(at, _)| at.seq).collect();
    assert_eq!(seqs, (1..=6).collect::<Vec<_>>());
    let goes_on = frames
        .iter()
        .filter_map(|frame| frame["params"]["update"]["title"].as_str());
    assert_eq!(goes_on.filter(|title| title.contains("goes on")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_attaches_meanwhile_gets_what_is_kept_and_then_the_rest() {
    let mut full = nearly_full().await;
    let request = full.fill().await;
    let mut late = Viewer::positioned();
    full.session.attach_from(&late, None).await;
    let welcome = late.welcome().await;
    let before = placed(&late.rest());
    let head = welcome["headSeq"].as_u64().unwrap();
    assert_eq!(before.last().unwrap().0.seq, head);
    full.make_room().await;
    full.instance.answer(request, end_turn()).await;
    let mut frames = Vec::new();
    while placed(&frames).last().is_none_or(|(at, _)| at.seq < 6) {
        frames.push(late.next().await);
    }
    let seqs: Vec<_> = placed(&frames).iter().map(|(at, _)| at.seq).collect();
    assert_eq!(seqs, (head + 1..=6).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_question_waits_for_room_before_anybody_is_asked() {
    let mut full = nearly_full().await;
    full.fill().await;
    full.viewer.rest();
    // The session listens no more: the harness waits with what it has to say.
    full.instance.ask_permission(7).await;
    full.session.settle().await;
    let mut late = Viewer::positioned();
    full.session.attach_from(&late, None).await;
    let asked = |frame: &Value| frame["method"] == "session/request_permission";
    assert!(!full.viewer.rest().iter().any(asked));
    assert!(!late.rest().iter().any(asked));
    full.make_room().await;
    let ask = full.viewer.until("session/request_permission").await;
    full.session.settle().await;
    let again = late.rest().into_iter().chain(full.viewer.rest());
    assert_eq!(again.filter(|frame| *frame == ask).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_cancelled_meanwhile_has_its_time_when_there_is_room() {
    let mut full = nearly_full().await;
    let request = full.fill().await;
    full.session.handle.cancel(full.viewer.client.clone()).await;
    full.instance.is_cancelled().await;
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert!(full.instance.has_no_command(), "it was not given up");
    full.make_room().await;
    let result = serde_json::json!({ "stopReason": "cancelled", "_meta": { "own": 1 } });
    full.instance.answer(request, result).await;
    full.session.settle().await;
    let again = full.session.prompt_once(&full.viewer, 9, "k", "hi").await;
    let result = parse(&again.await.unwrap().unwrap());
    assert_eq!(result["_meta"]["own"], 1, "the harness' own end: {result}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_without_room_answers_all_and_can_be_loaded() {
    let mut full = nearly_full().await;
    full.fill().await;
    let turn = full.session.prompt_once(&full.viewer, 2, "k", "hi").await;
    let call = full.session.set_mode(&full.viewer, "x").await;
    full.session.close_by(&full.viewer, true).await.unwrap();
    assert_eq!(
        turn.await.unwrap().unwrap_err().fault().name,
        "JOURNAL_FULL"
    );
    assert!(call.await.unwrap().is_err());
    let last = full.viewer.updates().pop().unwrap();
    assert_eq!(last["_meta"]["hostler"]["session"]["state"], "closed");
    while !matches!(full.instance.command().await, Command::Close) {}
    full.instance.end(Ended::Closed).await;
    let next = full.host.after_a_kill();
    let mut reader = Viewer::new();
    next.take_up(&full.session.id).attach(&reader, true).await;
    let updates = reader.updates();
    let end = &updates.last().unwrap()["_meta"]["hostler"]["turn"];
    assert_eq!(end["error"]["code"], "HOST_RESTARTED");
}

#[tokio::test(start_paused = true)]
async fn a_host_without_room_stops_in_order() {
    let mut full = nearly_full().await;
    full.fill().await;
    let turn = full.session.prompt_once(&full.viewer, 2, "k", "hi").await;
    full.host.router.shutdown().await;
    assert!(turn.await.unwrap().is_err());
}

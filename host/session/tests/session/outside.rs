//! Conversations that were begun outside of the host become sessions.

use std::time::{Duration, SystemTime};

use hostler_auth::{Identity, Principal};
use hostler_runtime::SessionOrigin;
use hostler_session::{
    Conversation, Found, OutsideList, Past, Reply, SessionConfig, SessionError, Wanted,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stage::*;

const ID: &str = "0198c9a1-7d0e-4f3a-8b1c-0a2b3c4d5e6f";

fn conversation(host: &Host, in_use: bool) -> Conversation {
    Conversation {
        id: ID.into(),
        cwd: host.dir.path().to_owned(),
        title: Some("Fix it".into()),
        updated: SystemTime::UNIX_EPOCH + Duration::from_secs(5),
        size: 9,
        in_use,
    }
}

fn past(host: &Host, in_use: bool) -> Past {
    let prompted = json!({
        "sessionUpdate": "user_message_chunk", "content": { "type": "text", "text": "before" },
    });
    Past {
        conversation: conversation(host, in_use),
        updates: vec![prompted.to_string(), said("yes").to_string()],
    }
}

fn adopt(host: &Host, caller: &Identity) -> Result<(), SessionError> {
    let past = past(host, false);
    host.router
        .adopt(caller, "echo", past.conversation.cwd.clone(), &past)
}

/// Wanted by somebody who wants nothing else.
const ALONE: Wanted = Wanted {
    harness: None,
    cwd: None,
    alone: true,
};

/// By somebody who wants the sessions of the host too.
const BESIDE: Wanted = Wanted {
    harness: None,
    cwd: None,
    alone: false,
};

/// As a caller sees it who may work everywhere.
async fn outside(host: &Host, wanted: Wanted) -> OutsideList {
    let everywhere = |folder: &std::path::Path| Some(folder.to_owned());
    host.router.outside(wanted, everywhere).await.unwrap()
}

fn ids(list: &OutsideList) -> Vec<&str> {
    let all = list.conversations.iter();
    all.map(|it| it.conversation.id.as_str()).collect()
}

fn texts(viewer: &mut Viewer) -> Vec<String> {
    let text = |update: &Value| update["content"]["text"].as_str().map(str::to_owned);
    viewer.updates().iter().filter_map(text).collect()
}

#[tokio::test]
async fn an_adopted_conversation_shows_what_was_said_and_goes_on_with_the_next_prompt() {
    let mut host = Host::new();
    adopt(&host, &caller()).unwrap();
    let list = host.router.list(&caller(), None).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].id.as_str(), list[0].live), (ID, false));
    assert_eq!(list[0].title.as_deref(), Some("Fix it"));

    let session = host.take_up(ID);
    let mut viewer = Viewer::new();
    session.attach(&viewer, true).await;
    assert_eq!(texts(&mut viewer), ["before", "yes"]);
    assert!(host.no_instance_was_started(), "looking starts nothing");

    let _answer = session.prompt(&viewer, 1, "on").await;
    let mut instance = host.instance().await;
    assert_eq!(instance.origin, SessionOrigin::Outside(ID.into()));
    assert_eq!(instance.params.session, ID);
    instance.open().await;
    let (request, _) = instance.prompted().await;
    instance.say("and on").await;
    instance.answer(request, end_turn()).await;
    while viewer.update().await != said("and on") {}
    // Where it stands survives a kill, also without a checkpoint.
    let mut host = host.after_a_kill();
    let session = host.take_up(ID);
    let mut viewer = Viewer::new();
    session.attach(&viewer, true).await;
    assert_eq!(texts(&mut viewer), ["before", "yes", "on", "and on"]);
    let _answer = session.prompt(&viewer, 1, "more").await;
    let instance = host.instance().await;
    assert_eq!(instance.origin, SessionOrigin::Outside(ID.into()));
}

#[tokio::test]
async fn a_conversation_is_adopted_once_however_many_ask_at_a_time() {
    let host = Host::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| adopt(&host, &caller()).unwrap());
        }
    });
    assert_eq!(host.query("SELECT count(*) FROM session"), 1);
    assert_eq!(host.query("SELECT count(*) FROM frame"), 2);
    // Nor by somebody else: it is not even told that there is one.
    let other = Identity {
        principal: Principal::new("other"),
        ..caller()
    };
    adopt(&host, &other).unwrap();
    assert_eq!(host.query("SELECT count(*) FROM session"), 1);
    let found = host.router.find(&other, ID);
    assert!(matches!(found, Err(SessionError::UnknownSession(_))));
    assert!(matches!(
        host.router.find(&caller(), ID),
        Ok(Found::Stored(_))
    ));
}

#[tokio::test]
async fn one_that_a_program_has_open_is_refused_and_nothing_is_kept() {
    let host = Host::new();
    let past = past(&host, true);
    let cwd = past.conversation.cwd.clone();
    let refused = host.router.adopt(&caller(), "echo", cwd, &past);
    let fault = refused.unwrap_err().fault();
    assert_eq!(fault.name, "CONVERSATION_IN_USE");
    assert_eq!(host.query("SELECT count(*) FROM session"), 0);
}

#[tokio::test]
async fn before_its_first_prompt_an_adopted_one_is_not_forked() {
    let host = Host::new();
    adopt(&host, &caller()).unwrap();
    let session = host.take_up(ID);
    let (reply, answer) = Reply::channel();
    let new = host.new_session("echo");
    let viewer = Viewer::new();
    host.router
        .fork(&session.handle, new, viewer.client.clone(), reply);
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("send it a prompt"), "{error}");
}

#[tokio::test]
async fn an_operator_who_turns_it_off_is_asked_nothing() {
    let host = Host::with_config(SessionConfig {
        outside: false,
        ..SessionConfig::default()
    });
    host.store.put(vec![conversation(&host, false)]);
    let outside = host.router.outside(ALONE, |_| panic!("it looked")).await;
    assert_eq!(outside.unwrap(), OutsideList::default());
    assert_eq!(host.store.reads(), 0);
    assert_eq!(host.router.past(ID, None).await.unwrap(), None);
}

#[tokio::test]
async fn many_who_list_at_a_time_share_one_look() {
    let host = Host::new();
    host.store.put(vec![conversation(&host, false)]);
    host.store.answer(false);
    let list = async || {
        let list = outside(&host, ALONE).await;
        assert_eq!(ids(&list), [ID]);
    };
    let release = async {
        while host.store.reads() == 0 {
            tokio::task::yield_now().await;
        }
        host.store.answer(true);
    };
    let four = async || tokio::join!(list(), list(), list(), list());
    tokio::join!(four(), four(), release);
    assert_eq!(host.store.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_counts_for_a_second_and_no_longer() {
    let host = Host::new();
    assert_eq!(ids(&outside(&host, ALONE).await), [""; 0]);
    host.store.put(vec![conversation(&host, false)]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(ids(&outside(&host, ALONE).await), [ID]);
    assert_eq!(host.store.reads(), 2);
}

#[tokio::test]
async fn where_a_caller_may_work_is_asked_for_each_on_the_shared_look() {
    let host = Host::new();
    host.store.put(vec![conversation(&host, false)]);
    assert_eq!(ids(&outside(&host, ALONE).await), [ID]);
    let nowhere = host.router.outside(ALONE, |_| None).await.unwrap();
    assert_eq!(ids(&nowhere), [""; 0]);
    assert_eq!(ids(&outside(&host, ALONE).await), [ID]);
    let elsewhere = Wanted {
        cwd: Some("/elsewhere".into()),
        ..ALONE
    };
    assert_eq!(ids(&outside(&host, elsewhere).await), [""; 0]);
}

#[tokio::test]
async fn a_list_is_right_at_once_after_an_adoption_and_after_a_deletion() {
    let host = Host::new();
    host.store.put(vec![conversation(&host, false)]);
    assert_eq!(ids(&outside(&host, ALONE).await), [ID]);
    adopt(&host, &caller()).unwrap();
    assert_eq!(ids(&outside(&host, ALONE).await), [""; 0]);
    let later = Conversation {
        title: Some("Fixed".into()),
        ..conversation(&host, false)
    };
    host.store.put(vec![later.clone()]);
    host.router.delete(&caller(), ID).await.unwrap();
    let list = outside(&host, ALONE).await;
    assert_eq!(list.conversations[0].conversation, later);
}

#[tokio::test]
async fn who_wants_more_does_not_wait_for_a_plugin_that_loads() {
    let host = Host::new();
    host.store.put(vec![conversation(&host, false)]);
    host.store.load(true);
    host.store.answer(false);
    let echo = Wanted {
        harness: Some("echo".into()),
        ..BESIDE
    };
    for wanted in [BESIDE, echo] {
        let list = outside(&host, wanted).await;
        assert_eq!(ids(&list), [""; 0]);
        assert_eq!(list.left_out, ["echo"]);
    }
    assert_eq!(host.store.reads(), 0);
    // Who wants them alone does.
    let loaded = async {
        while host.store.reads() == 0 {
            tokio::task::yield_now().await;
        }
        host.store.load(false);
        host.store.answer(true);
    };
    let (list, ()) = tokio::join!(outside(&host, ALONE), loaded);
    assert_eq!(ids(&list), [ID]);
    assert_eq!(list.left_out, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_is_left_out_and_holds_up_the_first_who_asks_alone() {
    let host = Host::new();
    host.store.answer(false);
    let left_out = async || outside(&host, BESIDE).await.left_out;
    assert_eq!(left_out().await, ["echo"]);
    let later = Instant::now();
    assert_eq!(left_out().await, ["echo"]);
    assert_eq!(later.elapsed(), Duration::ZERO);
    let named = Wanted {
        harness: Some("echo".into()),
        ..ALONE
    };
    let refused = host.router.outside(named, |_| None).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("25 seconds"), "{error}");
}

#[tokio::test]
async fn what_a_program_has_opened_since_is_not_gone_on_with() {
    let mut host = Host::new();
    adopt(&host, &caller()).unwrap();
    let session = host.take_up(ID);
    let viewer = Viewer::new();
    session.attach(&viewer, false).await;
    host.store.put(vec![conversation(&host, true)]);
    let refused = session.prompt(&viewer, 1, "on").await.await.unwrap();
    assert_eq!(refused.unwrap_err().fault().name, "CONVERSATION_IN_USE");
    assert!(host.no_instance_was_started());

    host.store.put(vec![conversation(&host, false)]);
    let answer = session.prompt(&viewer, 2, "on").await;
    let mut instance = host.instance().await;
    assert_eq!(instance.origin, SessionOrigin::Outside(ID.into()));
    let state = hostler_runtime::Output::Checkpoint("state".into());
    instance.output(state).await;
    instance.open().await;
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();

    // A mark that its own agent has left when it was killed hinders nobody.
    host.store.put(vec![conversation(&host, true)]);
    let mut host = host.after_a_kill();
    host.store.put(vec![conversation(&host, true)]);
    let session = host.take_up(ID);
    let _answer = session.prompt(&Viewer::new(), 1, "more").await;
    assert_eq!(host.instance().await.resumes(), Some(&b"state"[..]));
}

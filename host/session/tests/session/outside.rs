//! Conversations that were begun outside of the host become sessions.

use std::time::{Duration, SystemTime};

use hostler_auth::{Identity, Principal};
use hostler_runtime::SessionOrigin;
use hostler_session::{Conversation, Found, Past, Reply, SessionConfig, SessionError};
use serde_json::{Value, json};

use crate::stage::*;

const ID: &str = "0198c9a1-7d0e-4f3a-8b1c-0a2b3c4d5e6f";

fn past(host: &Host, in_use: bool) -> Past {
    let prompted = json!({
        "sessionUpdate": "user_message_chunk", "content": { "type": "text", "text": "before" },
    });
    Past {
        conversation: Conversation {
            id: ID.into(),
            cwd: host.dir.path().to_owned(),
            title: Some("Fix it".into()),
            updated: SystemTime::UNIX_EPOCH + Duration::from_secs(5),
            size: 9,
            in_use,
        },
        updates: vec![prompted.to_string(), said("yes").to_string()],
    }
}

fn adopt(host: &Host, caller: &Identity) -> Result<(), SessionError> {
    let past = past(host, false);
    host.router
        .adopt(caller, "echo", past.conversation.cwd.clone(), &past)
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
    let patience = Duration::from_secs(1);
    let outside = host
        .router
        .outside(None, None, patience, |_| panic!("it looked"))
        .await;
    assert_eq!(outside.unwrap(), []);
    assert_eq!(host.router.past(ID, None).await.unwrap(), None);
}

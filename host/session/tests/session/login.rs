//! Somebody logs in to an agent.

use std::sync::Arc;

use hostler_runtime::{Command, Failure, Output};
use hostler_session::{BoxFuture, Guide, Login, SessionError};
use serde_json::json;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::stage::*;

/// A person who opens what there is to open.
#[derive(Debug)]
struct Person(mpsc::UnboundedSender<String>);

impl Guide for Person {
    fn show(&self, params: String) -> BoxFuture<'static, Result<String, Failure>> {
        self.0.send(params).unwrap();
        Box::pin(async { Ok(r#"{"action":"accept"}"#.to_owned()) })
    }
}

type Logged = JoinHandle<Result<String, SessionError>>;

fn log_in(host: &Host) -> (Logged, mpsc::UnboundedReceiver<String>) {
    let (shown, seen) = mpsc::unbounded_channel();
    let login = Login {
        harness: "echo".into(),
        folder: host.dir.path().to_owned(),
        method: "page".into(),
        meta: json!({ "key": "sk-1" }).as_object().cloned(),
    };
    let router = host.router.clone();
    let logged = tokio::spawn(async move { router.log_in(login, Arc::new(Person(shown))).await });
    (logged, seen)
}

/// The request of the login, which comes before anything is answered.
async fn asked(instance: &mut Instance) -> u64 {
    match instance.command().await {
        Command::Authenticate {
            request,
            method,
            meta,
        } => {
            assert_eq!(method, "page");
            assert_eq!(meta.unwrap()["key"], "sk-1");
            request
        }
        other => panic!("not a login: {other:?}"),
    }
}

#[tokio::test]
async fn a_login_shows_what_to_open_and_leaves_no_session_and_no_instance() {
    let mut host = Host::new();
    let (logged, mut seen) = log_in(&host);
    let mut instance = host.instance().await;
    let request = asked(&mut instance).await;
    // Nobody is logged in yet.
    instance.fail(0, -32000, "log in first").await;
    instance.say("hello").await;
    let page = json!({ "mode": "url", "url": "https://example.com" });
    instance.ask(1, "elicitation/create", page.clone()).await;
    assert_eq!(parse(&seen.recv().await.unwrap()), page);
    let (ask, outcome) = instance.answered().await;
    assert_eq!(
        (ask, outcome.unwrap()["action"].clone()),
        (1, json!("accept"))
    );
    instance.answer(request, json!({})).await;
    assert_eq!(logged.await.unwrap(), Ok("{}".into()));
    instance.is_dropped().await;
    assert!(host.router.list(&caller(), None).unwrap().is_empty());
    assert_eq!(host.query("SELECT count(*) FROM session"), 0);
}

#[tokio::test]
async fn a_login_that_fails_says_what_the_agent_says() {
    let mut host = Host::new();
    let (logged, _seen) = log_in(&host);
    let mut instance = host.instance().await;
    let request = asked(&mut instance).await;
    instance.fail(request, -32000, "that is not it").await;
    let fault = logged.await.unwrap().unwrap_err().fault();
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (-32000, "that is not it")
    );
    let (logged, _seen) = log_in(&host);
    host.instance().await.trap().await;
    assert_eq!(
        logged.await.unwrap().unwrap_err().fault().name,
        "PLUGIN_TRAPPED"
    );
}

#[tokio::test]
async fn of_one_agent_there_is_one_login_at_a_time_and_a_dropped_one_ends() {
    let mut host = Host::new();
    let (logged, _seen) = log_in(&host);
    let mut instance = host.instance().await;
    asked(&mut instance).await;
    let (second, _) = log_in(&host);
    assert_eq!(second.await.unwrap().unwrap_err().fault().name, "TOO_MANY");
    logged.abort();
    instance.is_dropped().await;
    let (_third, _seen) = log_in(&host);
    asked(&mut host.instance().await).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_login_for_ever() {
    let mut host = Host::new();
    let (logged, _seen) = log_in(&host);
    let mut instance = host.instance().await;
    asked(&mut instance).await;
    let error = logged.await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "TIMED_OUT");
    assert!(error.to_string().contains("600 seconds"), "{error}");
    instance.is_dropped().await;
}

#[tokio::test]
async fn who_logs_in_is_asked_for_nothing_else() {
    let mut host = Host::new();
    let (_logged, mut seen) = log_in(&host);
    let mut instance = host.instance().await;
    asked(&mut instance).await;
    instance.output(Output::Checkpoint("state".into())).await;
    for (id, method) in [(1, "session/request_permission"), (2, "fs/read_text_file")] {
        instance.ask(id, method, json!({})).await;
        let (ask, outcome) = instance.answered().await;
        assert_eq!((ask, outcome.unwrap_err().code), (id, -32601));
    }
    assert!(seen.try_recv().is_err());
}

//! What the host answers to an agent by itself.

use hostler_runtime::FileAccess;
use hostler_session::Rights;
use serde_json::json;

use crate::stage::*;

#[tokio::test]
async fn an_agent_reads_and_writes_files_in_its_session_and_no_client_is_asked() {
    let mut host = Host::new();
    let (_session, mut instance, mut viewer) = host.session().await;
    let path = host.dir.path().join("a.txt");
    instance
        .ask(
            1,
            "fs/write_text_file",
            json!({ "path": path, "content": "text" }),
        )
        .await;
    assert_eq!(instance.answered().await, (1, Ok(json!({}))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
    instance
        .ask(2, "fs/read_text_file", json!({ "path": path }))
        .await;
    assert_eq!(
        instance.answered().await,
        (2, Ok(json!({ "content": "text" })))
    );
    assert!(viewer.rest().is_empty());
}

#[tokio::test]
async fn a_path_outside_is_refused() {
    let mut host = Host::new();
    let (_session, mut instance, _viewer) = host.session().await;
    instance
        .ask(1, "fs/read_text_file", json!({ "path": "/etc/passwd" }))
        .await;
    let (_, outcome) = instance.answered().await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.code, -32602);
    assert_eq!(
        failure.data.as_deref(),
        Some(r#"{"code":"PATH_OUTSIDE_ROOT"}"#)
    );
}

#[tokio::test]
async fn what_is_not_granted_is_denied_with_the_line_that_would_allow_it() {
    let read_only = Rights {
        files: Some(FileAccess::Read),
        terminal: false,
    };
    for (rights, method, line) in [
        (Rights::default(), "fs/read_text_file", r#"files = "read""#),
        (
            Rights::default(),
            "fs/write_text_file",
            r#"files = "read-write""#,
        ),
        (read_only, "fs/write_text_file", r#"files = "read-write""#),
        (read_only, "terminal/create", "terminal = true"),
        (read_only, "terminal/release", "terminal = true"),
    ] {
        let mut host = Host::with(rights, 64);
        let (_session, mut instance, _viewer) = host.session().await;
        instance
            .ask(1, method, json!({ "path": "/x", "content": "" }))
            .await;
        let (_, outcome) = instance.answered().await;
        let failure = outcome.unwrap_err();
        assert!(
            failure.message.contains("[plugins.echo.grants]"),
            "{}",
            failure.message
        );
        assert!(failure.message.ends_with(line), "{}", failure.message);
        assert_eq!(failure.data.as_deref(), Some(r#"{"code":"PLUGIN_DENIED"}"#));
    }
}

#[tokio::test]
async fn a_method_that_the_host_does_not_know_is_refused() {
    let mut host = Host::new();
    let (_session, mut instance, mut viewer) = host.session().await;
    for method in ["elicitation/create", "vendor/x", "session/prompt"] {
        instance.ask(1, method, json!({})).await;
        let (_, outcome) = instance.answered().await;
        assert_eq!(outcome.unwrap_err().code, -32601, "{method}");
    }
    assert!(viewer.rest().is_empty());
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_an_error() {
    let mut host = Host::new();
    let (_session, mut instance, _viewer) = host.session().await;
    instance
        .ask(1, "terminal/create", json!({ "command": "x" }))
        .await;
    let (_, outcome) = instance.answered().await;
    assert!(
        outcome
            .unwrap_err()
            .message
            .contains("this host runs no commands")
    );
}

#[tokio::test]
async fn what_the_host_works_on_at_once_is_bounded_and_what_is_withdrawn_makes_room() {
    let mut host = Host::new();
    let (session, mut instance, _viewer) = host.session().await;
    let create = json!({ "command": "hang" });
    instance.ask(1, "terminal/create", create).await;
    let (_, outcome) = instance.answered().await;
    let terminal = outcome.unwrap();
    for n in 0..64 {
        instance
            .ask(100 + n, "terminal/wait_for_exit", terminal.clone())
            .await;
    }
    instance.ask(2, "terminal/output", terminal.clone()).await;
    let (ask, outcome) = instance.answered().await;
    assert_eq!(ask, 2);
    assert_eq!(
        outcome.unwrap_err().data.as_deref(),
        Some(r#"{"code":"TOO_MANY"}"#)
    );
    instance
        .output(hostler_runtime::Output::Withdraw { id: 100 })
        .await;
    session.settle().await;
    assert!(
        instance.has_no_command(),
        "what is withdrawn is not answered"
    );
    instance.ask(3, "terminal/output", terminal).await;
    let (ask, outcome) = instance.answered().await;
    assert_eq!(
        (ask, outcome.unwrap()["exitStatus"].clone()),
        (3, json!(null))
    );
}

//! Who drives, of those who may.

use hostler_session::{Answer, ControlMode, Reply, SessionConfig};
use hostler_wire::Id;
use serde_json::{Value, json};

use crate::stage::*;

mod first;
mod lease;

const CONTROL: &str = "_hostler/control";

fn host(control: ControlMode) -> Host {
    Host::with_config(SessionConfig {
        control,
        ..SessionConfig::default()
    })
}

/// A session with a positioned client that made it, and another one.
async fn two_of(host: &mut Host) -> (Session, Instance, Viewer, Viewer) {
    let one = Viewer::positioned();
    let (session, instance) = host.session_for(&one).await;
    let two = Viewer::positioned();
    session.attach_from(&two, None).await;
    (session, instance, one, two)
}

fn not_controller(answer: Answer) {
    let fault = answer.unwrap_err().fault();
    assert_eq!((fault.code, fault.name), (-32010, "NOT_CONTROLLER"));
}

/// What it is told when it may not, outside of the history.
fn warning(viewer: &mut Viewer) -> String {
    let updates = viewer.updates();
    let warning = updates
        .iter()
        .find(|update| update["severity"] == "warning");
    warning.expect("a warning")["title"].to_string()
}

#[tokio::test]
async fn everybody_who_may_drive_does_and_turns_stand_in_one_queue() {
    let mut host = host(ControlMode::Shared);
    let (session, mut instance, one, two) = two_of(&mut host).await;
    let a = session.prompt(&one, 1, "a").await;
    let b = session.prompt(&two, 1, "b").await;
    for text in ["a", "b"] {
        let (request, prompted) = instance.prompted().await;
        assert_eq!(prompted, text);
        instance.answer(request, end_turn()).await;
    }
    assert!(a.await.unwrap().is_ok() && b.await.unwrap().is_ok());
}

#[tokio::test]
async fn there_is_nothing_to_take() {
    let mut host = host(ControlMode::Shared);
    let (session, _instance, one, _two) = two_of(&mut host).await;
    let error = session.take_control(&one).await.unwrap_err();
    assert!(error.to_string().contains("\"shared\""), "{error}");
    not_controller(Err(error));
    let (reply, answer) = Reply::channel();
    let client = one.client.clone();
    session.handle.release_control(client, reply).await;
    not_controller(answer.await.unwrap());
}

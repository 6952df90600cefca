//! What the host offers beside the turns of a session.

use std::process::Stdio;

use hostler_test_support::program;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{pair::Pair, stage::Harness};

/// What the host says that sessions of this harness can.
pub(super) async fn fork(pair: &mut Pair) -> String {
    let can = &pair.hello["agentCapabilities"]["sessionCapabilities"]["fork"];
    match can.is_null() {
        true => "no".into(),
        false => "yes".into(),
    }
}

/// The ways to log in that the host offers; without any it is up to the agent's own
/// command.
pub(super) async fn login(pair: &mut Pair) -> String {
    let methods = pair.hello["authMethods"].as_array();
    let ids = methods.into_iter().flatten();
    let ids: Vec<_> = ids.filter_map(|method| method["id"].as_str()).collect();
    match ids.as_slice() {
        [] => "none".into(),
        ids => format!("`{}`", ids.join("`, `")),
    }
}

/// What was begun with the agent's own program, and whether it is offered as a
/// session.
pub(super) async fn by_hand(pair: &mut Pair) -> String {
    let words = "[[text Begun by hand.]]";
    let (name, args): (_, &[&str]) = match pair.stage.harness {
        Harness::Claude => ("claude", &["-p", words]),
        Harness::Codex => ("codex", &["exec", "--skip-git-repo-check", words]),
        Harness::Decopilot => return "there are none here".into(),
    };
    let mut command = pair.stage.host.command(program(name).unwrap());
    command.args(args).current_dir(&pair.folder);
    let command = Command::from(command).stdin(Stdio::null()).output().await;
    let output = command.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("Begun by hand."), "{output:?}");
    let params = json!({ "_meta": { "hostler": { "outside": true } } });
    let listed = pair.ask("session/list", params).await;
    let sessions = listed["result"]["sessions"].as_array().expect("a list");
    let here = |session: &&Value| session["cwd"].as_str() == pair.folder.to_str();
    let mut here = sessions.iter().filter(here);
    match here.any(|session| session["_meta"]["hostler"]["outside"] == true) {
        true => "listed and gone on with".into(),
        false => "no".into(),
    }
}

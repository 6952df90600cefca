//! What the host offers beside the turns of a session: copies of it, ways to log in,
//! conversations that were begun without the host.

use std::process::Stdio;

use hostler_test_support::program;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{editor::Editor, pair::Pair, stage::Harness, turn::Answer};

/// A copy goes on, and knows what was said before.
pub(super) async fn fork(pair: &mut Pair) -> String {
    let before = "The word is plum.";
    pair.turn(&format!("[[text {before}]]"), Answer::Open).await;
    let can = &pair.hello["agentCapabilities"]["sessionCapabilities"]["fork"];
    let offered = can.is_object();
    let original = pair.session.clone();
    let params = json!({ "sessionId": original, "cwd": pair.folder, "mcpServers": [] });
    let (answer, cell) = match &mut pair.editor {
        Editor::Socket(peer, _) => (peer.ask("session/fork", &params).await, "yes"),
        Editor::Acpx(acpx) => {
            let commands = acpx.help("sessions").await;
            assert!(!commands.contains("fork"), "it has one now: {commands}");
            let made = pair.ask_at_phone("session/fork", &params).await;
            (
                made,
                "yes, made by the other client: acpx has no command for it",
            )
        }
    };
    let Some(fork) = answer["result"]["sessionId"].as_str() else {
        assert!(!offered && answer["error"]["code"].is_i64(), "{answer}");
        return "no".into();
    };
    assert!(offered && fork != original, "{answer}");
    pair.end_session().await;
    pair.go_on_with(fork.to_owned()).await;
    let turn = pair
        .turn("Which word? [[text That one.]]", Answer::Unasked)
        .await;
    if turn.said() != "That one." {
        turn.odd("That one.");
    }
    assert_eq!(pair.stage.remembered(before, "Which word?"), "yes");
    cell.into()
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

/// What was begun with the agent's own program is listed, and goes on.
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
    let listed = listed(pair).await;
    let others = listed
        .iter()
        .filter_map(|session| session["sessionId"].as_str());
    let others: Vec<_> = others.filter(|id| *id != pair.session).collect();
    let [id] = others.as_slice() else {
        panic!("not one, but {listed:?}");
    };
    if !pair.session.is_empty() {
        pair.close().await;
    }
    pair.go_on_with((*id).to_owned()).await;
    let turn = pair
        .turn("In the host. [[text I remember.]]", Answer::Unasked)
        .await;
    if !turn.said().ends_with("I remember.") {
        turn.odd("I remember.");
    }
    assert_eq!(
        pair.stage.remembered("Begun by hand.", "In the host."),
        "yes"
    );
    "listed, and remembers".into()
}

/// The sessions of this folder, as the client that prompts lists them.
async fn listed(pair: &mut Pair) -> Vec<Value> {
    let folder = pair.folder.to_str().expect("a path in UTF-8");
    let listed = match &mut pair.editor {
        Editor::Socket(peer, _) => {
            let listed = peer.ask("session/list", &json!({ "cwd": folder })).await;
            listed["result"].clone()
        }
        Editor::Acpx(acpx) => {
            acpx.run(&["sessions", "list", "--filter-cwd", folder])
                .await
        }
    };
    let sessions = listed["sessions"].as_array();
    sessions.unwrap_or_else(|| panic!("{listed}")).clone()
}

//! What acpx answers itself, without a person: by its flags, and by its command.

use super::{
    editor::Editor,
    pair::Pair,
    turn::{Answer, Turn},
};

pub(super) async fn allowed(pair: &mut Pair) -> String {
    pair.choose_to_be_asked().await;
    let prompt = "[[bash touch allowed.txt && echo made]]";
    let turn = asked(pair, prompt, "--approve-all").await;
    if !turn.calls_are("completed") || !pair.stage.did(&pair.folder, "allowed.txt") {
        turn.odd("a command that ran");
    }
    "yes".into()
}

pub(super) async fn denied(pair: &mut Pair) -> String {
    let turn = asked(pair, "[[bash touch denied.txt]]", "--deny-all").await;
    if !turn.calls_are("failed") || pair.stage.did(&pair.folder, "denied.txt") {
        turn.odd("a command that did not run");
    }
    "yes".into()
}

async fn asked(pair: &mut Pair, prompt: &str, flag: &'static str) -> Turn {
    let turn = pair.turn(prompt, Answer::Flag(flag)).await;
    if turn.asked.len() != 1 {
        turn.odd("a question");
    }
    turn
}

pub(super) async fn cancelled(pair: &mut Pair) -> String {
    let mut turn = pair.begin("[[slow 500 20]]", Answer::Unasked).await;
    pair.until(&mut turn, |turn| !turn.said().is_empty()).await;
    if let Editor::Acpx(acpx) = &pair.editor {
        acpx.run(&["cancel"]).await;
    }
    let turn = pair.finish(turn).await;
    if turn.stopped() != "cancelled" {
        turn.odd("a cancelled turn");
    }
    "yes".into()
}

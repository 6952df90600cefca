//! What goes on beside the conversation: sub-agents, and commands that outlast the
//! turn.

use super::{
    pair::Pair,
    stage::Harness,
    turn::{ALLOW, Turn},
};

/// Whose tool asks under its name, and whose words are kept apart.
pub(super) async fn sub_agent(pair: &mut Pair) -> String {
    let prompt = match pair.stage.harness {
        Harness::Claude => {
            r#"[[call Task {"description":"look","subagent_type":"general-purpose",
            "prompt":"\u005b\u005btext I look.\u005d\u005d \u005b\u005bbash touch helped.txt\u005d\u005d"}]]
            [[slow 200 20]]"#
        }
        Harness::Codex => {
            pair.choose("model", crate::codex_code::MODEL).await;
            r#"[[call collaboration/spawn_agent {"task_name":"helper",
            "message":"{{bash touch helped.txt}}{{text I look.}}","fork_turns":"none"}]]
            [[call collaboration/wait_agent {"timeout_ms":30000}]][[text Sent.]]"#
        }
        Harness::Decopilot => return "none".into(),
    };
    // With Claude Code the turn goes on meanwhile, and on a slow machine may end
    // before it.
    let mut turn = pair.begin(prompt, ALLOW).await;
    pair.end(&mut turn).await;
    let reported = |turn: &Turn| {
        let calls = turn.calls_later().into_iter();
        let mut ended = calls.filter(|call| call["status"] == "completed");
        ended.any(|call| call["content"].to_string().contains("I look."))
    };
    pair.after(&mut turn, reported).await;
    if turn.asked.len() != 1 || !pair.stage.did(&pair.folder, "helped.txt") {
        turn.odd("a command of it that was asked about, and then ran");
    }
    let asked = &turn.asked[0]["params"]["toolCall"];
    let whose = [
        &asked["_meta"]["claudeCode"]["parentToolUseId"],
        &asked["_meta"]["codex"]["agent"],
    ];
    if whose.iter().all(|who| !who.is_string()) || turn.said().contains("I look.") {
        turn.odd("a question in its name, and its words kept apart");
    }
    "asks in its name, its words kept apart".into()
}

/// Its end is told when the turn is long over.
pub(super) async fn background(pair: &mut Pair) -> String {
    let prompt = match pair.stage.harness {
        Harness::Claude => {
            r#"[[call Bash {"command":"until test -e go; do sleep 0.1; done; touch late.txt",
            "description":"d","run_in_background":true}]] [[text Started.]]"#
        }
        Harness::Codex => {
            r#"[[call exec_command {"cmd":"until test -e go; do sleep 0.1; done; touch late.txt",
            "yield_time_ms":250}]] [[text Started.]]"#
        }
        Harness::Decopilot => return "none".into(),
    };
    let mut turn = pair.turn(prompt, ALLOW).await;
    if turn.stopped() != "end_turn" || !turn.said().ends_with("Started.") {
        turn.odd("Started.");
    }
    let [call] = turn
        .calls()
        .try_into()
        .unwrap_or_else(|_| turn.odd("one call"));
    std::fs::write(pair.folder.join("go"), "").unwrap();
    let completed = |turn: &Turn| turn.calls_later()[0]["status"] == "completed";
    pair.after(&mut turn, completed).await;
    if !pair.stage.did(&pair.folder, "late.txt") {
        turn.odd("a file");
    }
    if call["status"] != "in_progress" {
        turn.odd("a command that outlasts the turn");
    }
    "`in_progress`, then `completed`".into()
}

//! The process: how it is started, how it ends, what follows.

use hostler_codex::Codex;
use hostler_sdk::{
    Error, Event, Failure,
    process::{Exit, Signal},
    testing::{Bench, Effect},
};
use serde_json::{Value, json};

use crate::stage::{Stage, fixture};

/// The adapter's timer for a start that takes too long.
const TIMER: u64 = 1;

fn checkpoint(stage: &Stage) -> Value {
    serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap()
}

fn resumed(checkpoint: &Value) -> Stage {
    let mut stage = Stage::opened(Bench::new(), Some(checkpoint.to_string().as_bytes()));
    stage.initialize();
    stage
}

#[test]
fn the_grants_allow_exactly_what_is_run() {
    let grants: toml::Table = include_str!("../../grants.toml").parse().unwrap();
    let grant = &grants["process"].as_array().unwrap()[0];
    assert_eq!(grant["program"].as_str(), Some("codex"));
    assert_eq!(grant["set"].as_array().map(Vec::len), Some(0));
    let line = |args: &toml::Value| -> String {
        let args = args.as_array().unwrap().iter();
        args.map(|arg| arg.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines: Vec<String> = grant["args"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        ["--version", "login status", "debug models", "app-server"]
    );
    let (_, command) = Bench::<Codex>::new().open().spawned();
    assert_eq!(
        (command.program.as_str(), command.args.join(" ")),
        ("codex", "app-server".into())
    );
    assert!(command.env.is_empty());
}

#[test]
fn the_program_is_the_operators_choice() {
    let mut bench = Bench::<Codex>::new().config(json!({"program": "/opt/codex"}));
    assert_eq!(bench.open().spawned().1.program, "/opt/codex");
    let mut bench = Bench::<Codex>::new().config(json!({"programme": "/opt/codex"}));
    assert!(
        bench
            .open()
            .failed()
            .unwrap()
            .to_string()
            .contains("programme")
    );
}

#[test]
fn a_denied_start_fails_the_request() {
    let mut bench = Bench::<Codex>::new().deny("codex");
    assert!(matches!(bench.open().failed(), Some(Error::Denied(_))));
}

#[test]
fn further_folders_are_roots_of_the_thread() {
    let mut bench = Bench::<Codex>::new();
    let params = hostler_sdk::OpenParams {
        session: "s".into(),
        cwd: "/work".into(),
        additional_directories: vec!["/more".into()],
        mcp_servers: Vec::new(),
    };
    let (child, _) = bench.open_with(params, None).spawned();
    let mut written = Vec::new();
    for id in 1..4 {
        written = bench
            .json(child, &json!({"id": id, "result": {"data": []}}))
            .written_json();
    }
    assert_eq!(written[0]["method"], "thread/start");
    assert_eq!(
        written[0]["params"]["runtimeWorkspaceRoots"],
        json!(["/work", "/more"])
    );
}

#[test]
fn a_conversation_is_resumed_by_its_thread() {
    let mut stage = Stage::initialized();
    stage.play(fixture("resume_1_start"));
    let saved = checkpoint(&stage);
    assert_eq!(saved["kept"], "yes");
    // Nothing was chosen: a changed config.toml counts.
    assert_eq!(saved["settings"]["sandbox"], Value::Null);
    let mut stage = resumed(&saved);
    stage.play(fixture("resume_2_resume"));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
    assert_eq!(stage.effects.text(), "Hello from the fake model.");
}

#[test]
fn a_conversation_that_is_gone_is_said_to_be_gone() {
    let thread = "0199a213-81c0-7800-8aa1-bbab2a035a53";
    let mut stage = resumed(&json!({"thread": thread, "kept": "yes", "settings": null}));
    stage.play(
        fixture("resume_3_unknown_and_fork")
            .into_iter()
            .take(2)
            .collect(),
    );
    let message = stage.failure().message;
    assert_eq!(
        message,
        format!("Codex no longer has the conversation {thread}; start a new session")
    );
}

#[test]
fn a_conversation_that_never_got_an_answer_is_begun_again() {
    // A crash right after the first prompt may leave nothing behind.
    let mut stage = resumed(&json!({"thread": "t", "kept": "maybe", "settings": null}));
    let request = stage.written.pop_front().unwrap();
    assert_eq!(request["method"], "thread/resume");
    let error = json!({"code": -32600, "message": "no rollout found for thread id t"});
    stage.feed(&json!({"id": request["id"], "error": error}));
    stage.begin_thread();
    assert!(stage.effects.answer().is_ok());
}

#[test]
fn a_conversation_without_a_prompt_is_begun_anew() {
    let mut stage = resumed(&checkpoint(&Stage::ready()));
    stage.begin_thread();
    assert!(stage.effects.answer().is_ok());
}

#[test]
fn a_program_that_is_not_there_says_what_to_run() {
    let mut stage = Stage::open();
    let effects = stage.bench.event(Event::StartFailed {
        child: stage.child,
        message: "codex: not found on the host's PATH".into(),
    });
    let failure = effects.answer().unwrap_err();
    assert!(failure.message.contains("npm install -g @openai/codex"));
}

#[test]
fn an_end_at_the_start_says_what_was_said_last() {
    let mut stage = Stage::open();
    for n in 0..20 {
        stage
            .bench
            .stderr(stage.child, &format!("\u{1b}[2mline {n}\u{1b}[0m"));
    }
    stage.exit(3);
    let message = stage.failure().message;
    assert!(
        message.starts_with("Codex ended while it started (exit code 3: line 12\n"),
        "{message}"
    );
    assert!(message.contains("line 19"));
}

#[test]
fn a_start_that_takes_too_long_is_given_up() {
    let mut stage = Stage::open();
    assert_eq!(stage.bench.timers(), [TIMER]);
    stage.bench.stderr(stage.child, "waiting for the network");
    let effects = stage.bench.timer(TIMER);
    let failure = effects.answer().unwrap_err();
    assert_eq!(failure.code, Failure::INTERNAL);
    assert!(failure.message.contains("after 60 s"), "{failure}");
    assert!(failure.message.ends_with("waiting for the network"));
    assert!(effects.contains(&Effect::Kill {
        child: stage.child,
        signal: Signal::Kill,
    }));
}

#[test]
fn an_end_in_the_middle_fails_the_turn_and_the_next_one_starts_it_again() {
    let mut stage = Stage::prompted();
    stage.tell("item/started", &json!({"item": {"type": "commandExecution", "id": "c", "command": "x", "status": "inProgress"}}));
    stage.feed(&json!({"id": 0, "method": "item/commandExecution/requestApproval", "params": {"itemId": "c"}}));
    stage.bench.stderr(stage.child, "out of memory");
    stage.exit(134);
    let message = stage.failure().message;
    assert!(
        message.contains("exit code 134: out of memory"),
        "{message}"
    );
    assert_eq!(stage.open_calls(), [""; 0]);
    assert_eq!(stage.bench.open_asks(), [0; 0]);
    let effects = stage.bench.prompt("again");
    stage.child = effects.spawned().0;
    stage.clear();
    stage.note(effects);
    stage.initialize();
    // The prompt waits for the thread.
    stage.reply(
        "thread/resume",
        json!({"thread": {"id": "t"}, "model": "gpt-5.5", "reasoningEffort": null,
        "approvalPolicy": "on-request", "sandbox": {"type": "readOnly"}}),
    );
    assert_eq!(stage.written[0]["params"]["input"][0]["text"], "again");
}

#[test]
fn a_flood_of_standard_error_leaves_its_last_lines_in_the_error() {
    let mut stage = Stage::prompted();
    for number in 0..1000 {
        let line = format!("{number} {}", "x".repeat(10_000));
        stage.bench.stderr(stage.child, &line);
    }
    stage.bench.stderr(stage.child, "out of memory");
    stage.exit(1);
    let message = stage.failure().message;
    assert!(message.len() < 10_000, "{} bytes", message.len());
    assert!(message.contains("999 xxx"), "{message}");
    assert!(message.contains("out of memory"), "{message}");
}

#[test]
fn a_second_turn_at_once_is_refused() {
    let mut stage = Stage::prompted();
    let effects = stage.bench.prompt("me too");
    assert!(
        effects
            .answer()
            .unwrap_err()
            .message
            .contains("running already")
    );
    assert_eq!(effects.written(), "");
}

#[test]
fn what_is_not_understood_is_a_notice_and_the_turn_goes_on() {
    let mut stage = Stage::prompted();
    for line in [
        r#"{"method":"item/start"#,
        "hello",
        "{}",
        r#"{"method":"item/started","params":{"item":{"type":7}}}"#,
        r#"{"method":"turn/completed","params":{}}"#,
        r#"{"method":7}"#,
        "",
    ] {
        let effects = stage.bench.line(stage.child, line);
        assert_eq!(
            (effects.logs().len(), effects.updates().len()),
            (1, 1),
            "{line}"
        );
        assert_eq!(effects.updates()[0]["sessionUpdate"], "notice");
    }
    for _ in 0..2 {
        stage.tell("news/of/the/day", &json!({}));
    }
    let known = stage.shown();
    let news = known.iter().filter(|line| line.contains("news/of/the/day"));
    assert_eq!(news.count(), 1);
    stage.complete("completed");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_slow_reader_gets_every_line_in_order() {
    let mut stage = Stage::ready();
    stage.bench.block_writes();
    stage.bench.prompt("hello");
    stage
        .bench
        .call("session/set_mode", &json!({"modeId": "agent"}));
    let written = stage.bench.drained(stage.child).written_json();
    assert_eq!(written[0]["method"], "turn/start");
    assert_eq!(written[1]["method"], "thread/settings/update");
}

#[test]
fn closing_closes_the_input() {
    let mut stage = Stage::ready();
    assert!(
        stage
            .bench
            .close()
            .contains(&Effect::CloseStdin(stage.child))
    );
    let effects = stage.bench.exited(stage.child, Exit::code(0));
    assert_eq!(effects.failed(), None);
}

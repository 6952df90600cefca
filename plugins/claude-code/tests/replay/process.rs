//! The process: how it is started, how it ends, what follows.

use hostler_sdk::{
    Event, Failure, McpServer, McpTransport,
    process::{Exit, Signal},
    testing::{Bench, Effect},
};
use serde_json::{Value, json};

use crate::stage::{Stage, fixture, play, start_of, turn_of};

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// The adapter's timer for a start that takes too long.
const TIMER: u64 = 1;

#[test]
fn it_is_started_with_exactly_these_words() {
    let (_, command) = Bench::<hostler_claude_code::ClaudeCode>::new()
        .open()
        .spawned();
    assert_eq!(command.program, "claude");
    assert_eq!(
        command.args.join(" "),
        format!(
            "--output-format stream-json --verbose --input-format stream-json \
             --permission-prompt-tool=stdio --include-partial-messages --include-hook-events \
             --permission-mode=default --setting-sources=user,project,local --session-id={ID}"
        )
    );
    let plans = ("CLAUDE_CODE_ENABLE_TODO_TOOLS".to_owned(), "1".to_owned());
    assert_eq!(command.env, [plans]);
}

#[test]
fn the_grants_allow_exactly_what_is_run() {
    let grants: toml::Table = include_str!("../../grants.toml").parse().unwrap();
    let grant = &grants["process"].as_array().unwrap()[0];
    assert_eq!(grant["program"].as_str(), Some("claude"));
    assert_eq!(
        grant["set"],
        vec!["CLAUDE_CODE_ENABLE_TODO_TOOLS", "CLAUDE_CODE_MAX_RETRIES"].into()
    );
    let line = |args: &toml::Value| -> String {
        let args = args.as_array().unwrap().iter();
        args.map(|arg| arg.as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let lines: Vec<String> = grant["args"].as_array().unwrap().iter().map(line).collect();
    let (_, command) = Bench::<hostler_claude_code::ClaudeCode>::new()
        .open()
        .spawned();
    let start = command.args[..10].join(" ");
    let (_, command) = Bench::<hostler_claude_code::ClaudeCode>::new()
        .config(json!({"bypass": true}))
        .open()
        .spawned();
    let bypass = command.args[..11].join(" ");
    assert_eq!(
        bypass,
        format!("{start} --allow-dangerously-skip-permissions")
    );
    assert_eq!(
        lines,
        [
            "--version".to_owned(),
            "auth status --json".to_owned(),
            format!("{start} --session-id=*"),
            format!("{start} --resume=*"),
            format!("{start} --resume=* --fork-session --session-id=*"),
            format!("{start} --resume=* --fork-session --session-id=* --resume-session-at=*"),
            format!("{bypass} --session-id=*"),
            format!("{bypass} --resume=*"),
            format!("{bypass} --resume=* --fork-session --session-id=*"),
            format!("{bypass} --resume=* --fork-session --session-id=* --resume-session-at=*"),
        ]
    );
}

fn with_servers(reply: &Value) -> Stage {
    let server = |name: &str| McpServer {
        name: name.into(),
        transport: McpTransport::Stdio {
            command: "/no/such/program".into(),
            args: Vec::new(),
            env: Vec::new(),
        },
    };
    let mut stage = Stage::opened_with(Bench::new(), None, vec![server("a"), server("b")]);
    // It is asked for its settings last, and its replies come in any order.
    let mut lines = start_of("simple").into_iter();
    let answer = lines.find(|line| line["msg"]["type"] == "control_response");
    let mut answer = answer.unwrap()["msg"].clone();
    answer["response"]["request_id"] = json!("hostler-1");
    let effects = stage.bench.json(stage.child, &answer);
    let written = effects.written_json();
    let id = |subtype: &str| {
        let asked = written
            .iter()
            .find(|line| line["request"]["subtype"] == subtype);
        asked.unwrap()["request_id"].clone()
    };
    let (servers, settings) = (id("mcp_set_servers"), id("get_settings"));
    stage.note(effects);
    let mut reply = reply.clone();
    reply["request_id"] = servers;
    stage.feed(&json!({"type": "control_response", "response": reply}));
    assert!(stage.shown().is_empty(), "nobody views the session yet");
    stage.feed(
        &json!({"type": "control_response", "response": {"subtype": "success",
        "request_id": settings, "response": {"applied": {}}}}),
    );
    stage
}

#[test]
fn an_mcp_server_that_does_not_start_is_named_once_with_the_reason() {
    let mut stage = with_servers(&json!({"subtype": "success",
        "response": {"added": ["a", "b"], "errors": {"b": "ENOENT"}}}));
    let told = "warning: The MCP server b (/no/such/program) does not work, and Claude Code \
                goes on without its tools: ENOENT";
    assert_eq!(stage.shown(), [told]);
    stage.clear();
    stage.prompt("hello");
    stage.feed(
        &json!({"type": "system", "subtype": "init", "mcp_servers": [
        {"name": "b", "status": "failed"}]}),
    );
    assert!(stage.shown().is_empty());
}

#[test]
fn mcp_servers_that_are_refused_as_a_whole_are_named() {
    let stage = with_servers(&json!({"subtype": "error", "error": "not today"}));
    let told = "warning: Claude Code takes none of the session's MCP servers (a, b) and goes on \
                without their tools: not today";
    assert_eq!(stage.shown(), [told]);
}

/// On the command line everybody on the machine would see them.
#[test]
fn mcp_servers_are_told_over_its_input_when_it_is_ready() {
    let server = McpServer {
        name: "hostler".into(),
        transport: McpTransport::Http {
            url: "http://127.0.0.1:1/mcp".into(),
            headers: vec![("Authorization".into(), "{{token:a}}".into())],
        },
    };
    let mut stage = Stage::opened_with(Bench::new(), None, vec![server]);
    let answer = start_of("simple")
        .into_iter()
        .find(|line| line["msg"]["type"] == "control_response")
        .unwrap();
    let mut answer = answer["msg"].clone();
    answer["response"]["request_id"] = json!("hostler-1");
    let effects = stage.feed(&answer);
    let written = effects.written_json();
    let request = written
        .iter()
        .find(|line| line["request"]["subtype"] == "mcp_set_servers")
        .unwrap_or_else(|| panic!("{written:?}"));
    assert_eq!(
        request["request"]["servers"],
        json!({ "hostler": {
            "type": "http", "url": "http://127.0.0.1:1/mcp",
            "headers": { "Authorization": "{{token:a}}" },
        } })
    );
}

#[test]
fn the_program_is_the_operators_choice() {
    let mut bench =
        Bench::<hostler_claude_code::ClaudeCode>::new().config(json!({"program": "/opt/claude"}));
    assert_eq!(bench.open().spawned().1.program, "/opt/claude");
    let mut bench =
        Bench::<hostler_claude_code::ClaudeCode>::new().config(json!({"programme": "/opt/claude"}));
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
fn a_conversation_that_exists_is_resumed() {
    let mut stage = play("resume_1");
    let checkpoint: Value = serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap();
    assert_eq!(
        checkpoint,
        json!({"id": ID, "kept": "yes", "mode": "default", "model": "default"})
    );
    // In the same instance, after the process has ended …
    let (_, command) = stage.bench.prompt("again").spawned();
    assert_eq!(command.args.last().unwrap(), &format!("--resume={ID}"));
    // … and in a fresh one.
    let mut resumed = Stage::opened(Bench::new(), stage.bench.checkpoint());
    resumed.play(fixture("resume_2"));
    assert_eq!(resumed.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_conversation_that_is_gone_is_said_to_be_gone() {
    let checkpoint = json!({"id": ID, "kept": "yes", "mode": null, "model": null});
    let mut stage = Stage::opened(Bench::new(), Some(checkpoint.to_string().as_bytes()));
    stage.play(fixture("resume_unknown"));
    assert_eq!(
        stage.failure().message,
        format!("Claude Code no longer has the conversation {ID}; start a new session")
    );
}

#[test]
fn a_conversation_that_never_got_an_answer_is_begun_again() {
    // A crash right after the first prompt leaves nothing behind.
    let checkpoint = json!({"id": ID, "kept": "maybe", "mode": null, "model": null});
    let mut stage = Stage::opened(Bench::new(), Some(checkpoint.to_string().as_bytes()));
    let mut lines = fixture("resume_unknown");
    lines.pop();
    stage.play(lines);
    let effects = stage.bench.exited(stage.child, Exit::code(1));
    assert!(effects.answers().is_empty());
    assert_eq!(
        effects.spawned().1.args.last().unwrap(),
        &format!("--session-id={ID}")
    );
}

#[test]
fn a_conversation_that_exists_although_nobody_knew_is_resumed() {
    let mut stage = Stage::open();
    let mut lines = fixture("session_id_reused");
    lines.pop();
    stage.play(lines);
    let effects = stage.bench.exited(stage.child, Exit::code(1));
    assert_eq!(
        effects.spawned().1.args.last().unwrap(),
        &format!("--resume={ID}")
    );
}

#[test]
fn a_program_that_is_not_there_says_what_to_run() {
    let mut stage = Stage::open();
    let effects = stage.bench.event(Event::StartFailed {
        child: stage.child,
        message: "claude: not found on the host's PATH".into(),
    });
    let failure = effects.answer().unwrap_err();
    assert!(
        failure
            .message
            .contains("npm install -g @anthropic-ai/claude-code")
    );
}

#[test]
fn a_denied_start_fails_the_request() {
    let mut bench = Bench::<hostler_claude_code::ClaudeCode>::new().deny("claude");
    assert!(matches!(
        bench.open().failed(),
        Some(hostler_sdk::Error::Denied(_))
    ));
}

#[test]
fn an_end_at_the_start_says_what_was_said_last() {
    let mut stage = Stage::open();
    for n in 0..20 {
        stage.bench.stderr(stage.child, &format!("line {n}"));
    }
    stage.exit(3);
    let message = stage.failure().message;
    assert!(message.starts_with("Claude Code ended while it started (exit code 3: line 12\n"));
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
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Kill {
            signal: Signal::Kill,
            ..
        }
    )));
}

#[test]
fn an_end_in_the_middle_fails_the_turn_and_the_next_one_starts_it_again() {
    let (mut stage, uuid) = Stage::prompted();
    let lines = turn_of("bash_allow", &uuid);
    let end = lines
        .iter()
        .position(|line| line["type"] == "control_request")
        .unwrap();
    for line in &lines[..=end] {
        stage.feed(line);
    }
    stage.bench.stderr(stage.child, "out of memory");
    stage.exit(134);
    let message = stage.failure().message;
    assert!(
        message.contains("exit code 134: out of memory"),
        "{message}"
    );
    assert!(stage.shown().contains(&"toolu_fake4_0 failed".into()));
    assert!(stage.bench.open_asks().is_empty());
    let effects = stage.bench.prompt("again");
    let (child, command) = effects.spawned();
    assert_eq!(command.args.last().unwrap(), &format!("--resume={ID}"));
    // The prompt waits for the start.
    assert_eq!(effects.written_json().len(), 1);
    stage.child = child;
    let hello = effects.written_json()[0]["request_id"].clone();
    let mut reply = start_of("simple").pop().unwrap()["msg"].clone();
    reply["response"]["request_id"] = hello;
    let effects = stage.feed(&reply);
    let prompt = effects.written_json().pop().unwrap();
    assert_eq!(prompt["message"]["content"][0]["text"], "again");
}

#[test]
fn a_choice_on_its_way_when_the_process_ends_fails() {
    let mut stage = Stage::ready();
    stage
        .bench
        .call("session/set_mode", &json!({"modeId": "plan"}));
    stage.exit(1);
    assert_eq!(stage.failure().code, Failure::INTERNAL);
    assert!(stage.bench.unanswered().is_empty());
}

#[test]
fn a_flood_of_standard_error_leaves_its_last_lines_in_the_error() {
    let (mut stage, _) = Stage::prompted();
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
    let (mut stage, _) = Stage::prompted();
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

fn environment(config: Value) -> Vec<(String, String)> {
    let mut bench = Bench::<hostler_claude_code::ClaudeCode>::new().config(config);
    bench.open().spawned().1.env
}

#[test]
fn the_environment_is_the_operators_choice() {
    let set = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let plans = ("CLAUDE_CODE_ENABLE_TODO_TOOLS", "1");
    assert_eq!(environment(json!({"plans": false})), []);
    assert_eq!(
        environment(json!({"max_retries": 3})),
        set(&[("CLAUDE_CODE_MAX_RETRIES", "3"), plans])
    );
    assert_eq!(
        environment(json!({"env": {"MAX_THINKING_TOKENS": "0"}})),
        set(&[("MAX_THINKING_TOKENS", "0"), plans])
    );
    let own = json!({"env": {"CLAUDE_CODE_ENABLE_TODO_TOOLS": "0"}});
    assert_eq!(
        environment(own),
        set(&[("CLAUDE_CODE_ENABLE_TODO_TOOLS", "0")])
    );
}

#[test]
fn a_slow_reader_gets_every_line_in_order() {
    let mut stage = Stage::ready();
    stage.bench.block_writes();
    stage.bench.prompt("hello");
    stage.bench.cancel();
    let written = stage.bench.drained(stage.child).written_json();
    assert_eq!(written[0]["type"], "user");
    assert_eq!(written[1]["request"]["subtype"], "interrupt");
}

#[test]
fn closing_ends_the_process() {
    let mut stage = Stage::ready();
    let effects = stage.bench.close();
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Kill {
            signal: Signal::Terminate,
            ..
        }
    )));
}

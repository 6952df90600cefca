//! From `open` to a session that can be prompted, the first time and again.

use hostler_sdk::process::Signal;
use hostler_sdk::testing::{Bench, Effect};
use hostler_sdk::{Error, Failure, McpServer, McpTransport, OpenParams};
use serde_json::json;

use crate::{configured, initialized, notification, ready, refuse, reply, sent, text, update};

const CHECKPOINT: &[u8] = br#"{"session":"theirs"}"#;

fn place() -> OpenParams {
    OpenParams {
        session: "ours".to_owned(),
        cwd: "/work".to_owned(),
        additional_directories: vec!["/more".to_owned()],
        mcp_servers: Vec::new(),
    }
}

#[test]
fn the_sessions_mcp_servers_go_to_the_agent_with_handles_for_secrets() {
    let value = |text: &str| vec![("NAME".to_owned(), text.to_owned())];
    let server = |name: &str, transport| McpServer {
        name: name.to_owned(),
        transport,
    };
    let http = McpTransport::Http {
        url: "http://127.0.0.1:1/mcp".to_owned(),
        headers: value("{{token:a}}"),
    };
    let stdio = McpTransport::Stdio {
        command: "files".to_owned(),
        args: vec!["-v".to_owned()],
        env: value("{{token:b}}"),
    };
    let params = OpenParams {
        mcp_servers: vec![server("hostler", http), server("files", stdio)],
        ..place()
    };
    let mut bench = configured();
    let opened = bench.open_with(params, None);
    let capable = json!({
        "protocolVersion": 1,
        "agentCapabilities": {"mcpCapabilities": {"http": true}},
    });
    let (_, effects) = initialized(&mut bench, &opened, &capable);
    assert_eq!(
        effects.written_json()[0]["params"]["mcpServers"],
        json!([
            { "type": "http", "name": "hostler", "url": "http://127.0.0.1:1/mcp",
              "headers": [{ "name": "NAME", "value": "{{token:a}}" }] },
            { "name": "files", "command": "files", "args": ["-v"],
              "env": [{ "name": "NAME", "value": "{{token:b}}" }] },
        ])
    );
}

#[test]
fn the_configured_command_is_started_with_its_variables() {
    let mut bench = Bench::<hostler_acp_agent::AcpAgent>::new().config(json!({
        "command": ["agent", "--acp"],
        "env": {"AGENT_LOG": "warn"},
    }));
    let (_, command) = bench.open().spawned();
    assert_eq!(command.program, "agent");
    assert_eq!(command.args, ["--acp"]);
    assert_eq!(command.env, [("AGENT_LOG".to_owned(), "warn".to_owned())]);
}

#[test]
fn without_a_command_open_says_what_to_set() {
    let effects = Bench::<hostler_acp_agent::AcpAgent>::new().open();
    let Some(Error::Invalid(why)) = effects.failed() else {
        panic!("{effects:#?}");
    };
    assert!(why.contains("command = ["), "{why}");
}

#[test]
fn initialize_offers_what_the_host_and_people_do() {
    let opened = configured().open();
    let params = &opened.written_json()[0]["params"];
    assert_eq!(params["protocolVersion"], 1);
    assert_eq!(
        params["clientCapabilities"],
        json!({
            "fs": {"readTextFile": true, "writeTextFile": true}, "terminal": true,
            "session": {"notices": {}}, "auth": {"terminal": true},
            "elicitation": {"form": {}, "url": {}},
        })
    );
}

#[test]
fn open_is_answered_with_the_agents_modes_and_options_as_they_came() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = &effects.written_json()[0];
    assert_eq!(new["params"], json!({"cwd": "/work", "mcpServers": []}));
    let line = format!(
        r#"{{"id":{},"result":{{"sessionId":"theirs","modes":{{"currentModeId":"a","n":1e2}},"configOptions":[{{"id":"model"}}]}}}}"#,
        new["id"]
    );
    let effects = bench.line(child, &line);
    assert!(effects.iter().any(|effect| matches!(
        effect,
        Effect::Answer { outcome: Ok(result), .. }
            if result == r#"{"configOptions":[{"id":"model"}],"modes":{"currentModeId":"a","n":1e2}}"#
    )), "{effects:#?}");
    assert_eq!(bench.checkpoint(), Some(CHECKPOINT));
    assert!(effects.contains(&Effect::TimerCancel(1)));
}

#[test]
fn further_directories_go_to_agents_that_know_them() {
    let capable = json!({
        "protocolVersion": 1,
        "agentCapabilities": {"sessionCapabilities": {"additionalDirectories": {}}},
    });
    let params_for = |answer| {
        let mut bench = configured();
        let opened = bench.open_with(place(), None);
        let (_, effects) = initialized(&mut bench, &opened, answer);
        effects.written_json()[0]["params"]["additionalDirectories"].clone()
    };
    assert_eq!(params_for(&capable), json!(["/more"]));
    assert_eq!(params_for(&json!({"protocolVersion": 1})), json!(null));
}

#[test]
fn an_agent_that_wants_a_login_is_refused_with_the_ways_to_log_in() {
    let mut bench = configured();
    let opened = bench.open();
    let methods = json!([{"id": "oauth", "name": "Log in"}]);
    let answer = json!({"protocolVersion": 1, "authMethods": methods});
    let (child, effects) = initialized(&mut bench, &opened, &answer);
    let new = sent(&effects, "session/new");
    let error = json!({"code": -32000, "message": "Authentication required"});
    let effects = refuse(&mut bench, child, new, &error);
    let failure = effects.answer().unwrap_err();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    assert_eq!(
        failure.message,
        "agent needs a login: Authentication required. Ways to log in: Log in (method oauth)"
    );
    let data: serde_json::Value = serde_json::from_str(&failure.data.unwrap()).unwrap();
    assert_eq!(data, json!({"authMethods": methods}));
    assert!(effects.contains(&Effect::Kill {
        child,
        signal: Signal::Terminate
    }));
}

#[test]
fn an_agent_of_another_protocol_version_is_refused_by_name() {
    let mut bench = configured();
    let opened = bench.open();
    let (_, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 2}));
    let failure = effects.answer().unwrap_err();
    assert!(failure.message.contains("version 2"), "{failure}");
}

#[test]
fn a_handshake_answer_that_is_not_acp_fails_the_open() {
    for result in [json!(null), json!([]), json!({"protocolVersion": "one"})] {
        let mut bench = configured();
        let opened = bench.open();
        let (_, effects) = initialized(&mut bench, &opened, &result);
        assert!(effects.answer().is_err(), "{result}");
    }
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let failure = reply(&mut bench, child, new, &json!({}))
        .answer()
        .unwrap_err();
    assert!(failure.message.contains("sessionId"), "{failure}");
}

#[test]
fn an_agent_that_never_answers_is_given_up_and_stopped() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, _) = opened.spawned();
    assert_eq!(bench.timers(), [1]);
    let effects = bench.timer(1);
    let failure = effects.answer().unwrap_err();
    assert!(failure.message.contains("does it speak ACP"), "{failure}");
    assert!(effects.contains(&Effect::Kill {
        child,
        signal: Signal::Terminate
    }));
}

#[test]
fn the_timer_of_a_finished_handshake_means_nothing() {
    let (mut bench, _) = ready();
    assert!(bench.timer(1).is_empty());
}

#[test]
fn updates_before_the_session_is_known_follow_the_answer_to_open() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let commands = json!({"sessionUpdate": "available_commands_update", "availableCommands": []});
    assert!(update(&mut bench, child, &commands).is_empty());
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "theirs"}));
    let answer = effects
        .iter()
        .position(|effect| matches!(effect, Effect::Answer { .. }));
    let update = effects
        .iter()
        .position(|effect| matches!(effect, Effect::Update(_)));
    assert!(answer < update, "{effects:#?}");
    assert_eq!(effects.updates(), [commands]);
}

#[test]
fn an_agent_that_floods_before_its_session_is_known_is_given_up() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, _) = opened.spawned();
    let flood = notification(&text(&"x".repeat(600 << 10)));
    assert!(bench.json(child, &flood).is_empty());
    assert!(bench.json(child, &flood).answer().is_err());
}

#[test]
fn requests_of_the_host_wait_for_the_session_in_order() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    assert!(
        bench
            .call("session/set_mode", &json!({"modeId": "plan"}))
            .is_empty()
    );
    assert!(bench.prompt("go").is_empty());
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "theirs"}));
    let methods: Vec<_> = effects
        .written_json()
        .iter()
        .map(|message| message["method"].clone())
        .collect();
    assert_eq!(methods, ["session/set_mode", "session/prompt"]);
}

#[test]
fn a_waiting_prompt_can_be_cancelled() {
    let mut bench = configured();
    bench.open();
    bench.prompt("go");
    let answer = bench.cancel().answer().unwrap();
    assert_eq!(answer["stopReason"], "cancelled");
}

#[test]
fn what_waits_for_the_session_is_bounded() {
    let mut bench = configured();
    let opened = bench.open();
    assert!(opened.answers().is_empty());
    let full = (0..65)
        .map(|_| bench.call("session/set_mode", &json!({})))
        .filter(|effects| !effects.answers().is_empty())
        .count();
    assert_eq!(full, 1);
}

#[test]
fn a_checkpointed_session_is_resumed_where_the_agent_can() {
    let mut bench = configured();
    let opened = bench.open_with(place(), Some(CHECKPOINT));
    let both = json!({
        "protocolVersion": 1,
        "agentCapabilities": {"loadSession": true, "sessionCapabilities": {"resume": {}}},
    });
    let (child, effects) = initialized(&mut bench, &opened, &both);
    let resume = sent(&effects, "session/resume");
    let params = &effects.written_json()[0]["params"];
    assert_eq!(params["sessionId"], "theirs");
    assert_eq!(params["cwd"], "/work");
    let modes = json!({"modes": {"currentModeId": "plan"}});
    let answer = reply(&mut bench, child, resume, &modes).answer().unwrap();
    assert_eq!(answer["modes"], modes["modes"]);
    let prompt = bench.prompt("on").written_json();
    assert_eq!(prompt[0]["params"]["sessionId"], "theirs");
}

#[test]
fn a_replay_is_dropped_and_what_says_how_the_agent_stands_is_kept() {
    let mut bench = configured();
    let opened = bench.open_with(place(), Some(CHECKPOINT));
    let answer = json!({"protocolVersion": 1, "agentCapabilities": {"loadSession": true}});
    let (child, effects) = initialized(&mut bench, &opened, &answer);
    let load = sent(&effects, "session/load");
    assert!(update(&mut bench, child, &text("old words")).is_empty());
    let commands = json!({"sessionUpdate": "available_commands_update", "availableCommands": []});
    assert_eq!(update(&mut bench, child, &commands).updates(), [commands]);
    assert!(
        reply(&mut bench, child, load, &json!(null))
            .answers()
            .is_empty()
    );
    // Some answer first and tell the rest then: silence is the end of it.
    assert!(
        update(&mut bench, child, &text("older words"))
            .updates()
            .is_empty()
    );
    assert!(bench.prompt("go on").written().is_empty());
    let effects = bench.timer(2);
    assert_eq!(
        effects.answers()[0].1.clone().unwrap()["_meta"]["acpAgent"]["agentCapabilities"]["loadSession"],
        true
    );
    sent(&effects, "session/prompt");
    assert_eq!(
        update(&mut bench, child, &text("new words")).text(),
        "new words"
    );
}

#[test]
fn an_agent_without_a_memory_starts_afresh_and_says_so() {
    let mut bench = configured();
    let opened = bench.open_with(place(), Some(CHECKPOINT));
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "another"}));
    assert_eq!(effects.answer(), Ok(json!({})));
    assert_eq!(effects.updates()[0]["sessionUpdate"], "notice");
    assert_eq!(bench.checkpoint(), Some(&br#"{"session":"another"}"#[..]));
}

#[test]
fn a_session_that_the_agent_has_lost_starts_afresh() {
    let mut bench = configured();
    let opened = bench.open_with(place(), Some(CHECKPOINT));
    let answer = json!({"protocolVersion": 1, "agentCapabilities": {"loadSession": true}});
    let (child, effects) = initialized(&mut bench, &opened, &answer);
    let load = sent(&effects, "session/load");
    let error = json!({"code": -32002, "message": "Resource not found"});
    let effects = refuse(&mut bench, child, load, &error);
    let new = sent(&effects, "session/new");
    assert_eq!(effects.written_json()[0]["params"].get("sessionId"), None);
    let early = json!({
        "method": "session/update",
        "params": {"sessionId": "another", "update": text("hello")},
    });
    assert!(bench.json(child, &early).is_empty());
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "another"}));
    assert_eq!(effects.updates()[0]["sessionUpdate"], "notice");
    assert_eq!(effects.text(), "hello");
}

#[test]
fn a_login_that_is_missing_at_a_resume_is_no_reason_to_start_afresh() {
    let mut bench = configured();
    let opened = bench.open_with(place(), Some(CHECKPOINT));
    let answer = json!({"protocolVersion": 1, "agentCapabilities": {"loadSession": true}});
    let (child, effects) = initialized(&mut bench, &opened, &answer);
    let load = sent(&effects, "session/load");
    let error = json!({"code": -32000, "message": "Authentication required"});
    let failure = refuse(&mut bench, child, load, &error)
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
}

#[test]
fn a_checkpoint_that_cannot_be_read_begins_a_new_session() {
    let mut bench = configured();
    let opened = bench.open_with(place(), Some(&b"\xff"[..]));
    let (_, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    sent(&effects, "session/new");
}

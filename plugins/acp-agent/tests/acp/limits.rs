//! Agents that cannot do something, and agents that do not answer.

use hostler_sdk::process::Stdio;
use hostler_sdk::process::{Exit, Signal};
use hostler_sdk::testing::Effect;
use hostler_sdk::{Event, Failure, McpServer, McpTransport, OpenParams};
use serde_json::json;

use crate::{configured, in_turn, initialized, ready, ready_as, reply, sent, update};

#[test]
fn a_prompt_with_what_the_agent_does_not_take_is_refused() {
    let image = json!([{"type": "image", "data": "", "mimeType": "image/png"}]);
    let (mut bench, _) = ready();
    let effects = bench.prompt_blocks(&image);
    let failure = effects.answer().unwrap_err();
    assert_eq!(failure.code, Failure::INVALID_PARAMS);
    assert!(
        failure.message.contains("agent takes no images"),
        "{failure}"
    );
    assert_eq!(effects.written(), "");
    sent(&bench.prompt("words"), "session/prompt");

    let capable = json!({"promptCapabilities": {"image": true, "audio": null}});
    let (mut bench, _) = ready_as(&capable, &json!({"sessionId": "theirs"}));
    sent(&bench.prompt_blocks(&image), "session/prompt");
    let audio = json!([{"type": "text", "text": "a"}, {"type": "audio"}]);
    let failure = bench.prompt_blocks(&audio).answer().unwrap_err();
    assert!(failure.message.contains("no sound"), "{failure}");
}

#[test]
fn servers_that_the_agent_cannot_use_are_left_out_and_named() {
    let params = OpenParams {
        cwd: "/work".to_owned(),
        mcp_servers: vec![McpServer {
            name: "phones".to_owned(),
            transport: McpTransport::Http {
                url: "http://127.0.0.1:1/mcp".to_owned(),
                headers: Vec::new(),
            },
        }],
        ..OpenParams::default()
    };
    let mut bench = configured();
    let opened = bench.open_with(params, None);
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    assert_eq!(effects.written_json()[0]["params"]["mcpServers"], json!([]));
    let effects = reply(&mut bench, child, new, &json!({"sessionId": "theirs"}));
    assert!(
        effects.updates()[0].to_string().contains("phones"),
        "{effects:#?}"
    );
}

#[test]
fn an_agent_that_does_not_stop_is_ended_and_the_turn_is_cancelled() {
    let (mut bench, child, _) = in_turn();
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "t"});
    update(&mut bench, child, &call);
    bench.cancel();
    for (signal, told) in [(Signal::Interrupt, 1), (Signal::Terminate, 0)] {
        assert!(bench.timers().contains(&3));
        let effects = bench.timer(3);
        assert!(effects.contains(&Effect::Kill { child, signal }));
        assert_eq!(effects.updates().len(), told, "people are told once");
    }
    let effects = bench.timer(3);
    assert!(effects.contains(&Effect::Kill {
        child,
        signal: Signal::Kill
    }));
    assert_eq!(effects.answer().unwrap()["stopReason"], "cancelled");
    let failed = effects.updates();
    assert!(
        failed
            .iter()
            .any(|update| update["toolCallId"] == "t" && update["status"] == "failed")
    );
    assert!(bench.exited(child, Exit::signal(9)).is_empty());
    let (next, _) = bench.prompt("again").spawned();
    assert_ne!(next, child);
}

#[test]
fn an_agent_that_ends_at_the_interrupt_is_not_killed() {
    let (mut bench, child, _) = in_turn();
    bench.cancel();
    bench.timer(3);
    let effects = bench.exited(child, Exit::signal(2));
    assert_eq!(effects.answer().unwrap()["stopReason"], "cancelled");
    assert!(bench.timer(3).is_empty());
}

#[test]
fn an_agent_that_stops_in_time_is_not_ended() {
    let (mut bench, child, prompt) = in_turn();
    bench.cancel();
    reply(
        &mut bench,
        child,
        prompt,
        &json!({"stopReason": "cancelled"}),
    );
    assert!(!bench.timers().contains(&3));
    assert!(bench.timer(3).is_empty());
}

#[test]
fn tool_calls_end_with_the_agent_and_those_that_have_ended_stay_so() {
    let (mut bench, child, _) = in_turn();
    let call = |id: &str| json!({"sessionUpdate": "tool_call", "toolCallId": id, "title": "t"});
    for id in ["open", "done"] {
        update(&mut bench, child, &call(id));
    }
    let done =
        json!({"sessionUpdate": "tool_call_update", "toolCallId": "done", "status": "completed"});
    update(&mut bench, child, &done);
    let updates = bench.exited(child, Exit::code(1)).updates();
    assert_eq!(
        updates,
        [json!({"sessionUpdate": "tool_call_update", "toolCallId": "open", "status": "failed"})]
    );
}

#[test]
fn a_setting_that_is_never_answered_fails_and_a_late_answer_is_dropped() {
    let (mut bench, child) = ready();
    let call = sent(
        &bench.call("session/set_mode", &json!({"modeId": "a"})),
        "session/set_mode",
    );
    let timer = bench.timers()[0];
    let failure = bench.timer(timer).answer().unwrap_err();
    assert!(failure.message.contains("within 60 s"), "{failure}");
    assert!(
        reply(&mut bench, child, call, &json!({}))
            .answers()
            .is_empty()
    );
}

#[test]
fn an_answer_that_cannot_be_read_is_not_waited_for() {
    for line in [
        r#"{"jsonrpc":"2.0","id":ID,"result":{"stopReason":"end_"#,
        r#"{"id":ID,"result":{"stopReason":"#,
    ] {
        let (mut bench, child, prompt) = in_turn();
        let line = line.replace("ID", &prompt.to_string());
        let effects = bench.line(child, &line);
        let failure = effects.answer().unwrap_err();
        assert!(failure.message.contains("damaged"), "{failure}");
        sent(&bench.prompt("again"), "session/prompt");
    }
}

#[test]
fn a_request_that_lost_bytes_is_asked_of_nobody() {
    let (mut bench, child, _) = in_turn();
    let whole =
        json!({"id": 4, "method": "fs/write_text_file", "params": {"content": "caf\u{fffd}"}});
    let cut = r#"{"id":5,"method":"session/request_permission","params":{"toolC"#;
    for text in [whole.to_string(), cut.to_owned()] {
        let effects = bench.event(Event::Line {
            child,
            source: Stdio::Out,
            text,
            lossy: true,
        });
        assert!(effects.asks().is_empty());
        assert!(
            effects.written_json()[0]["error"]["message"]
                .to_string()
                .contains("damaged")
        );
    }
}

#[test]
fn a_second_version_of_the_protocol_is_named_with_what_helps() {
    let mut bench = configured();
    let opened = bench.open();
    let (_, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 2}));
    let failure = effects.answer().unwrap_err();
    assert!(
        failure
            .message
            .contains("install a version of agent that speaks 1"),
        "{failure}"
    );
}

#[test]
fn a_login_that_is_lost_in_a_turn_says_the_ways_too() {
    let (mut bench, child, prompt) = in_turn();
    let error = json!({"code": -32000, "message": "token expired"});
    let failure = crate::refuse(&mut bench, child, prompt, &error)
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    assert!(
        failure
            .message
            .starts_with("agent needs a login: token expired"),
        "{failure}"
    );
}

#[test]
fn what_the_agent_says_of_itself_stands_in_the_answer() {
    let mut bench = configured();
    let opened = bench.open();
    let answer = json!({
        "protocolVersion": 1,
        "agentInfo": {"name": "a", "version": "1"},
        "agentCapabilities": {"promptCapabilities": {"image": true}, "_meta": {"x": 1}},
        "authMethods": [{"id": "o", "name": "O"}],
    });
    let (child, effects) = initialized(&mut bench, &opened, &answer);
    let new = sent(&effects, "session/new");
    let session = json!({"sessionId": "theirs", "_meta": {"theirs": 1}, "more": [1]});
    let opened = reply(&mut bench, child, new, &session).answer().unwrap();
    assert_eq!(opened["more"], json!([1]));
    assert_eq!(opened["_meta"]["theirs"], 1);
    let about = &opened["_meta"]["acpAgent"];
    for member in ["agentInfo", "agentCapabilities", "authMethods"] {
        assert_eq!(about[member], answer[member], "{member}");
    }
}

#[test]
fn who_logs_in_needs_no_session() {
    let mut bench = configured();
    let opened = bench.open();
    let login = bench.call_json("authenticate", r#"{"methodId":"oauth"}"#);
    assert_eq!(login.written(), "");
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let login = sent(&effects, "authenticate");
    assert_eq!(
        effects.written_json()[0]["params"],
        json!({"methodId": "oauth"})
    );
    assert!(!bench.timers().contains(&1), "a browser may take its time");
    let open =
        json!({"mode": "url", "requestId": 2, "url": "https://example.com", "message": "Open"});
    let line = json!({"id": 9, "method": "elicitation/create", "params": open});
    let asks = bench.json(child, &line).asks();
    assert_eq!(asks[0].1, "elicitation/create", "it goes to who logs in");
    let written = bench
        .answered(asks[0].0, &json!({"action": "accept"}))
        .written_json();
    assert_eq!(written[0]["result"], json!({"action": "accept"}));
    assert_eq!(
        reply(&mut bench, child, login, &json!(null)).answer(),
        Ok(json!({}))
    );
}

#[test]
fn a_login_after_a_refusal_starts_the_agent_again() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let new = sent(&effects, "session/new");
    let error = json!({"code": -32000, "message": "log in"});
    crate::refuse(&mut bench, child, new, &error);
    let again = bench.call_json("authenticate", r#"{"methodId":"oauth"}"#);
    let (child, effects) = initialized(&mut bench, &again, &json!({"protocolVersion": 1}));
    let login = sent(&effects, "authenticate");
    let error = json!({"code": -32603, "message": "the browser was closed"});
    let failure = crate::refuse(&mut bench, child, login, &error)
        .answer()
        .unwrap_err();
    assert_eq!(failure.message, "the browser was closed");
}

#[test]
fn a_conversation_is_forked_where_the_agent_can() {
    let checkpoint = br#"{"session":"theirs"}"#.to_vec();
    let can = json!({
        "protocolVersion": 1,
        "agentCapabilities": {"sessionCapabilities": {"fork": {}}},
    });
    let fork = || hostler_sdk::Origin::Fork(checkpoint.clone());
    let mut bench = configured();
    let opened = bench.open_with(OpenParams::default(), fork());
    let (child, effects) = initialized(&mut bench, &opened, &can);
    let call = sent(&effects, "session/fork");
    assert_eq!(effects.written_json()[0]["params"]["sessionId"], "theirs");
    let effects = reply(&mut bench, child, call, &json!({"sessionId": "copy"}));
    assert!(effects.answer().is_ok());
    assert_eq!(bench.checkpoint(), Some(&br#"{"session":"copy"}"#[..]));

    let mut bench = configured();
    let opened = bench.open_with(OpenParams::default(), fork());
    let (_, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    let failure = effects.answer().unwrap_err();
    assert_eq!(failure.code, Failure::METHOD_NOT_FOUND);
}

use super::*;
use serde_json::{Value, json};

const PIPES: Style = Style {
    out_terminal: false,
    err_terminal: false,
    colour: false,
};
const TERMINAL: Style = Style {
    out_terminal: true,
    err_terminal: true,
    colour: true,
};

/// Stdout and stderr after these updates.
fn shown(style: Style, updates: &[Value]) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut renderer = Renderer::new(&mut out, &mut err, style);
    for update in updates {
        let update = serde_json::from_value(update.clone()).unwrap();
        renderer.update(update).unwrap();
    }
    renderer.finish().unwrap();
    (
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    )
}

fn say(text: &str) -> Value {
    json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})
}

fn message(id: &str, text: &str) -> Value {
    let mut chunk = say(text);
    chunk["messageId"] = id.into();
    chunk
}

fn think(text: &str) -> Value {
    json!({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": text}})
}

fn call(status: &str) -> Value {
    json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "touch made.txt", "status": status})
}

fn call_update(status: &str, content: &Value) -> Value {
    json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": status, "content": content})
}

#[test]
fn a_pipe_gets_the_message_alone_and_untouched() {
    let (out, err) = shown(
        PIPES,
        &[
            think("hm"),
            message("1", "a\x1b[1m"),
            message("1", "b"),
            message("2", "c"),
        ],
    );
    assert_eq!(out, "a\x1b[1mb\nc\n");
    assert_eq!(err, "");
}

#[test]
fn a_terminal_gets_thoughts_dimmed_and_no_control_characters() {
    let (out, err) = shown(TERMINAL, &[think("a\x1b[2J"), think("b"), say("c\x07")]);
    assert_eq!(out, "c\\u{7}\n");
    assert_eq!(err, "\x1b[2ma\\u{1b}[2J\x1b[0m\x1b[2mb\x1b[0m\n");
}

#[test]
fn a_tool_call_is_shown_once_for_each_status() {
    let text =
        json!([{"type": "content", "content": {"type": "text", "text": "```\nno\nway\n```"}}]);
    let (out, err) = shown(
        PIPES,
        &[
            say("first"),
            call("pending"),
            call_update("in_progress", &json!(null)),
            call_update("in_progress", &json!(null)),
            call_update("failed", &text),
            say("then"),
        ],
    );
    assert_eq!(out, "first\nthen\n");
    assert_eq!(
        err,
        "… touch made.txt (running)\n✗ touch made.txt (failed)\n    no way\n"
    );
}

#[test]
fn an_edit_that_is_done_shows_its_diff() {
    let diff =
        json!([{"type": "diff", "path": "/w/a.txt", "oldText": "a\nb\n", "newText": "a\nc\n"}]);
    let (_, err) = shown(
        PIPES,
        &[call("in_progress"), call_update("completed", &diff)],
    );
    assert!(
        err.ends_with("✓ touch made.txt (done)\n    /w/a.txt\n      a\n    - b\n    + c\n"),
        "{err}"
    );
}

#[test]
fn an_update_of_an_unknown_tool_call_is_shown_by_its_id() {
    let (_, err) = shown(PIPES, &[call_update("completed", &json!([]))]);
    assert_eq!(err, "✓ tool call t (done)\n");
}

#[test]
fn a_plan_is_shown_whole_and_then_what_changes() {
    let plan = |first: &str| {
        let entry = |content: &str, status: &str| json!({"content": content, "priority": "medium", "status": status});
        json!({"sessionUpdate": "plan", "entries": [entry("read", first), entry("write", "pending")]})
    };
    let (_, err) = shown(
        PIPES,
        &[plan("pending"), plan("in_progress"), plan("completed")],
    );
    assert_eq!(err, "[ ] read\n[ ] write\n[>] read\n[x] read\n");
}

#[test]
fn a_notice_is_shown_with_its_description() {
    let notice = json!({
        "sessionUpdate": "notice", "severity": "warning",
        "title": "Retrying", "description": "the model answered 529",
    });
    let (out, err) = shown(PIPES, &[notice]);
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("", "! Retrying\n    the model answered 529\n")
    );
}

#[test]
fn on_a_terminal_a_tool_call_begins_on_a_line_of_its_own() {
    let (out, _) = shown(TERMINAL, &[say("let me"), call("completed"), say("ok\n")]);
    assert_eq!(out, "let me\nok\n");
}

#[test]
fn what_interrupts_a_question_begins_on_a_line_of_its_own() {
    let mut err = Vec::new();
    let mut renderer = Renderer::new(Vec::new(), &mut err, TERMINAL);
    renderer.question(&["Choose: ".into()]).unwrap();
    renderer.say("gone").unwrap();
    renderer.question(&["Choose: ".into()]).unwrap();
    renderer.typed();
    renderer.say("done").unwrap();
    assert_eq!(
        String::from_utf8(err).unwrap(),
        "Choose: \ngone\nChoose: done\n"
    );
}

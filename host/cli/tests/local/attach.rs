//! `hostler session attach` and `watch`.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    process::Stdio,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::{Value, json};

use crate::stage::{Door, Peer, Played};

fn listed(host: &mut Peer) {
    host.hello();
    let list = host.request("session/list");
    let sessions = json!([{"sessionId": "s-1", "cwd": "/work", "title": "Fix it"}]);
    host.answer(&list, &json!({ "sessions": sessions }));
}

fn attached(more: &Value) -> Value {
    let mut answer = json!({
        "epoch": 1, "headSeq": 4, "reset": true, "busy": false, "openPermissions": [],
        "control": {"mode": "shared", "holder": null, "controlEpoch": 0, "you": true},
        "clients": [], "queue": [], "terminals": [],
        "title": "Fix it", "harness": "claude-code", "cwd": "/work", "access": "owner",
    });
    for (name, value) in more.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer
}

fn user(text: &str, key: Option<&Value>) -> Value {
    let mut update = json!({"sessionUpdate": "user_message_chunk",
                            "content": {"type": "text", "text": text}});
    if let Some(key) = key {
        update["_meta"] = json!({"hostler": {"prompt": key}});
    }
    update
}

fn end(key: Option<&Value>) -> Value {
    let turn = json!({"state": "ended", "stopReason": "end_turn", "prompt": key});
    json!({"sessionUpdate": "session_info_update", "_meta": {"hostler": {"turn": turn}}})
}

/// The past, of two turns, up to its end.
fn past(host: &mut Peer) {
    host.update((1, 1), &user("first", None));
    host.says((1, 2), "One.");
    host.update((1, 3), &user("second", None));
    host.says((1, 4), "Two.");
    let barrier = host.request("_hostler/terminal/list");
    host.fail(&barrier, "FORBIDDEN", "no shell");
}

fn interrupt(run: &Played) {
    let pid = Pid::from_raw(run.bridge.child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

#[test]
fn a_watcher_sees_the_last_turns_and_what_happens_and_answers_nothing() {
    let args = ["session", "watch", "s", "--history", "1"];
    let (shown, is_shown) = channel();
    let mut run = Played::run(&args, move |host| {
        listed(host);
        let attach = host.request("_hostler/session/attach");
        assert_eq!(
            attach["params"],
            json!({"sessionId": "s-1", "replay": true})
        );
        let bob = json!([{"client": "b", "principal": "bob", "name": "zed", "drives": true}]);
        host.answer(&attach, &attached(&json!({ "clients": bob })));
        past(host);
        host.json(
            &json!({"jsonrpc": "2.0", "id": "s-1/1", "method": "session/request_permission",
            "params": {"sessionId": "s-1", "toolCall": {"toolCallId": "t", "title": "rm x"},
                       "options": []}}),
        );
        host.update((1, 5), &end(None));
        host.json(&json!({"jsonrpc": "2.0", "method": "_hostler/presence",
                          "params": {"sessionId": "s-1", "clients": []}}));
        // It answers when all before it was taken.
        host.0
            .send(tokio_tungstenite::tungstenite::Message::Ping(
                Vec::new().into(),
            ))
            .unwrap();
        assert!(
            host.0.read().unwrap().is_pong(),
            "no answer to the question"
        );
        shown.send(()).unwrap();
        host.close();
    });
    is_shown.recv().unwrap();
    // The last line may be on its way.
    let mut stderr = run.bridge.stderr_until("(- zed (bob) has left)\n");
    interrupt(&run);
    let (stdout, code, rest) = run.end();
    stderr.push_str(&rest);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout, "Two.\n");
    let expected = "Fix it (claude-code) in /work
You only look. Ctrl-C leaves; the session goes on.
Also here: zed (bob), who drives.
(what was before is left out; --history all shows it)
» second
? rm x (left to others to answer)
— the turn has ended
(- zed (bob) has left)
";
    assert_eq!(stderr, expected);
}

#[test]
fn prompts_of_a_script_are_answered_before_it_leaves_and_a_lost_connection_costs_nothing() {
    let args = ["session", "attach", "s-1", "--history", "none"];
    let mut run = Played::serve(&args, |door| {
        let mut host = door.peer();
        listed(&mut host);
        let attach = host.request("_hostler/session/attach");
        assert_eq!(attach["params"]["replay"], false);
        host.answer(&attach, &attached(&json!({})));
        let barrier = host.request("_hostler/terminal/list");
        host.answer(&barrier, &json!({"terminals": []}));
        let prompt = host.request("session/prompt");
        let key = prompt["params"]["_meta"]["hostler"]["key"].clone();
        host.update((1, 5), &user("do it", Some(&key)));
        host.says((1, 6), "Half, ");
        drop(host);

        let mut host = door.peer();
        host.hello();
        let attach = host.request("_hostler/session/attach");
        assert_eq!(attach["params"]["after"], json!({"epoch": 1, "seq": 6}));
        host.answer(&attach, &attached(&json!({"reset": false, "headSeq": 7})));
        host.says((1, 7), "whole.");
        let again = host.request("session/prompt");
        assert_eq!(again["params"], prompt["params"]);
        host.update((1, 8), &end(Some(&key)));
        host.answer(&again, &json!({"stopReason": "end_turn"}));
        host.close();
    });
    run.bridge.line("do it");
    run.bridge.close();
    let (stdout, code, stderr) = run.end();
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stdout, "Half, whole.\n");
    let expected = "Fix it (claude-code) in /work
» do it
(the connection was lost and is back; what was missed follows)
— the turn has ended
";
    assert_eq!(stderr, expected);
}

#[test]
fn a_prompt_of_somebody_who_does_not_drive_is_refused_with_the_way_out() {
    let mut run = Played::run(&["session", "attach", "s-1"], |host| {
        listed(host);
        let attach = host.request("_hostler/session/attach");
        let holder = json!({"client": "z", "principal": "bob", "name": "zed"});
        let control = json!({"mode": "lease", "holder": holder, "controlEpoch": 1, "you": false});
        host.answer(
            &attach,
            &attached(&json!({"control": control, "headSeq": 0})),
        );
        let barrier = host.request("_hostler/terminal/list");
        host.answer(&barrier, &json!({}));
        let prompt = host.request("session/prompt");
        host.fail(&prompt, "NOT_CONTROLLER", "zed drives this session");
        host.close();
    });
    run.bridge.line("do it");
    run.bridge.close();
    let (_, code, stderr) = run.end();
    assert_eq!(code, 5, "{stderr}");
    assert!(
        stderr.contains("(zed (bob) drives now; /take takes over)"),
        "{stderr}"
    );
    let refused = "the prompt failed: zed drives this session (NOT_CONTROLLER); /take";
    assert!(stderr.contains(refused), "{stderr}");
}

#[test]
fn a_session_that_is_gone_after_a_lost_connection_ends_the_watch() {
    let run = Played::serve(&["session", "watch", "s-1"], |door| {
        let mut host = door.peer();
        listed(&mut host);
        let attach = host.request("_hostler/session/attach");
        host.answer(&attach, &attached(&json!({})));
        past(&mut host);
        drop(host);
        let mut host = door.peer();
        host.hello();
        let attach = host.request("_hostler/session/attach");
        host.fail(&attach, "UNKNOWN_SESSION", "there is no session s-1");
        host.close();
    });
    let (stdout, code, stderr) = run.end();
    assert_eq!(code, 4, "{stderr}");
    assert_eq!(stdout, "One.\nTwo.\n");
    let said = "hostler: the session cannot be gone on with: there is no session s-1\n";
    assert!(stderr.ends_with(said), "{stderr}");
}

#[test]
fn a_program_can_watch_the_messages_as_they_came() {
    let mut run = Played::run(&["session", "watch", "s-1", "--json"], |host| {
        listed(host);
        let attach = host.request("_hostler/session/attach");
        host.answer(&attach, &attached(&json!({})));
        past(host);
        host.close();
    });
    for seq in 1..=4 {
        let message = run.bridge.next();
        assert_eq!(message["params"]["_meta"]["hostler"]["seq"], seq);
    }
    run.bridge.next();
    interrupt(&run);
    assert_eq!(run.end(), (String::new(), 0, String::new()));
}

#[test]
fn a_host_that_cannot_be_attached_to_is_said_so() {
    let run = Played::run(&["session", "watch", "s-1"], |host| {
        let hello = host.request("initialize");
        host.answer(
            &hello,
            &json!({"protocolVersion": 1, "agentCapabilities": {}}),
        );
        host.close();
    });
    let (_, code, stderr) = run.end();
    assert_eq!(code, 4);
    assert!(stderr.contains("older than this program"), "{stderr}");
}

/// How long a person waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A person at a terminal.
struct Person {
    terminal: File,
    screen: Receiver<String>,
    seen: String,
}

impl Person {
    /// Waits for this on the screen.
    fn sees(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(more) => self.seen.push_str(&more),
                Err(_) => panic!("{text:?} is not in {:?}", self.seen),
            }
        }
        // What was before is not looked at again.
        let at = self.seen.find(text).unwrap() + text.len();
        self.seen.drain(..at);
    }

    fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }
}

fn at_a_terminal(script: impl FnOnce(&Door) + Send + 'static) -> (Played, Person) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let side = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let args = ["session", "attach", "s-1"];
    let run = Played::with(&args, script, |command| {
        command
            .stdin(Stdio::from(side.try_clone().unwrap()))
            .stdout(Stdio::from(side.try_clone().unwrap()))
            .stderr(Stdio::from(side));
    });
    let terminal = File::from(terminal);
    let mut reader = terminal.try_clone().unwrap();
    let (sender, screen) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        // Until the program has ended.
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    let person = Person {
        terminal,
        screen,
        seen: String::new(),
    };
    (run, person)
}

#[test]
fn a_person_at_a_terminal_prompts_answers_a_question_and_leaves() {
    let (run, mut person) = at_a_terminal(|door| {
        let mut host = door.peer();
        listed(&mut host);
        let attach = host.request("_hostler/session/attach");
        host.answer(&attach, &attached(&json!({})));
        past(&mut host);
        let prompt = host.request("session/prompt");
        assert_eq!(prompt["params"]["prompt"][0]["text"], "clean up");
        let key = prompt["params"]["_meta"]["hostler"]["key"].clone();
        host.update((1, 5), &user("clean up", Some(&key)));
        let second = host.request("session/prompt");
        let option = |id: &str| json!({"optionId": id, "name": id, "kind": id});
        host.json(
            &json!({"jsonrpc": "2.0", "id": "s-1/1", "method": "session/request_permission",
            "params": {"sessionId": "s-1", "toolCall": {"toolCallId": "t", "title": "rm x"},
                       "options": [option("allow_once"), option("reject_once")]}}),
        );
        let answer: Value = serde_json::from_str(&host.next()).unwrap();
        assert_eq!(answer["result"]["outcome"]["optionId"], "reject_once");
        host.update((1, 6), &end(Some(&key)));
        host.answer(&prompt, &json!({"stopReason": "end_turn"}));
        let cancel = host.request("session/cancel");
        assert_eq!(cancel["params"]["sessionId"], "s-1");
        host.answer(&second, &json!({"stopReason": "cancelled"}));
        let take = host.request("_hostler/control/take");
        host.fail(&take, "NOT_CONTROLLER", "everybody drives here");
        host.close();
    });
    person.sees("/help shows what else there is");
    person.sees("» first");
    person.sees("Two.");
    person.types("clean up\n");
    person.types("and then\n");
    person.sees("(waits for its turn)");
    person.sees("May it do this: rm x");
    person.sees("Choose 1 to 2: ");
    person.types("2\n");
    person.sees("→ reject_once: rm x");
    person.sees("— the turn has ended");
    person.types("/cancel\n");
    person.sees("cancelling the turn");
    person.types("/who\n");
    person.sees("drives: everybody who may");
    person.types("/take\n");
    person.sees("everybody drives here");
    // Ctrl-D.
    person.types("\x04");
    let (_, code, _) = run.end();
    assert_eq!(code, 0);
}

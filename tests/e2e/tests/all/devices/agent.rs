//! The real Claude Code drives a phone with the tools that its session was given.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use agent_client_protocol::v1::schema::{PermissionOptionKind, StopReason};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hostler_e2e::{
    Client, Decision, Host, Page, Person,
    page::{GREEN, background},
};
use hostler_test_support::{Need, program, search_path, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::stage::{PHONES, key, leases, until};
use crate::claude::{Setup, setup_with};

const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/claude-code"),
    Need::Component("plugins/local"),
    Need::Component("plugins/webdriver"),
    Need::Program("chromedriver"),
    Need::Program("claude"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "claude_drives_a_phone_with_the_tools_of_its_session_and_leaves_nothing",
        NEEDS,
        drives,
    )]
}

/// Stands for `claude` on the PATH: the real one, whose standard input is kept in
/// a file. What it is given is secret, so nothing else can tell the test of it.
fn overheard(folder: &Path) -> String {
    let real = program("claude").expect("claude");
    let script = format!(
        "#!/bin/sh\ncase \"$1\" in\n--output-format) tee -a '{}' | '{real}' \"$@\" ;;\n\
         *) exec '{real}' \"$@\" ;;\nesac\n",
        folder.join("heard").display(),
        real = real.display(),
    );
    let file = folder.join("claude");
    fs::write(&file, script).expect("a script");
    fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("its mode");
    let path = search_path().into_string().expect("a PATH in UTF-8");
    format!("{}:{path}", folder.display())
}

async fn drives() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = overheard(folder.path());
    // Nothing has listed its devices yet: the agent has its tools all the same.
    let Setup { host, .. } = &setup_with(PHONES, &[("PATH", &path)]).await;
    let page = Page::serve();
    let call = |tool: &str, input: Value| format!("[[call mcp__hostler__{tool} {input}]]");
    let open = json!({ "device": "phone-1", "url": page.url("claude") });
    let prompt = [
        call("device_open", open),
        call("device_snapshot", json!({})),
        call("device_tap", json!({ "target": "role=button" })),
        call("device_screenshot", json!({})),
    ]
    .concat();

    let decision = Decision::Choose(PermissionOptionKind::AllowOnce);
    Client::run(host, decision, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        let end = client.prompt(&session, &prompt).await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let seen = client.seen();
        let asked = seen.iter().filter(|it| it["sessionUpdate"] == "permission");
        assert_eq!(asked.count(), 4, "{seen:#?}");
        let calls = client.tool_calls();
        let calls: Vec<_> = calls.iter().map(|id| client.tool_call(id)).collect();
        assert_eq!(calls.len(), 4, "{calls:#?}");
        for call in &calls {
            assert_eq!(call["status"], "completed", "{call:#}");
        }
        assert!(calls[1].to_string().contains("Count"), "{:#}", calls[1]);
        assert_eq!(page.record(), ["claude tap"]);
        assert_eq!(background(&picture(&calls[3])), GREEN);

        // It is the session's, and as secret as it is private.
        let holders: Vec<_> = leases(host).into_keys().collect();
        let [(holder, device)] = &holders[..] else {
            panic!("{holders:?}");
        };
        assert!(holder.ends_with(&format!("/session:{session}")), "{holder}");
        assert_eq!(device, &key("phone-1"));
        let token = token(folder.path());
        let agent = Person::with_token(host, "agent", &token);
        let exit = |args: &[&str]| {
            let tried = agent.hostler(host, args).output().expect("hostler");
            tried.status.code()
        };
        assert_eq!(exit(&["devices"]), Some(0));
        assert_eq!(exit(&["session", "list"]), Some(4), "it may do no more");
        let id = session.to_string();
        is_nowhere(host, &token, &id);

        let state = host.state().display().to_string();
        let closed = host.run(&["session", "close", &id, "--state-dir", &state]);
        assert!(closed.status.success(), "{closed:?}");
        until("end of its leases", || leases(host), |left| left.is_empty());
        assert_eq!(exit(&["devices"]), Some(4), "the token ended with it");
        is_nowhere(host, &token, &id);
    })
    .await;
}

/// The picture that a tool call shows.
fn picture(call: &Value) -> Vec<u8> {
    let content = call["content"].as_array().into_iter().flatten();
    let mut images = content.filter_map(|it| it["content"]["data"].as_str());
    let data = images.next().unwrap_or_else(|| panic!("{call:#}"));
    BASE64_STANDARD.decode(data).expect("base64")
}

/// The token that the agent was given.
fn token(folder: &Path) -> String {
    let heard = fs::read_to_string(folder.join("heard")).expect("what claude was told");
    let token = heard.split_once("Bearer ").and_then(|(_, rest)| {
        let end = rest.find(['"', '\\'])?;
        Some(rest[..end].to_owned())
    });
    let token = token.unwrap_or_else(|| panic!("no token in {heard}"));
    assert!(token.len() >= 32, "{token}");
    token
}

/// The token is in no file of the host's or the agent's, not in what the host
/// logs or exports, and on no command line or in an environment.
fn is_nowhere(host: &Host, token: &str, session: &str) {
    assert!(!host.log().contains(token), "in the log");
    let state = host.state().display().to_string();
    let export = host.run(&["session", "export", session, "--state-dir", &state]);
    assert!(export.status.success(), "{export:?}");
    assert!(!has(&export.stdout, token), "in the export");
    let mut left = vec![host.folder().to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() && !path.is_symlink() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        } else if path.is_file() {
            let content = fs::read(&path).unwrap_or_default();
            assert!(!has(&content, token), "in {}", path.display());
        }
    }
    for process in fs::read_dir("/proc").expect("/proc").flatten() {
        for name in ["cmdline", "environ"] {
            let path = process.path().join(name);
            let content = fs::read(&path).unwrap_or_default();
            assert!(!has(&content, token), "in {}", path.display());
        }
    }
}

fn has(content: &[u8], token: &str) -> bool {
    let token = token.as_bytes();
    content.windows(token.len()).any(|window| window == token)
}

//! What people are told of the real Claude Code CLI's surroundings, and what they
//! may tell it: MCP servers that do not start, hooks that fail, words in the middle
//! of a turn, the mode in which nobody is asked.

use hostler_e2e::{Client, Decision, Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    claude::{NEEDS, Setup, setup, setup_with},
    claude_shows::says,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "claude_names_an_mcp_server_that_does_not_start",
            NEEDS,
            broken_server,
        ),
        trial("claude_tells_of_a_hook_that_fails", NEEDS, hook),
        trial("claude_takes_words_in_the_middle_of_a_turn", NEEDS, steered),
        trial("claude_asks_nobody_where_that_was_allowed", NEEDS, bypass),
        trial(
            "claude_cannot_be_told_to_ask_nobody_unless_allowed",
            NEEDS,
            no_bypass,
        ),
    ]
}

/// A session with these MCP servers, of a client that shows notices.
async fn session(peer: &mut Peer, host: &Host, servers: Value) -> String {
    let new = json!({
        "cwd": host.work(), "mcpServers": servers, "_meta": {"hostler": {"harness": "claude-code"}},
    });
    let answer = peer.ask("session/new", &new).await;
    let session = answer["result"]["sessionId"].as_str();
    session.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn broken_server() {
    let Setup { host, .. } = &setup().await;
    let mut peer = Peer::start(host).await;
    let servers = json!([
        {"name": "gone", "command": "/no/such/program", "args": [], "env": []},
    ]);
    let session = session(&mut peer, host, servers).await;
    let told = |message: &Value| {
        let text = message["params"]["update"].to_string();
        text.contains("The MCP server gone (/no/such/program) does not work")
            && text.contains("ENOENT")
    };
    peer.wait_for(told).await;
    let prompt = peer.begin_prompt(&session, "[[text It works.]]").await;
    let end = peer.answer(prompt).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    // The next turn has it in its list, and people know.
    let again = peer.early.iter().filter(|message| {
        let text = message.to_string();
        text.contains("The MCP server gone")
    });
    assert_eq!(again.count(), 0);
}

async fn hook() {
    let Setup { host, .. } = &setup().await;
    let folder = host.work().join(".claude");
    std::fs::create_dir(&folder).unwrap();
    let run = |command: &str| json!([{"hooks": [{"type": "command", "command": command}]}]);
    let settings = json!({"hooks": {
        "UserPromptSubmit": run("echo broken >&2; exit 1"),
        "PreToolUse": run("echo not here >&2; exit 2"),
    }});
    std::fs::write(folder.join("settings.json"), settings.to_string()).unwrap();
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let prompt = "[[bash touch made.txt]] [[text Well.]]";
        client.prompt(&session.session_id, prompt).await.unwrap();
        let failed = says("The hook UserPromptSubmit failed (exit code 1): broken");
        client.wait_for("the hook that fails", failed).await;
        let forbids = says("The hook PreToolUse:Bash said no: not here");
        client.wait_for("the hook that forbids", forbids).await;
        assert!(!host.work().join("made.txt").exists());
    })
    .await;
}

async fn steered() {
    let Setup { host, .. } = &setup().await;
    let mut peer = Peer::positioned(host, "one", &host.token()).await;
    let session = session(&mut peer, host, json!([])).await;
    let words = json!({
        "sessionId": session, "prompt": [{"type": "text", "text": "[[text Steered.]]"}],
    });
    let refused = peer.ask("_hostler/session/steer", &words).await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    // In the middle of a tool, whose result they go to the model with; at the end of
    // the turn, when there is no further step; and when the turn fails.
    for prompt in [
        r#"[[call Bash {"command":"sleep 2","description":"d"}]] [[text Not this.]]"#,
        "[[slow 100 20]]",
        "[[status 500]]",
    ] {
        peer.early.clear();
        let end = peer.begin_prompt(&session, prompt).await;
        let works = |message: &Value| {
            let update = &message["params"]["update"];
            let first = update["content"]["text"].as_str().unwrap_or_default();
            update["sessionUpdate"] == "tool_call" || first == "word0 " || first.contains("500")
        };
        peer.wait_for(works).await;
        let answer = peer.ask("_hostler/session/steer", &words).await;
        assert_eq!(answer["result"], json!({}), "{answer}");
        let end = peer.answer(end).await;
        assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
        let said = |kind: &str| -> String {
            let updates = peer
                .early
                .iter()
                .map(|message| &message["params"]["update"]);
            let updates = updates.filter(|update| update["sessionUpdate"] == kind);
            updates
                .filter_map(|update| update["content"]["text"].as_str())
                .collect()
        };
        assert!(said("user_message_chunk").ends_with("[[text Steered.]]"));
        let text = said("agent_message_chunk");
        assert!(text.ends_with("Steered."), "{text}");
        assert!(!text.contains("Not this."), "{text}");
    }
}

async fn bypass() {
    let settings = "[workspace]\nroots = [\"$WORK\"]\n\
                    [plugins.claude-code.config]\nbypass = true\n";
    // Claude Code does not do it for root, unless it is told that it is confined.
    let Setup { host, .. } = &setup_with(settings, &[("IS_SANDBOX", "1")]).await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let session = session.session_id;
        client.choose(&session, "mode", "bypassPermissions").await;
        client
            .prompt(&session, "[[bash touch made.txt]]")
            .await
            .unwrap();
        assert!(host.work().join("made.txt").exists());
    })
    .await;
}

async fn no_bypass() {
    let Setup { host, .. } = &setup().await;
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "claude-code").await.unwrap();
        let chosen = client
            .try_choose(&session.session_id, "mode", "bypassPermissions")
            .await;
        let refused = chosen.unwrap_err().to_string();
        assert!(refused.contains("there is no mode"), "{refused}");
    })
    .await;
}

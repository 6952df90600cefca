//! The harnesses that are measured, and all that differs between them.

use std::{fs, path::Path};

use anyhow::Result;
use serde_json::json;

use crate::bare::Protocol;

/// Variables for a program.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// A coding agent with the plugin that adapts it, and the adapter that people use
/// without Hostler.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) title: &'static str,
    pub(crate) plugin: &'static str,
    /// As the plugin finds it on the PATH.
    pub(crate) program: &'static str,
    /// What is there instead of it where its own speed would hide what is measured.
    pub(crate) stand_in: &'static str,
    pub(crate) peer: &'static str,
    /// The variable that tells the peer where the program is.
    pub(crate) peer_finds_it_by: &'static str,
    /// How it is talked to without anything in front of it.
    pub(crate) protocol: Protocol,
    /// Makes it ask a model server at this URL, and keep its files in this home;
    /// with the tools that the plugin gives it, so that it is the same agent behind
    /// whatever is in front of it.
    pub(crate) settle: fn(home: &Path, url: &str) -> Result<Environment>,
}

pub(crate) static HARNESSES: [Harness; 2] = [
    Harness {
        title: "Claude Code",
        plugin: "claude-code",
        program: "claude",
        stand_in: "stand-in-claude",
        peer: "claude-agent-acp",
        peer_finds_it_by: "CLAUDE_CODE_EXECUTABLE",
        protocol: Protocol {
            arguments: &[
                "--output-format",
                "stream-json",
                "--verbose",
                "--input-format",
                "stream-json",
                "--permission-prompt-tool=stdio",
                "--include-partial-messages",
                "--include-hook-events",
                "--permission-mode=default",
                "--setting-sources=user,project,local",
            ],
            opening: |_| {
                let asked = json!({"subtype": "initialize", "hooks": {}});
                vec![json!({"type": "control_request", "request_id": "1", "request": asked})]
            },
            answers: |line, asked| line["response"]["request_id"] == asked["request_id"],
            prompt: |_, text| {
                let message = json!({"role": "user", "content": text});
                json!({"type": "user", "message": message, "parent_tool_use_id": null})
            },
            piece: |line| {
                let delta = &line["event"]["delta"];
                delta["text"]
                    .as_str()
                    .filter(|_| delta["type"] == "text_delta")
            },
            ended: |line| line["type"] == "result",
        },
        settle: |home, url| {
            let on = || "1".to_owned();
            Ok(vec![
                (
                    "CLAUDE_CONFIG_DIR",
                    home.join(".claude").display().to_string(),
                ),
                ("ANTHROPIC_API_KEY", "sk-dummy".to_owned()),
                ("ANTHROPIC_BASE_URL", url.to_owned()),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", on()),
                ("DISABLE_AUTOUPDATER", on()),
                ("DISABLE_TELEMETRY", on()),
                ("CLAUDE_CODE_ENABLE_TODO_TOOLS", on()),
            ])
        },
    },
    Harness {
        title: "Codex",
        plugin: "codex",
        program: "codex",
        stand_in: "stand-in-codex",
        peer: "codex-acp",
        peer_finds_it_by: "CODEX_PATH",
        protocol: Protocol {
            arguments: &["app-server"],
            opening: |cwd| {
                let client = json!({"name": "bench", "title": "Bench", "version": "0"});
                let able = json!({"experimentalApi": true, "requestAttestation": false});
                vec![
                    json!({"id": 1, "method": "initialize", "params": {
                        "clientInfo": client, "capabilities": able,
                    }}),
                    json!({"method": "initialized"}),
                    json!({"id": 2, "method": "thread/start", "params": {"cwd": cwd}}),
                ]
            },
            answers: |line, asked| line["id"] == asked["id"] && line["method"].is_null(),
            prompt: |opened, text| {
                let thread = &opened["result"]["thread"]["id"];
                let input = json!([{"type": "text", "text": text, "text_elements": []}]);
                let params = json!({"threadId": thread, "input": input});
                json!({"id": 3, "method": "turn/start", "params": params})
            },
            piece: |line| {
                let is = line["method"] == "item/agentMessage/delta";
                line["params"]["delta"].as_str().filter(|_| is)
            },
            ended: |line| line["method"] == "turn/completed",
        },
        settle: |home, url| {
            let codex = home.join(".codex");
            fs::create_dir_all(&codex)?;
            fs::write(codex.join("config.toml"), CODEX.replace("$URL", url))?;
            Ok(vec![
                ("CODEX_HOME", codex.display().to_string()),
                ("OPENAI_API_KEY", "sk-dummy".to_owned()),
            ])
        },
    },
];

impl Harness {
    /// What the table calls it: with the real program behind it, or not.
    pub(crate) fn behind(&self, real: bool) -> String {
        match real {
            true => format!("real {}", self.title),
            false => format!("{}'s stand-in", self.title),
        }
    }
}

/// Codex's own settings.
const CODEX: &str = r#"
model = "gpt-5.5"
model_provider = "scripted"
approval_policy = "on-request"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[tools.update_plan]
enabled = true
[model_providers.scripted]
name = "scripted"
base_url = "$URL/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
"#;

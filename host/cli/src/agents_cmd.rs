//! `hostler agents`.

use std::fmt::Write as _;

use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use hostler_server::AgentsView;
use hostler_session::Agent;
use hyper::Method;

use crate::{
    args,
    client::{place::Place, text::one_line},
    exit::{Exit, Failure},
    plugin_cmd::print,
};

/// Longest name, in characters.
const NAME: usize = 80;

/// Longest sentence, in characters.
const WHY: usize = 400;

pub(crate) async fn run(args: args::Agents) -> Result<Exit, Failure> {
    let target = Place::of(&args.host)?.target()?;
    let path = if args.refresh {
        "/v1/agents?refresh=true"
    } else {
        "/v1/agents"
    };
    let view: AgentsView = target.call(Method::GET, path, None).await?;
    if args.json {
        print(&serde_json::to_string_pretty(&view).context("the answer as JSON")?);
    } else {
        print(&text(&view));
    }
    Ok(Exit::Done)
}

fn text(view: &AgentsView) -> String {
    if view.agents.is_empty() {
        return "There are no agents: see [plugins] in hostler.toml, `hostler plugin list`.\n"
            .into();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "ID", "AGENT", "STATE", "VERSION", "FAST", "SMART", "THINKING", "MODES",
    ]);
    for agent in &view.agents {
        table.add_row(row(agent, agent.id == view.default));
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim());
    }
    for agent in view.agents.iter().filter(|agent| !agent.ready) {
        let Some(detail) = &agent.detail else {
            continue;
        };
        let _ = write!(
            out,
            "\n{}: {}",
            one_line(&agent.id, NAME),
            one_line(detail, WHY)
        );
        if let Some(fix) = &agent.fix {
            let _ = write!(out, "\n  to mend it: {}", one_line(fix, WHY));
        }
        out.push('\n');
    }
    out
}

fn row(agent: &Agent, default: bool) -> [String; 8] {
    let dash = || "-".to_owned();
    let tier = |wanted: &str| {
        let tier = agent.tiers.iter().find(|tier| tier.tier == wanted);
        tier.map_or_else(dash, |tier| one_line(&tier.model, NAME))
    };
    let modes: Vec<_> = agent
        .modes
        .iter()
        .map(|mode| one_line(&mode.id, NAME))
        .collect();
    let title = one_line(&agent.title, NAME);
    [
        one_line(&agent.id, NAME),
        if default {
            format!("{title} (default)")
        } else {
            title
        },
        one_line(&agent.state, NAME),
        agent
            .version
            .as_ref()
            .map_or_else(dash, |version| one_line(version, NAME)),
        tier("fast"),
        tier("smart"),
        tier("thinking"),
        if modes.is_empty() {
            dash()
        } else {
            modes.join(", ")
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_agent_is_a_line_and_what_mends_one_that_is_not_ready_stands_below() {
        let view: AgentsView = serde_json::from_value(json!({
            "default": "claude-code",
            "agents": [
                {"id": "claude-code", "title": "Claude\u{1b}[2J Code", "local": true, "ready": true,
                 "state": "ready", "version": "2.1.0", "modes": [
                    {"id": "plan", "name": "Plan", "description": ""}],
                 "tiers": [{"tier": "smart", "model": "sonnet", "name": "S", "description": ""}]},
                {"id": "codex", "title": "Codex", "local": true, "ready": false,
                 "state": "not-logged-in", "detail": "there is\nno login", "fix": "codex login",
                 "tiers": [], "modes": []},
            ],
        }))
        .unwrap();
        let text = text(&view);
        let lines: Vec<_> = text.lines().collect();
        for part in ["(default)", "ready", "2.1.0", "sonnet", "plan"] {
            assert!(lines[1].contains(part), "{part} is missing in {text}");
        }
        assert!(lines[2].contains("not-logged-in"), "{text}");
        let below = "\n\ncodex: there is no login\n  to mend it: codex login\n";
        assert!(text.ends_with(below), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

//! Commands of people to Codex itself, and skills, which are prompted like them.

use hostler_sdk::{Failure, RequestId, Result, acp, client, text::one_line};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{blocks::Input, cli::Request, goal::Wish, session::Codex, start::Reply};

/// How many skills are offered: a list that people still read.
const MAX_SKILLS: usize = 64;

/// Name, meaning, and what may follow.
const COMMANDS: [(&str, &str, &str); 9] = [
    (
        "compact",
        "Sum the conversation up, to free its context window",
        "",
    ),
    (
        "review",
        "Review the changes that are not committed, or what the words say",
        "what to review",
    ),
    (
        "review-branch",
        "Review the changes since another branch",
        "the branch",
    ),
    ("review-commit", "Review a commit", "its hash"),
    ("status", "Model, mode and use of this conversation", ""),
    ("mcp", "MCP servers and their tools", ""),
    (
        "rename",
        "Give this conversation another title",
        "the title",
    ),
    ("skills", "Skills, and what each is for", ""),
    (
        "goal",
        "Work by itself until this is reached; tells of the goal without words",
        "the goal, or clear, pause, resume",
    ),
];

/// What a prompt asks of Codex itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Compact,
    /// With its target.
    Review(Value),
    Status,
    Servers,
    /// With the new title.
    Rename(String),
    Skills,
    Goal(Wish),
}

/// A skill as Codex lists it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Skill {
    name: String,
    #[serde(default)]
    description: String,
    short_description: Option<String>,
    path: String,
    #[serde(default)]
    enabled: bool,
}

/// The command that a prompt is, if it is one.
pub(crate) fn command(input: &[Input]) -> Option<Command> {
    let [Input::Text { text, .. }] = input else {
        return None;
    };
    let (name, words) = split(text)?;
    Some(match (name, words) {
        ("compact", "") => Command::Compact,
        ("review", "") => Command::Review(json!({"type": "uncommittedChanges"})),
        ("review", words) => Command::Review(json!({"type": "custom", "instructions": words})),
        ("review-branch", branch) if !branch.is_empty() => {
            Command::Review(json!({"type": "baseBranch", "branch": branch}))
        }
        ("review-commit", sha) if !sha.is_empty() => {
            Command::Review(json!({"type": "commit", "sha": sha, "title": null}))
        }
        ("status", "") => Command::Status,
        ("mcp", "") => Command::Servers,
        ("rename", title) if !title.is_empty() => Command::Rename(one_line(title)),
        ("skills", "") => Command::Skills,
        ("goal", words) => Command::Goal(Wish::read(words)),
        _ => return None,
    })
}

/// `/name words`.
fn split(text: &str) -> Option<(&str, &str)> {
    let text = text.trim().strip_prefix('/')?;
    let (name, words) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Some((name, words.trim()))
}

/// A prompt that begins with a skill names it in the way that Codex reads.
pub(crate) fn with_skill(mut input: Vec<Input>, skills: &[Skill]) -> Vec<Input> {
    let Some(Input::Text { text, .. }) = input.first_mut() else {
        return input;
    };
    let Some((name, words)) = split(text) else {
        return input;
    };
    let Some(skill) = skills.iter().find(|skill| skill.name == name) else {
        return input;
    };
    *text = format!("${name} {words}").trim_end().to_owned();
    let skill = Input::Skill {
        name: skill.name.clone(),
        path: skill.path.clone(),
    };
    input.push(skill);
    input
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Folder>,
}

#[derive(Deserialize)]
struct Folder {
    skills: Vec<Skill>,
}

/// A server as `mcpServerStatus/list` has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Server {
    name: String,
    #[serde(default)]
    tools: serde_json::Map<String, Value>,
    tools_error: Option<String>,
}

impl Codex {
    /// The clients are told what can be prompted beyond words.
    pub(crate) fn tell_commands(&self) -> Result {
        let own = COMMANDS.iter().map(|(name, about, hint)| {
            let words = (!hint.is_empty()).then(|| acp::UnstructuredCommandInput::new(*hint));
            let words = words.map(acp::AvailableCommandInput::Unstructured);
            acp::AvailableCommand::new(*name, *about).input(words)
        });
        let skills = self.skills.iter().map(|skill| {
            let about = skill.short_description.as_ref();
            let about = about.unwrap_or(&skill.description);
            let words = acp::UnstructuredCommandInput::new("what to do with it");
            let words = acp::AvailableCommandInput::Unstructured(words);
            acp::AvailableCommand::new(skill.name.clone(), one_line(about)).input(words)
        });
        let update = acp::AvailableCommandsUpdate::new(own.chain(skills).collect::<Vec<_>>());
        client::update(&acp::SessionUpdate::AvailableCommandsUpdate(update))
    }

    /// Asks which skills there are.
    pub(crate) fn list_skills(&mut self) -> Result {
        match &mut self.cli {
            Some(cli) => {
                let params = json!({"cwds": [self.cwd]});
                cli.request(Request::Skills, "skills/list", &params)
            }
            None => Ok(()),
        }
    }

    /// A version that lists none has none.
    pub(crate) fn skills_listed(&mut self, reply: Reply<'_>) -> Result {
        let Some(Ok(listed)) = reply
            .ok()
            .map(|reply| serde_json::from_str::<Listed>(reply.get()))
        else {
            return Ok(());
        };
        let skills = listed.data.into_iter().flat_map(|folder| folder.skills);
        let own = |skill: &Skill| COMMANDS.iter().any(|command| command.0 == skill.name);
        let skills = skills.filter(|skill| skill.enabled && !own(skill));
        let skills: Vec<Skill> = skills.take(MAX_SKILLS).collect();
        if skills == self.skills {
            return Ok(());
        }
        self.skills = skills;
        self.tell_commands()
    }

    /// Says how the conversation stands; the model hears nothing of it.
    pub(crate) fn tell_status(&mut self) -> Result {
        let values = &self.settings.values;
        let effort = values.effort.as_deref().unwrap_or("the model's own");
        let mut text = format!(
            "- Model: {} (effort: {effort})\n- Mode: {} (approval: {}, sandbox: {})\n- Folder: \
             {}\n- Conversation: {}",
            values.model,
            self.settings.mode(),
            values.approval,
            values.sandbox,
            self.cwd,
            self.thread.as_deref().unwrap_or("none"),
        );
        if let Some((used, size)) = self.used {
            text.push_str(&format!("\n- Context: {used} of {size} tokens"));
        }
        for limit in self.limits.lines() {
            text.push_str(&format!("\n- {limit}"));
        }
        let said = client::message(text);
        said.and(self.end_turn(Ok(acp::StopReason::EndTurn)))
    }

    /// Says which skills there are; the model hears nothing of it.
    pub(crate) fn tell_skills(&mut self) -> Result {
        let lines = self.skills.iter().map(|skill| {
            let about = skill.short_description.as_ref();
            let about = one_line(about.unwrap_or(&skill.description));
            format!("- /{}: {about}", skill.name)
        });
        let text = match self.skills.is_empty() {
            true => "There is no skill.".into(),
            false => lines.collect::<Vec<_>>().join("\n"),
        };
        let said = client::message(text);
        said.and(self.end_turn(Ok(acp::StopReason::EndTurn)))
    }

    /// Codex has answered `thread/name/set`; it tells the title by itself.
    pub(crate) fn renamed(&mut self, prompt: RequestId, reply: Reply<'_>) -> Result {
        // It was cancelled meanwhile.
        if self.turn.as_ref().is_none_or(|turn| turn.request != prompt) {
            return Ok(());
        }
        self.end_turn(match reply {
            Ok(_) => Ok(acp::StopReason::EndTurn),
            Err(error) => Err(Failure::internal(format!(
                "Codex did not take the title: {error}"
            ))),
        })
    }

    /// Codex has listed its MCP servers.
    pub(crate) fn servers_listed(&mut self, prompt: RequestId, reply: Reply<'_>) -> Result {
        // It was cancelled meanwhile.
        if self.turn.as_ref().is_none_or(|turn| turn.request != prompt) {
            return Ok(());
        }
        #[derive(Deserialize)]
        struct Servers {
            data: Vec<Server>,
        }
        let read = reply.map_err(|error| error.message).and_then(|reply| {
            serde_json::from_str::<Servers>(reply.get()).map_err(|error| error.to_string())
        });
        let text = match read {
            Ok(servers) if servers.data.is_empty() => "There is no MCP server.".into(),
            Ok(servers) => {
                let lines = servers.data.iter().map(|server| match &server.tools_error {
                    Some(error) => format!("- {}: {error}", server.name),
                    None => {
                        let tools: Vec<_> = server.tools.keys().map(String::as_str).collect();
                        match tools.is_empty() {
                            true => format!("- {}: no tools", server.name),
                            false => format!("- {}: {}", server.name, tools.join(", ")),
                        }
                    }
                });
                lines.collect::<Vec<_>>().join("\n")
            }
            Err(error) => format!("Codex does not list its MCP servers: {error}"),
        };
        let said = client::message(text);
        said.and(self.end_turn(Ok(acp::StopReason::EndTurn)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> Vec<Input> {
        vec![Input::Text {
            text: text.into(),
            text_elements: [],
        }]
    }

    #[test]
    fn a_command_is_a_prompt_of_its_own() {
        let of = |text: &str| command(&input(text));
        assert_eq!(of(" /compact "), Some(Command::Compact));
        assert_eq!(of("/compact now"), None);
        assert_eq!(
            of("/review the tests"),
            Some(Command::Review(
                json!({"type": "custom", "instructions": "the tests"})
            ))
        );
        assert_eq!(
            of("/review-branch main"),
            Some(Command::Review(
                json!({"type": "baseBranch", "branch": "main"})
            ))
        );
        assert_eq!(of("/review-branch"), None);
        assert_eq!(
            of("/rename  Roses\nand more"),
            Some(Command::Rename("Roses …".into()))
        );
        assert_eq!(of("/rename"), None);
        assert_eq!(of("/skills"), Some(Command::Skills));
        assert_eq!(of("/unknown"), None);
        assert_eq!(of("review"), None);
    }

    #[test]
    fn a_skill_is_named_in_codexs_way() {
        let skill = Skill {
            name: "pdf".into(),
            description: String::new(),
            short_description: None,
            path: "/s/pdf/SKILL.md".into(),
            enabled: true,
        };
        let prompt = with_skill(input("/pdf read a.pdf"), std::slice::from_ref(&skill));
        assert_eq!(
            serde_json::to_value(prompt).unwrap(),
            json!([
                {"type": "text", "text": "$pdf read a.pdf", "text_elements": []},
                {"type": "skill", "name": "pdf", "path": "/s/pdf/SKILL.md"},
            ])
        );
        assert_eq!(
            with_skill(input("/doc x"), std::slice::from_ref(&skill)),
            input("/doc x")
        );
    }
}

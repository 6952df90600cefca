//! A host with one harness, and what stands behind it in place of the real model
//! or service.

use std::path::Path;

use decopilot_server::DecopilotServer;
use hostler_e2e::Host;
use hostler_test_support::built;
use model_server::ModelServer;
use rustix::process::Pid;
use serde_json::Value;

use crate::{claude, codex, decopilot};

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harness {
    Claude,
    Codex,
    Decopilot,
}

impl Harness {
    pub(super) const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Decopilot];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Claude => "claude-code",
            Self::Codex => "codex",
            Self::Decopilot => "decopilot",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Codex => "Codex",
            Self::Decopilot => "Decopilot",
        }
    }
}

/// Everything of one column.
pub(super) struct Stage {
    pub(super) harness: Harness,
    pub(super) host: Host,
    behind: Behind,
}

/// Who answers the prompts.
enum Behind {
    Model(ModelServer),
    Service(DecopilotServer),
}

impl Stage {
    pub(super) async fn start(harness: Harness) -> Self {
        let session = format!("[session]\nharness = \"{}\"\n", harness.id());
        let (host, behind) = match harness {
            Harness::Claude => {
                let settings = format!("[workspace]\nroots = [\"$WORK\"]\n{session}");
                let setup = claude::setup_with(&settings, &[]).await;
                (setup.host, Behind::Model(setup.model))
            }
            Harness::Codex => {
                let setup = codex::setup_in(&session, "on-request", "danger-full-access").await;
                (setup.host, Behind::Model(setup.model))
            }
            Harness::Decopilot => {
                let setup = decopilot::setup().await;
                (setup.host, Behind::Service(setup.service))
            }
        };
        Self {
            harness,
            host,
            behind,
        }
    }

    /// What the model or the service was sent for prompts with these words, oldest
    /// first: where to, and what.
    pub(super) fn asked(&self, words: &str) -> Vec<(String, Value)> {
        let all: Vec<_> = match &self.behind {
            Behind::Model(model) => {
                let requests = model.requests().into_iter();
                requests.map(|it| (it.path, it.body)).collect()
            }
            Behind::Service(service) => {
                let requests = service.requests().into_iter();
                requests.map(|it| (it.path, it.body)).collect()
            }
        };
        let prompts = all.into_iter().filter(|(path, _)| {
            let path = path.split('?').next().unwrap_or_default();
            path.ends_with("/messages") || path.ends_with("/responses")
        });
        prompts
            .filter(|(_, body)| body.to_string().contains(words))
            .collect()
    }

    /// Whether a tool made this file in this folder; or, where tools work
    /// elsewhere, one ran that names it.
    pub(super) fn did(&self, folder: &Path, file: &str) -> bool {
        let Behind::Service(service) = &self.behind else {
            return folder.join(file).exists();
        };
        let mut ran = service.ran().into_iter();
        ran.any(|(_, input)| input.to_string().contains(file))
    }

    /// How the prompt with the words `now` reached somebody who knows those of
    /// `before`.
    ///
    /// # Panics
    /// When it did not.
    pub(super) fn remembered(&self, before: &str, now: &str) -> &'static str {
        let asked = self.asked(now);
        let (path, body) = asked.last().expect("the prompt was sent");
        if body.to_string().contains(before) {
            return "yes";
        }
        // A service knows it by the thread, which is in the path.
        let mut before = self.asked(before).into_iter();
        assert!(before.any(|it| it.0 == *path), "{path} {body}");
        "yes, by the service's thread"
    }

    /// Programs of agents that work below this folder, and what those started.
    pub(super) fn programs(&self, folder: &Path) -> Vec<(Pid, String)> {
        // In front of each is a supervisor, which is the host's own binary.
        let own = built("hostler").canonicalize().unwrap();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| {
            let process = entry.path();
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let works_there = std::fs::read_link(process.join("cwd")).ok()?;
            let program = std::fs::read_link(process.join("exe")).ok()?;
            let line = std::fs::read(process.join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let wanted = works_there.starts_with(folder) && program != own && !line.is_empty();
            wanted.then_some((Pid::from_raw(pid)?, line))
        })
        .collect()
    }
}

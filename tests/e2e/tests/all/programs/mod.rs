//! The programs of harnesses, doing what they should not: one program stands in for
//! `claude`, for `codex` and for an ACP agent, and does as its prompt says. Whatever
//! it does, people are told, the session goes on with its conversation, and nothing
//! is left running.
//!
//! - [`ends`]: it does not stop, does not start, ends in the middle.
//! - [`says`]: what it says is too much, cannot be read, or comes too late.

mod ends;
mod says;

use std::{os::unix::fs::symlink, path::PathBuf, time::Duration};

use agent_client_protocol::v1::schema::{SessionId, StopReason};
use hostler_e2e::{Client, Host};
use hostler_test_support::{Need, search_path, trial};
use libtest_mimic::Trial;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    let trials = [ends::trials(), says::trials()];
    trials.into_iter().flatten().collect()
}

/// Whose program it stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harness {
    Claude,
    Codex,
    Agent,
}

impl Harness {
    const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Agent];

    fn id(self) -> &'static str {
        match self {
            Self::Claude => "claude-code",
            Self::Codex => "codex",
            Self::Agent => "agent",
        }
    }

    /// What messages call it.
    fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Codex => "Codex",
            Self::Agent => "Agent",
        }
    }

    const fn needs(self) -> [Need; 3] {
        let component = match self {
            Self::Claude => "plugins/claude-code",
            Self::Codex => "plugins/codex",
            Self::Agent => "plugins/acp-agent",
        };
        [
            Need::Built("hostler"),
            Need::Component(component),
            Need::Program("python3"),
        ]
    }
}

/// A test of each harness; the harness' id comes before its name.
fn each<Fut>(promise: &str, test: fn(Harness) -> Fut) -> Vec<Trial>
where
    Fut: Future<Output = ()> + 'static,
{
    let one = |harness: Harness| {
        let name = format!("{}_{promise}", harness.id().replace('-', "_"));
        trial(&name, &harness.needs(), move || test(harness))
    };
    Harness::ALL.map(one).into()
}

/// A host whose only programs are the stand-in.
struct Stage {
    harness: Harness,
    host: Host,
    /// Where it stands under the names of what it stands in for.
    _programs: tempfile::TempDir,
}

impl Stage {
    fn start(harness: Harness) -> Self {
        Self::start_within(harness, "")
    }

    /// With this line in the harness' config.
    fn start_within(harness: Harness, config: &str) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/all/programs/stand_in.py"
        );
        let programs = tempfile::tempdir().unwrap();
        for name in ["claude", "codex", "agent"] {
            symlink(script, programs.path().join(name)).unwrap();
        }
        let path = search_path().into_string().unwrap();
        let path = format!("{}:{path}", programs.path().display());
        let agent = match harness {
            Harness::Agent => AGENT,
            Harness::Claude | Harness::Codex => "",
        };
        let id = harness.id();
        let settings =
            format!("[workspace]\nroots = [\"$WORK\"]\n[plugins.{id}.config]\n{config}\n{agent}");
        Self {
            harness,
            host: Host::start(&settings, &[("PATH", &path)]),
            _programs: programs,
        }
    }

    async fn session(&self, client: &Client) -> SessionId {
        let opened = client.new_session(&self.host, self.harness.id()).await;
        opened.unwrap().session_id
    }

    fn home(&self, file: &str) -> PathBuf {
        self.host.folder().join("home").join(file)
    }

    /// The stand-ins that run, and what they started; not their supervisors.
    fn programs(&self) -> Vec<String> {
        let mut all = self.host.processes();
        all.retain(|line| !line.contains(" child "));
        all
    }

    /// Waits until so many of those run.
    async fn left(&self, count: usize) {
        let wait = async {
            while self.programs().len() != count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{count} expected: {:#?}", self.programs());
    }
}

/// The conversation goes on: these prompts are known, and one program runs.
async fn goes_on(stage: &Stage, client: &Client, session: &SessionId, prompts: &str) {
    let end = client.prompt(session, "recall").await.unwrap();
    assert_eq!(end.stop_reason, StopReason::EndTurn);
    let text = client.text("agent_message_chunk");
    assert!(text.ends_with(prompts), "{text}");
    stage.left(1).await;
}

/// The rest of the ACP agent's config, and what else it needs.
const AGENT: &str = r#"
    command = ["agent"]
    title = "Agent"
    [plugins.agent]
    component = "acp-agent"
    [[plugins.agent.grants.process]]
    program = "agent"
    args = [[]]
    env = ["HOME", "PATH"]
"#;

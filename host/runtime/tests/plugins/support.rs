//! A runtime in a temporary folder, and a session to talk to.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use hostler_egress::Egress;
use hostler_runtime::{
    Command, Ended, Event, Failure, Grants, Harness, HarnessPlugin, LoadError, OPEN_REQUEST,
    OpenParams, Output, Plugin, PluginSpec, PolicyPlugin, ProviderPlugin, Runtime, RuntimeOptions,
    Source, children::Helper,
};
use hostler_secret::Vault;
use hostler_test_support::{Need, component};
use tokio::sync::mpsc;

pub(crate) const PROVIDER: &[Need] = &[Need::Component("guests/provider")];

pub(crate) const POLICY: &[Need] = &[Need::Component("guests/policy")];

pub(crate) const STREAMING: &[Need] = &[Need::Component("guests/streaming")];

pub(crate) const MISBEHAVING: &[Need] = &[Need::Component("guests/misbehaving")];

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Host {
    pub(crate) runtime: Runtime,
    pub(crate) folder: tempfile::TempDir,
}

impl Host {
    pub(crate) fn new() -> Self {
        // Compiling takes longer than most tests: all share one cache.
        Self::with_cache_in(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    /// A host that has compiled nothing yet.
    pub(crate) fn with_empty_cache() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = runtime_in(folder.path());
        Self { runtime, folder }
    }

    /// A host that knows these secrets.
    pub(crate) fn with_vault(vault: Vault) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        Self {
            runtime: Runtime::new(options(folder, vault)).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn with_cache_in(path: &Path) -> Self {
        Self {
            runtime: runtime_in(path),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) async fn load(&self, source: Source) -> Result<Plugin, LoadError> {
        self.runtime.load(spec(source)).await
    }

    /// The misbehaving guest with `[plugins.misbehaving]` as in TOML.
    pub(crate) async fn misbehaving(&self, settings: &str) -> HarnessPlugin {
        self.harness("misbehaving", settings).await
    }

    pub(crate) async fn harness(&self, name: &str, settings: &str) -> HarnessPlugin {
        match self.guest(name, settings).await {
            Plugin::Harness(harness) => harness,
            other => panic!("{} is no harness", other.world()),
        }
    }

    /// The guest `provider` with `[plugins.provider]` as in TOML.
    pub(crate) async fn provider(&self, settings: &str) -> ProviderPlugin {
        match self.guest("provider", settings).await {
            Plugin::Provider(provider) => provider,
            other => panic!("{} is no provider", other.world()),
        }
    }

    /// The guest `policy` with `[plugins.policy]` as in TOML.
    pub(crate) async fn policy(&self, settings: &str) -> PolicyPlugin {
        match self.guest("policy", settings).await {
            Plugin::Policy(policy) => policy,
            other => panic!("{} is no policy", other.world()),
        }
    }

    pub(crate) async fn guest(&self, name: &str, settings: &str) -> Plugin {
        #[derive(serde::Deserialize, Default)]
        #[serde(default)]
        struct Settings {
            grants: Grants,
            limits: hostler_runtime::Limits,
            config: serde_json::Map<String, serde_json::Value>,
        }
        let settings: Settings = toml::from_str(settings).unwrap();
        let spec = PluginSpec {
            grants: settings.grants,
            limits: settings.limits,
            config: settings.config.into(),
            id: name.to_owned(),
            ..spec(Source::File(component(&format!("guests/{name}"))))
        };
        self.runtime.load(spec).await.unwrap()
    }

    pub(crate) fn session(&self, plugin: &HarnessPlugin, resume: Option<Bytes>) -> Session {
        let (harness, events) = plugin.start(
            OpenParams {
                session: "00000000-0000-4000-8000-000000000000".into(),
                cwd: self.folder.path().to_owned(),
                additional_directories: Vec::new(),
                mcp_servers: Vec::new(),
            },
            resume,
        );
        Session {
            harness,
            events,
            next_request: OPEN_REQUEST + 1,
            text: String::new(),
            checkpoint: None,
        }
    }
}

/// This binary, as its own helper.
pub(crate) fn helper(lock: Option<Arc<std::fs::File>>) -> Helper {
    let program = std::env::current_exe().unwrap();
    Helper {
        lock,
        ..Helper::new(program)
    }
}

pub(crate) fn runtime_in(folder: &Path) -> Runtime {
    Runtime::new(options(folder, Vault::default())).unwrap()
}

fn options(folder: &Path, vault: Vault) -> RuntimeOptions {
    RuntimeOptions {
        helper: helper(None),
        egress: Egress::default(),
        vault,
        cache_dir: folder.join("cache"),
        key_file: folder.join("cache.key"),
    }
}

pub(crate) fn spec(source: Source) -> PluginSpec {
    PluginSpec {
        id: "misbehaving".into(),
        source,
        grants: Grants::default(),
        limits: hostler_runtime::Limits::default(),
        config: serde_json::json!({}),
    }
}

pub(crate) struct Session {
    pub(crate) harness: Harness,
    events: mpsc::Receiver<Event>,
    next_request: u64,
    /// All message chunks so far.
    pub(crate) text: String,
    pub(crate) checkpoint: Option<Bytes>,
}

pub(crate) type Answer = Result<String, Failure>;

impl Session {
    pub(crate) async fn opened(&mut self) -> Result<Answer, Ended> {
        self.answer(OPEN_REQUEST).await
    }

    /// One whole turn.
    pub(crate) async fn turn(&mut self, text: &str) -> Result<Answer, Ended> {
        let request = self.prompt(text).await;
        self.answer(request).await
    }

    pub(crate) async fn prompt(&mut self, text: &str) -> u64 {
        let request = self.next_request;
        self.next_request += 1;
        let prompt = serde_json::json!([{ "type": "text", "text": text }]).to_string();
        self.harness.send(Command::Prompt { request, prompt }).await;
        request
    }

    /// Collects text until the request is answered or the instance ends.
    pub(crate) async fn answer(&mut self, wanted: u64) -> Result<Answer, Ended> {
        loop {
            let answers = self.step().await?.into_iter();
            let mut wanted = answers.filter(|(request, _)| *request == wanted);
            if let Some((_, answer)) = wanted.next() {
                return Ok(answer);
            }
        }
    }

    /// What comes of one call of the plugin: collects text, returns answers.
    pub(crate) async fn step(&mut self) -> Result<Vec<(u64, Answer)>, Ended> {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        match event
            .expect("no event in a minute")
            .expect("Ended comes last")
        {
            Event::Ended(ended) => Err(ended),
            Event::Outputs(outputs) => {
                let mut answers = Vec::new();
                for output in outputs {
                    match output {
                        Output::Update(update) => self.read(&update),
                        Output::Checkpoint(bytes) => self.checkpoint = Some(bytes),
                        Output::Answer { request, outcome } => answers.push((request, outcome)),
                        _ => {}
                    }
                }
                Ok(answers)
            }
        }
    }

    fn read(&mut self, update: &str) {
        let update: serde_json::Value = serde_json::from_str(update).unwrap();
        if update["sessionUpdate"] == "agent_message_chunk" {
            self.text += update["content"]["text"].as_str().unwrap();
        }
    }
}

/// A file of the test's own.
pub(crate) fn file(host: &Host, name: &str, bytes: &[u8]) -> PathBuf {
    let path = host.folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

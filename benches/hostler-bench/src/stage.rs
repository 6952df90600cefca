//! An agent, a folder, and the processes in front of the agent that are
//! compared: a host, and its peer.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::{Programs, client::Client, process::Running};

/// What a host is told. The scripted agent is there for measurements that are
/// not about Claude Code.
const SETTINGS: &str = r#"
[workspace]
roots = ["$WORK"]
[session]
max_live = 1100
[plugins.scripted]
component = "acp-agent"
[plugins.scripted.config]
command = ["scripted-agent"]
[[plugins.scripted.grants.process]]
program = "scripted-agent"
args = [[]]
env = ["HOME", "PATH"]
"#;

/// Plugins of a host: `claude-code`, `codex`, `decopilot`, `webdriver`, `local`,
/// `proxy`, `cloud`, and the one of [`SETTINGS`].
const PLUGINS: usize = 8;

/// Compiling a plugin takes a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with all that one measurement needs; nothing outlives it.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    programs: &'a Programs,
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
    _model: Option<Running>,
}

/// A process that serves ACP, with a client that it serves.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) client: Client,
    pub(crate) process: Running,
}

/// A host that is ready.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) process: Running,
    pub(crate) started: Instant,
    /// From its start to its ready line.
    pub(crate) ready: Duration,
    pub(crate) address: String,
    log: mpsc::Receiver<(Instant, String)>,
    state: PathBuf,
}

impl<'a> Stage<'a> {
    /// With the stand-in as `claude`.
    pub(crate) fn stand_in(programs: &'a Programs) -> Result<Self> {
        Self::new(programs, &programs.built("stand-in-claude"), None)
    }

    /// With the real one, in front of a model server.
    pub(crate) fn real(programs: &'a Programs, claude: &Path) -> Result<Self> {
        let mut model = Running(
            Command::new(programs.built("model-server"))
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start the model server")?,
        );
        let mut url = String::new();
        let stdout = model.0.stdout.take().context("no pipe")?;
        BufReader::new(stdout).read_line(&mut url)?;
        let mut stage = Self::new(programs, claude, Some(model))?;
        stage.environment.extend([
            ("ANTHROPIC_BASE_URL", url.trim().to_owned()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
            ("DISABLE_AUTOUPDATER", "1".to_owned()),
            ("DISABLE_TELEMETRY", "1".to_owned()),
        ]);
        Ok(stage)
    }

    fn new(programs: &'a Programs, claude: &Path, model: Option<Running>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["home", "cache", "work", "bin"] {
            fs::create_dir(folder.path().join(name))?;
        }
        symlink(fs::canonicalize(claude)?, path("bin/claude"))?;
        symlink(programs.built("scripted-agent"), path("bin/scripted-agent"))?;
        fs::write(
            path("hostler.toml"),
            SETTINGS.replace("$WORK", &path("work")),
        )?;
        // A peer from npm has its Node.js beside it, or on the PATH.
        let peers = programs.peer.as_deref().and_then(Path::parent);
        let peers = peers.map_or(String::new(), |folder| format!("{}:", folder.display()));
        let inherited = std::env::var("PATH").unwrap_or_default();
        let environment = vec![
            ("HOME", path("home")),
            ("CLAUDE_CONFIG_DIR", path("home/.claude")),
            ("CLAUDE_CODE_EXECUTABLE", path("bin/claude")),
            ("ANTHROPIC_API_KEY", "sk-dummy".to_owned()),
            ("XDG_CACHE_HOME", path("cache")),
            ("XDG_CONFIG_HOME", path("home")),
            ("PATH", format!("{}:{peers}{inherited}", path("bin"))),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        Ok(Self {
            programs,
            folder,
            environment,
            _model: model,
        })
    }

    /// More for the host to be told.
    pub(crate) fn add_settings(&self, settings: &str) -> Result<()> {
        let file = self.folder.path().join("hostler.toml");
        let mut told = fs::read_to_string(&file)?;
        told.push_str(settings);
        fs::write(&file, told)?;
        Ok(())
    }

    /// Where sessions work.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdout(Stdio::piped());
        command
    }

    /// A host until it is ready.
    pub(crate) fn host(&self) -> Result<Host> {
        let state = self.folder.path().join("state");
        let mut command = self.command(&self.programs.built("hostler"));
        command
            .args(["--log", "info", "serve", "--listen", "127.0.0.1:0"])
            .args(["--config", "hostler.toml", "--state-dir"])
            .arg(&state)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let started = Instant::now();
        let mut process = Running(command.spawn().context("cannot start hostler")?);
        let stderr = process.0.stderr.take().context("no pipe")?;
        let (lines, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = lines.send((Instant::now(), line));
            }
        });
        let mut line = String::new();
        let stdout = process.0.stdout.take().context("no pipe")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let ready = started.elapsed();
        let address = line
            .split(' ')
            .find_map(|word| word.strip_prefix("http://"))
            .map(str::to_owned);
        let Some(address) = address else {
            let log: Vec<_> = log.iter().map(|(_, line)| line).collect();
            bail!("the host is not ready: {line}{}", log.join("\n"));
        };
        Ok(Host {
            process,
            started,
            ready,
            address,
            log,
            state,
        })
    }

    /// A host with a client.
    pub(crate) fn served(&self) -> Result<Served> {
        self.host()?.served()
    }

    /// The peer with a client, if it is installed.
    pub(crate) fn peer(&self) -> Result<Option<Served>> {
        let Some(program) = &self.programs.peer else {
            return Ok(None);
        };
        let mut command = self.command(program);
        let log = fs::File::create(self.folder.path().join("peer.log"))?;
        command.stdin(Stdio::piped()).stderr(log);
        let mut process = Running(command.spawn().context("cannot start the peer")?);
        let (stdin, stdout) = (process.0.stdin.take(), process.0.stdout.take());
        let client = Client::talk(stdin.context("no pipe")?, stdout.context("no pipe")?)?;
        Ok(Some(Served { client, process }))
    }
}

impl Host {
    /// A client of its own; `positioned`: it asks for the extension.
    pub(crate) fn client(&self, positioned: bool) -> Result<Client> {
        Client::connect(&self.address, &self.token()?, positioned)
    }

    /// With which a client may do everything.
    pub(crate) fn token(&self) -> Result<String> {
        let token = fs::read_to_string(self.state.join("token")).context("no token")?;
        Ok(token.trim().to_owned())
    }

    pub(crate) fn served(self) -> Result<Served> {
        Ok(Served {
            client: self.client(false)?,
            process: self.process,
        })
    }

    /// Waits until all plugins are loaded, by its log. From its start to the
    /// first and to the last.
    pub(crate) fn loaded(&self) -> Result<(Duration, Duration)> {
        let mut first = None;
        let mut last = Duration::ZERO;
        for _ in 0..PLUGINS {
            last = self.next_loaded()?.0;
            first.get_or_insert(last);
        }
        Ok((first.unwrap_or(last), last))
    }

    /// Waits until one plugin is loaded.
    pub(crate) fn wait_loaded(&self, id: &str) -> Result<()> {
        let says = format!("plugin={id} ");
        while !self.next_loaded()?.1.contains(&says) {}
        Ok(())
    }

    /// When, and the line that says so.
    fn next_loaded(&self) -> Result<(Duration, String)> {
        loop {
            let (at, line) = self
                .log
                .recv_timeout(PATIENCE)
                .context("the plugins were not loaded")?;
            if line.contains("plugin: loaded") {
                return Ok((at.duration_since(self.started), line));
            }
        }
    }
}

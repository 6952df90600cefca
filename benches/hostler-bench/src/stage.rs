//! Agents, a folder, and the processes in front of the agents that are compared:
//! a host, and its peers.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::{
    Programs,
    bare::Bare,
    client::Client,
    harness::{Environment, HARNESSES, Harness},
    process::Running,
};

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
    environment: Environment,
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
    /// With stand-ins as agents.
    pub(crate) fn stand_in(programs: &'a Programs) -> Result<Self> {
        let mut stage = Self::new(programs, None)?;
        for harness in &HARNESSES {
            stage.install(harness, &programs.built(harness.stand_in))?;
        }
        stage.settle("http://127.0.0.1:1")?;
        Ok(stage)
    }

    /// With the real ones that there are, all in front of one model server.
    pub(crate) fn real(programs: &'a Programs) -> Result<Self> {
        let mut model = Running(
            Command::new(programs.built("model-server"))
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start the model server")?,
        );
        let mut url = String::new();
        let stdout = model.0.stdout.take().context("no pipe")?;
        BufReader::new(stdout).read_line(&mut url)?;
        let mut stage = Self::new(programs, Some(model))?;
        for harness in &HARNESSES {
            if let Ok(program) = programs.found(harness.program) {
                stage.install(harness, program)?;
            }
        }
        stage.settle(url.trim())?;
        Ok(stage)
    }

    fn new(programs: &'a Programs, model: Option<Running>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["home", "cache", "work", "bin", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        symlink(programs.built("scripted-agent"), path("bin/scripted-agent"))?;
        fs::write(
            path("hostler.toml"),
            SETTINGS.replace("$WORK", &path("work")),
        )?;
        // A peer from npm may have its Node.js beside it.
        let peers = HARNESSES.iter().map(|harness| harness.peer);
        let peers = peers.filter_map(|peer| programs.found(peer).ok()?.parent());
        let bin = folder.path().join("bin");
        let folders = [&*bin].into_iter().chain(peers).map(Path::to_owned);
        let inherited = hostler_test_support::search_path();
        let folders = folders.chain(env::split_paths(&inherited));
        let search = env::join_paths(folders).context("no PATH can be made")?;
        let environment = vec![
            ("HOME", path("home")),
            ("XDG_CACHE_HOME", path("cache")),
            ("XDG_CONFIG_HOME", path("home")),
            ("TMPDIR", path("tmp")),
            ("PATH", search.to_string_lossy().into_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        Ok(Self {
            programs,
            folder,
            environment,
            _model: model,
        })
    }

    /// Makes this program the agent.
    fn install(&mut self, harness: &Harness, program: &Path) -> Result<()> {
        let place = self.folder.path().join("bin").join(harness.program);
        symlink(fs::canonicalize(program)?, &place)?;
        let place = place.display().to_string();
        self.environment.push((harness.peer_finds_it_by, place));
        Ok(())
    }

    /// Makes the agents ask this model server.
    fn settle(&mut self, url: &str) -> Result<()> {
        let home = self.folder.path().join("home");
        for harness in &HARNESSES {
            self.environment.extend((harness.settle)(&home, url)?);
        }
        Ok(())
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

    /// A host with a client, when it has loaded all that it loads.
    pub(crate) fn served(&self) -> Result<Served> {
        let host = self.host()?;
        host.loaded()?;
        host.served()
    }

    /// The peer of a harness, with a client.
    pub(crate) fn peer(&self, harness: &Harness) -> Result<Served> {
        let mut command = self.command(self.programs.found(harness.peer)?);
        let log = self.folder.path().join("peer.log");
        command
            .stdin(Stdio::piped())
            .stderr(fs::File::create(&log)?);
        let mut process = Running(command.spawn().context("cannot start the peer")?);
        let client = Client::talk(&mut process).with_context(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{} does not start: {}", harness.peer, log.trim())
        })?;
        Ok(Served { client, process })
    }

    /// The agent of a harness alone.
    pub(crate) fn bare(&self, harness: &'static Harness) -> Result<Bare> {
        let protocol = &harness.protocol;
        let mut command = self.command(&self.folder.path().join("bin").join(harness.program));
        command
            .args(protocol.arguments)
            .current_dir(self.work())
            .stdin(Stdio::piped())
            .stderr(Stdio::null());
        let process = command
            .spawn()
            .with_context(|| format!("cannot start {}", harness.program))?;
        Bare::open(Running(process), protocol, &self.work())
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

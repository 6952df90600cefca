//! A running `hostler serve` in a temporary folder.

use std::{
    ffi::OsStr,
    fs::Permissions,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hostler_test_support::{built, search_path};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address that nobody has.
const ANY: &str = "127.0.0.1:0";

/// Ended, with all that it started, when dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    folder: tempfile::TempDir,
    address: String,
    log: Arc<Mutex<String>>,
    environment: Vec<(String, String)>,
}

impl Host {
    /// Starts a host with this `hostler.toml`; `$WORK` and `$AGENT` in it stand
    /// for the workspace folder and the scripted agent.
    #[must_use]
    pub fn start(settings: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        for name in ["home", "state", "tmp", "work"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        share_compiled(&folder.path().join("state")).expect("a shared cache");
        write_settings(folder.path(), settings);

        let path_of_tests = search_path().into_string().expect("a PATH in UTF-8");
        let mut variables = vec![
            ("HOME".to_owned(), path("home")),
            // Browsers that are killed leave their profiles there.
            ("TMPDIR".to_owned(), path("tmp")),
            (
                "XDG_CACHE_HOME".to_owned(),
                env!("CARGO_TARGET_TMPDIR_OF_TESTS").to_owned(),
            ),
            ("XDG_STATE_HOME".to_owned(), path("state")),
            ("XDG_CONFIG_HOME".to_owned(), path("home")),
            ("PATH".to_owned(), path_of_tests),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("RUST_LOG".to_owned(), "info".to_owned()),
        ];
        variables.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let log = Arc::new(Mutex::new(String::new()));
        let (child, address) = serve(folder.path(), ANY, &variables, &log);
        Self {
            child,
            folder,
            address,
            log,
            environment: variables,
        }
    }

    /// Kills the host as a crash would, and starts another one on what is left.
    pub fn crash_and_restart(&mut self) {
        self.crash();
        self.serve_at(ANY);
    }

    /// The same, at the same address.
    pub fn crash_and_come_back(&mut self) {
        self.crash();
        self.serve_at(&self.address.clone());
    }

    /// Stops the host in order, and starts it again at the same address. Clients
    /// may be at work.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn stop_and_come_back(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("SIGTERM");
        self.child.wait().expect("the end of the host");
        self.serve_at(&self.address.clone());
    }

    fn crash(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the end of the host");
    }

    fn serve_at(&mut self, listen: &str) {
        (self.child, self.address) =
            serve(self.folder.path(), listen, &self.environment, &self.log);
    }

    /// Stops the host, and starts another one with these settings on what it
    /// leaves.
    pub fn restart_with(&mut self, settings: &str) {
        self.stop();
        write_settings(self.folder.path(), settings);
        self.serve_at(ANY);
    }

    /// A host with the scripted agent as its harness `scripted`.
    #[must_use]
    pub fn scripted() -> Self {
        Self::start(SCRIPTED, &[])
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where sessions work.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Where programs of this host find its configuration and the admin token.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("home/hostler")
    }

    /// Makes a token by `hostler token create`; its id and the token.
    ///
    /// # Panics
    /// When it is not made.
    #[must_use]
    pub fn make_token(&self, principal: &str, scopes: &[&str]) -> (String, String) {
        let state = self.state();
        let state = state.to_str().expect("a path in UTF-8");
        let mut args = vec!["token", "create", "--json", "--state-dir", state];
        args.extend(["--principal", principal]);
        args.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        let output = self.run(&args);
        let made: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let text = |name: &str| made[name].as_str().expect(name).to_owned();
        (text("id"), text("token"))
    }

    /// Memory of the host's process, in bytes (Linux).
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the host's process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().split(' ').next());
        number.and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") * 1024
    }

    /// The host's own token.
    #[must_use]
    pub fn token(&self) -> String {
        let token = std::fs::read_to_string(self.state().join("token"));
        token.expect("the token file").trim().to_owned()
    }

    /// What the host has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Where this host keeps its state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A program that will run in this host's environment and workspace.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs `hostler ARGS` in this host's environment and workspace.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        let mut hostler = self.command(built("hostler"));
        hostler.args(args).output().expect("hostler")
    }

    /// What `hostler ARGS --json` printed, of this host.
    ///
    /// # Panics
    /// When it is no JSON.
    #[must_use]
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let state = self.state();
        let state = state.to_str().expect("a path in UTF-8");
        let output = self.run(&[args, &["--json", "--state-dir", state]].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The folder with everything of this host.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the host as an operator does and waits until neither it nor any
    /// child is left.
    pub fn stop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let pid = rustix::process::Pid::from_child(&self.child);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let patience = Instant::now() + PATIENCE;
        loop {
            let running = matches!(self.child.try_wait(), Ok(None));
            let left = [self.processes(), self.browsers()].concat();
            if !running && left.is_empty() {
                return;
            }
            if Instant::now() > patience {
                let _ = self.child.kill();
                assert!(
                    std::thread::panicking(),
                    "still there: {left:?}, log:\n{}",
                    self.log()
                );
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Processes that work in this host's folder: agents and what they started.
    #[must_use]
    pub fn processes(&self) -> Vec<String> {
        processes(|process| {
            std::fs::read_link(process.join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(self.folder.path()))
        })
    }

    /// Browsers and their drivers that were started in this host's environment.
    #[must_use]
    pub fn browsers(&self) -> Vec<String> {
        let home = format!("HOME={}\0", self.folder.path().join("home").display());
        let mut all = processes(|process| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&home)
        });
        all.retain(|line| line.contains("chrom"));
        all
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("--- log of the host\n{}---", self.log());
        }
    }
}

/// `hostler.toml` with the scripted agent.
pub const SCRIPTED: &str = r#"
    [workspace]
    roots = ["$WORK"]
    [session]
    harness = "scripted"
    [plugins.scripted]
    component = "acp-agent"
    [plugins.scripted.config]
    command = ["$AGENT"]
    [plugins.scripted.grants]
    files = "read-write"
    terminal = true
    [[plugins.scripted.grants.process]]
    program = "$AGENT"
    args = [[]]
    env = ["HOME", "PATH"]
"#;

fn write_settings(folder: &Path, settings: &str) {
    let settings = settings
        .replace("$WORK", &folder.join("work").display().to_string())
        .replace("$AGENT", &built("scripted-agent").display().to_string());
    std::fs::write(folder.join("hostler.toml"), settings).expect("hostler.toml");
}

/// Process id and command line of those whose folder under `/proc` is wanted.
fn processes(wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter(|entry| wanted(&entry.path()))
        .filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (!line.is_empty()).then(|| format!("{} {line}", entry.file_name().display()))
        })
        .collect()
}

/// Compiled components are the same for all tests. A host believes only what its
/// own key vouches for, so all of them get the same one.
fn share_compiled(state: &Path) -> io::Result<()> {
    let key = state.join("cache-key");
    std::fs::write(&key, [7; 32])?;
    std::fs::set_permissions(&key, Permissions::from_mode(0o600))?;
    symlink(env!("CARGO_TARGET_TMPDIR_OF_TESTS"), state.join("cache"))
}

/// Starts `hostler serve` and waits until it is ready.
fn serve(
    folder: &Path,
    listen: &str,
    environment: &[(String, String)],
    log: &Arc<Mutex<String>>,
) -> (Child, String) {
    let mut child = Command::new(built("hostler"))
        .args(["serve", "--listen", listen])
        .arg("--config")
        .arg(folder.join("hostler.toml"))
        .arg("--state-dir")
        .arg(folder.join("state"))
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hostler serve");
    let mut stderr = child.stderr.take().expect("a pipe");
    std::thread::spawn({
        let log = Arc::clone(log);
        move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut chunk) {
                let text = String::from_utf8_lossy(&chunk[..count]).into_owned();
                log.lock().expect("the log").push_str(&text);
            }
        }
    });
    let mut ready = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut ready)
        .expect("the ready line");
    let address = ready
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://"))
        .unwrap_or_else(|| {
            panic!(
                "no address in {ready:?}; log:\n{}",
                log.lock().expect("the log")
            )
        })
        .to_owned();
    (child, address)
}

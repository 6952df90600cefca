//! `hostler secret set`.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::Context as _;
use hostler_secret::{MAX_VALUE_BYTES, SealKey, SecretName, SecretValue};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::{audit, name, records};
use crate::{
    args::SecretSet,
    bundle::BUNDLE,
    config::Config,
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
};

pub(crate) async fn run(args: SecretSet) -> Result<Exit, Failure> {
    let name = name(&args.name)?;
    let bases = Bases::from_env();
    let storage = bases
        .storage(args.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    let config = Config::load(args.config.file.as_deref(), &bases, BUNDLE).or_exit(Exit::Usage)?;
    if let Some(source) = config.secrets.get(&name) {
        let message = format!(
            "secret {name} comes from the {} and would not be taken from here; to keep it here, \
             take [secrets.{name}] out of hostler.toml",
            source.describe()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let config_dir = bases.config_dir().or_exit(Exit::Usage)?;
    let value = read(&name, args.stdin)?;
    let value = SecretValue::new(name.as_str(), value).or_exit(Exit::Usage)?;
    let key = SealKey::load_or_create(&config_dir).map_err(anyhow::Error::from)?;
    let sealed = key.seal(&name, &value).map_err(anyhow::Error::from)?;
    let replaced = records(&storage.state)?
        .set_secret(name.as_str(), &sealed, &audit("secret.set", &name))
        .map_err(anyhow::Error::from)?;
    let done = if replaced { "replaced" } else { "kept" };
    eprintln!("Secret {name} is {done}. A plugin may use it when a grant in hostler.toml says so.");
    Ok(Exit::Done)
}

/// From the terminal without showing it, or all of stdin. Never an argument:
/// those are in the history of the shell, and every program sees them.
fn read(name: &SecretName, stdin: bool) -> Result<Vec<u8>, Failure> {
    if !stdin && io::stdin().is_terminal() {
        // Before it is asked for: who types at once must not see it either.
        let _quiet = Quiet::begin();
        let typed = rpassword::prompt_password(format!("Value of {name} (not shown): "));
        return Ok(typed.context("cannot ask on the terminal")?.into_bytes());
    }
    let mut bytes = Vec::with_capacity(MAX_VALUE_BYTES + 3);
    // One byte more to see that it is too long, and room for a line end.
    let mut stdin = io::stdin().lock().take(MAX_VALUE_BYTES as u64 + 3);
    stdin.read_to_end(&mut bytes).context("cannot read stdin")?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}

/// The terminal of standard input shows nothing of what is typed.
struct Quiet(Option<Termios>);

impl Quiet {
    fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
        }
        Self(before)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

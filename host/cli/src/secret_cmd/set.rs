//! `hostler secret set`.

use hostler_secret::{SealKey, SecretValue};

use super::{audit, name, records};
use crate::{
    args::SecretSet,
    bundle::BUNDLE,
    client::hidden,
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
    let value = hidden::read(&format!("Value of {name}"), args.stdin)?;
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

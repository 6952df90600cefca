//! `hostler secret rm`.

use super::{audit, name, records};
use crate::{
    args::SecretRemove,
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
};

pub(crate) async fn run(args: SecretRemove) -> Result<Exit, Failure> {
    let name = name(&args.name)?;
    let bases = Bases::from_env();
    let storage = bases
        .storage(args.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    let removed = records(&storage.state)?
        .remove_secret(name.as_str(), &audit("secret.remove", &name))
        .map_err(anyhow::Error::from)?;
    if !removed {
        let message = format!("no secret {name} is kept; `hostler secret list` shows them");
        return Err(Failure::new(Exit::Failed, message));
    }
    eprintln!("Secret {name} is removed. Programs that have it already keep it until they end.");
    Ok(Exit::Done)
}

//! Which host is meant, and the way to it: the one place where connections are
//! made of what the command line says.

use std::{env, fs, path::PathBuf};

use anyhow::{Context as _, anyhow};

use super::connection::Connection;
use crate::{
    args::HostArgs,
    exit::{Exit, Failure, OrExit as _},
    link::dial::{Dial, Reach},
    paths::Bases,
};

/// The variable that a token for another machine can stand in.
const TOKEN: &str = "HOSTLER_TOKEN";

/// The host of a state directory of this machine, or one at an address.
#[derive(Clone)]
pub(crate) enum Target {
    Local(PathBuf),
    Remote {
        /// Host and port.
        address: String,
        path: String,
        token: String,
    },
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(state) => f.debug_tuple("Local").field(state).finish(),
            Self::Remote { address, path, .. } => write!(f, "Remote({address}{path})"),
        }
    }
}

impl Target {
    pub(crate) fn of(args: &HostArgs) -> Result<Self, Failure> {
        let Some(url) = &args.url else {
            let storage = Bases::from_env()
                .storage(args.state.path.as_deref())
                .or_exit(Exit::Usage)?;
            return Ok(Self::Local(storage.state));
        };
        let (address, path) = place(url).or_exit(Exit::Usage)?;
        let token = match &args.token_file {
            Some(file) => fs::read_to_string(file)
                .with_context(|| format!("cannot read the token in {}", file.display()))
                .or_exit(Exit::Usage)?,
            None => env::var(TOKEN)
                .with_context(|| format!("--url needs a token: --token-file, or {TOKEN}"))
                .or_exit(Exit::Usage)?,
        };
        Ok(Self::Remote {
            address,
            path,
            token: token.trim().to_owned(),
        })
    }

    /// A connection to it. `harness` chooses the plugin of the sessions made
    /// here.
    pub(crate) async fn dial(&self, harness: Option<&str>) -> Result<Connection, Failure> {
        match self {
            Self::Local(state) => Connection::open(state, harness).await,
            Self::Remote {
                address,
                path,
                token,
            } => Connection::at("the host", address, path, token, harness).await,
        }
    }
}

impl Dial for Target {
    async fn dial(&self) -> Result<Connection, Failure> {
        Self::dial(self, None).await
    }

    fn reach(&self) -> Reach {
        match self {
            Self::Local(_) => Reach::Machine,
            Self::Remote { .. } => Reach::Network,
        }
    }
}

/// Host with port, and path, of a URL.
fn place(url: &str) -> anyhow::Result<(String, String)> {
    let rest = ["ws://", "http://"]
        .iter()
        .find_map(|s| url.strip_prefix(s));
    let rest = rest.ok_or_else(|| anyhow!("--url {url} must begin with ws:// or http://"))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') || path.contains(['?', '#']) {
        return Err(anyhow!(
            "--url {url} must be an address such as ws://HOST:PORT, without a user or a query"
        ));
    }
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let address = if has_port {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let path = if path.trim_matches('/').is_empty() {
        "/acp"
    } else {
        path
    };
    Ok((address, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_leave_out_port_and_path() {
        for (url, address, path) in [
            ("ws://h:7", "h:7", "/acp"),
            ("http://h/", "h:80", "/acp"),
            ("ws://h/x/acp", "h:80", "/x/acp"),
            ("ws://[::1]:7/acp", "[::1]:7", "/acp"),
            ("ws://[::1]", "[::1]:80", "/acp"),
        ] {
            let expected = (address.to_owned(), path.to_owned());
            assert_eq!(place(url).unwrap(), expected, "{url}");
        }
        for url in ["h:7", "ftp://h", "ws://", "ws://u@h", "ws://h/?token=x"] {
            assert!(place(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let target = Target::Remote {
            address: "h:7".into(),
            path: "/acp".into(),
            token: "secret".into(),
        };
        assert_eq!(format!("{target:?}"), "Remote(h:7/acp)");
    }
}

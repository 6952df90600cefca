//! `hostler.toml`, checked: everything in here can be used as it is, except that
//! nothing has been loaded or opened.

mod error;
mod file;
mod json;
mod plugins;
mod sessions;
#[cfg(test)]
mod tests;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use hostler_auth::HostRule;
use hostler_session::SessionConfig;
use hostler_store::Retention;
use hostler_workspace::Roots;
use toml::Spanned;

use crate::{bundle::Component, paths::Bases};
pub(crate) use error::ConfigError;
use error::Document;
pub(crate) use plugins::{GrantsFrom, PluginEntry};

/// What errors call a config for which there is no place.
const FILE: &str = "hostler.toml";

/// Where a host listens unless told otherwise.
pub(crate) const LISTEN: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(
    std::net::Ipv4Addr::LOCALHOST,
    7117,
));

/// The harness of a session for which none was named.
const HARNESS: &str = "claude-code";

/// A config file is a page of text; what is larger is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The whole configuration of a host.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to listen, if the file says so.
    pub(crate) listen: Option<SocketAddr>,
    /// `Host` and `Origin` headers that are accepted.
    pub(crate) hosts: HostRule,
    pub(crate) roots: Roots,
    /// The default harness.
    pub(crate) harness: String,
    pub(crate) session: SessionConfig,
    /// How much of sessions is kept.
    pub(crate) retention: Retention,
    /// By id.
    pub(crate) plugins: Vec<PluginEntry>,
    /// The ids with `enabled = false`.
    pub(crate) disabled: Vec<String>,
}

impl Config {
    /// Reads the file that was `given`, or else the usual one if it exists, or
    /// else takes the defaults.
    pub(crate) fn load(
        given: Option<&Path>,
        bases: &Bases,
        bundle: &[Component],
    ) -> Result<Self, ConfigError> {
        let usual = bases.config_file();
        let file = given.or(usual.as_deref());
        let text = match file.map(read) {
            None => String::new(),
            Some(Ok(text)) => text,
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound && given.is_none() => {
                String::new()
            }
            Some(Err(error)) => {
                let file = file.unwrap_or(Path::new(FILE));
                return Err(ConfigError::whole(file, format!("cannot be read: {error}")));
            }
        };
        let document = Document {
            file: file.unwrap_or(Path::new(FILE)),
            text: &text,
        };
        Self::parse(document, bases.home.as_deref(), bundle)
    }

    fn parse(
        document: Document<'_>,
        home: Option<&Path>,
        bundle: &[Component],
    ) -> Result<Self, ConfigError> {
        let file: file::File =
            toml::from_str(document.text).map_err(|error| document.refused(&error))?;
        let places = Places { document, home };
        let listen = file
            .server
            .listen
            .map(|text| parse_listen(document, &text))
            .transpose()?;
        let plugins = plugins::resolve(places, &file.plugin_folders, file.plugins, bundle)?;
        let session = sessions::session(document, &file.session)?;
        let retention = sessions::retention(document, &file.journal)?;
        let harness = match file.session.harness {
            None => HARNESS.to_owned(),
            Some(id)
                if plugins
                    .entries
                    .iter()
                    .any(|entry| entry.id() == id.as_ref()) =>
            {
                id.into_inner()
            }
            Some(id) => return Err(unknown_harness(document, &id, &plugins.entries)),
        };
        Ok(Self {
            listen,
            hosts: host_rule(document, file.server.hosts)?,
            roots: roots(places, file.workspace.roots)?,
            harness,
            session,
            retention,
            plugins: plugins.entries,
            disabled: plugins.disabled,
        })
    }
}

fn read(file: &Path) -> io::Result<String> {
    let meta = fs::metadata(file)?;
    if !meta.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(io::Error::other(format!(
            "it has {} bytes, and a config has at most {MAX_FILE_BYTES}",
            meta.len()
        )));
    }
    fs::read_to_string(file)
}

fn unknown_harness(
    document: Document<'_>,
    id: &Spanned<String>,
    entries: &[PluginEntry],
) -> ConfigError {
    let known: Vec<_> = entries.iter().map(PluginEntry::id).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let message = format!("there is no plugin `{}`; there are: {known}", id.get_ref());
    document.error(id.span(), message)
}

fn parse_listen(document: Document<'_>, text: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
    listen_address(text.get_ref()).map_err(|message| document.error(text.span(), message))
}

/// Reads an address to listen on. Other machines would read the token off the
/// wire, so it must be this machine's own.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| {
        format!("`{text}` is no address to listen on: write IP:PORT, such as {LISTEN}")
    })?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(format!(
        "`{text}` can be reached from other machines, and without TLS they could read the token: \
         listen on 127.0.0.1 or [::1], and reach the host through a tunnel such as `ssh -L`"
    ))
}

fn host_rule(
    document: Document<'_>,
    hosts: Option<Spanned<Vec<String>>>,
) -> Result<HostRule, ConfigError> {
    let Some(hosts) = hosts else {
        return Ok(HostRule::default());
    };
    HostRule::new(hosts.get_ref()).map_err(|error| document.error(hosts.span(), error.to_string()))
}

fn roots(places: Places<'_>, roots: Option<Vec<Spanned<String>>>) -> Result<Roots, ConfigError> {
    let document = places.document;
    let paths = match roots {
        Some(roots) => roots
            .iter()
            .map(|root| places.path(root))
            .collect::<Result<_, _>>()?,
        None => vec![places.home.map(Path::to_owned).ok_or_else(|| {
            ConfigError::whole(
                document.file,
                "there is no home directory to work under: set HOME, or [workspace] roots",
            )
        })?],
    };
    Roots::new(paths).map_err(|error| ConfigError::whole(document.file, error.to_string()))
}

/// How paths in the config are read.
#[derive(Debug, Clone, Copy)]
struct Places<'a> {
    document: Document<'a>,
    home: Option<&'a Path>,
}

impl Places<'_> {
    /// `~` is the home directory; a relative path is relative to the config
    /// file.
    fn path(&self, text: &Spanned<String>) -> Result<PathBuf, ConfigError> {
        let word = text.get_ref().as_str();
        let failed = |message: String| self.document.error(text.span(), message);
        if word.is_empty() {
            return Err(failed("the path is empty".into()));
        }
        let below_home = word.strip_prefix('~');
        let below_home = below_home.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(rest) = below_home {
            let home = self
                .home
                .ok_or_else(|| failed(format!("`{word}`: there is no home directory; set HOME")))?;
            return Ok(match rest.trim_start_matches('/') {
                "" => home.to_owned(),
                below => home.join(below),
            });
        }
        let folder = self.document.file.parent().unwrap_or(Path::new(""));
        std::path::absolute(folder.join(word)).map_err(|error| failed(format!("`{word}`: {error}")))
    }
}

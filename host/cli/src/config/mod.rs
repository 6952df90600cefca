//! `hostler.toml`, checked: everything in here can be used as it is, except that
//! nothing has been loaded or opened.

mod devices;
mod error;
mod file;
mod json;
mod listen;
mod plugins;
mod sessions;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use hostler_auth::HostRule;
use hostler_secret::{SecretName, SecretSource};
use hostler_server::MAX_CLIENTS;
use hostler_session::SessionConfig;
use hostler_store::Retention;
use hostler_workspace::Roots;
use toml::Spanned;

use crate::{bundle::Component, client::address::Address, notify::Notify, paths::Bases};
pub(crate) use error::ConfigError;
use error::Document;
pub(crate) use listen::{Cover, from_here, listen_address};
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

/// The most connections that can be asked for: each needs a file descriptor.
const MOST_CLIENTS: usize = 65_536;

/// A config file is a page of text; what is larger is some other file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The whole configuration of a host.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to listen, if the file says so.
    pub(crate) listen: Option<SocketAddr>,
    /// What protects what is said to the host.
    pub(crate) cover: Cover,
    /// `Host` and `Origin` headers that are accepted.
    pub(crate) hosts: HostRule,
    /// The names in it that the file lists.
    pub(crate) names: Vec<String>,
    /// WebSockets at the same time.
    pub(crate) max_clients: usize,
    pub(crate) notify: Notify,
    pub(crate) roots: Roots,
    /// The default harness.
    pub(crate) harness: String,
    /// The file says it.
    pub(crate) names_harness: bool,
    pub(crate) session: SessionConfig,
    /// What the operator says of devices.
    pub(crate) devices: hostler_device::Config,
    /// How much of sessions is kept.
    pub(crate) retention: Retention,
    /// Where secrets come from that are not kept.
    pub(crate) secrets: BTreeMap<SecretName, SecretSource>,
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
        let cover = cover(places, &file.server)?;
        let max_clients = max_clients(document, file.server.max_clients.as_ref())?;
        let names = file.server.hosts.as_ref();
        let names = names.map_or_else(Vec::new, |names| names.get_ref().clone());
        let listen = file
            .server
            .listen
            .map(|text| parse_listen(document, &text))
            .transpose()?;
        let plugins = plugins::resolve(places, &file.plugin_folders, file.plugins, bundle)?;
        let session = sessions::session(document, &file.session, &file.terminal)?;
        let retention = sessions::retention(document, &file.journal)?;
        let names_harness = file.session.harness.is_some();
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
            Some(id) => return Err(unknown_plugin(document, &id, &plugins.entries)),
        };
        let devices = devices::devices(document, file.devices, &plugins.entries)?;
        Ok(Self {
            devices,
            listen,
            cover,
            names,
            max_clients,
            notify: notify(document, file.notify)?,
            hosts: host_rule(document, file.server.hosts)?,
            roots: roots(places, file.workspace.roots)?,
            harness,
            names_harness,
            session,
            retention,
            secrets: secrets(document, file.secrets)?,
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

fn unknown_plugin(
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

/// What `[server]` says of TLS.
fn cover(places: Places<'_>, server: &file::Server) -> Result<Cover, ConfigError> {
    let document = places.document;
    let own = server.tls_own.as_ref().filter(|own| *own.get_ref());
    let proxy = server
        .behind_proxy
        .as_ref()
        .filter(|proxy| *proxy.get_ref());
    match (&server.tls_cert, &server.tls_key, own, proxy) {
        (None, None, None, None) => Ok(Cover::Loopback),
        (None, None, Some(_), None) => Ok(Cover::Own),
        (None, None, None, Some(_)) => Ok(Cover::Proxy),
        (Some(certificate), Some(key), None, None) => Ok(Cover::Files {
            certificate: places.path(certificate)?,
            key: places.path(key)?,
        }),
        (Some(one), None, ..) | (None, Some(one), ..) => {
            let message = "`tls_cert` and `tls_key` belong together: set both, or neither";
            Err(document.error(one.span(), message))
        }
        (_, _, one, other) => {
            let span = other.or(one).map_or(0..0, Spanned::span);
            let message =
                "only one of `tls_cert` with `tls_key`, `tls_own` and `behind_proxy` can be";
            Err(document.error(span, message))
        }
    }
}

fn max_clients(document: Document<'_>, max: Option<&Spanned<usize>>) -> Result<usize, ConfigError> {
    match max {
        None => Ok(MAX_CLIENTS),
        Some(max) if (1..=MOST_CLIENTS).contains(max.get_ref()) => Ok(*max.get_ref()),
        Some(max) => {
            let message = format!("`max_clients` is between 1 and {MOST_CLIENTS}");
            Err(document.error(max.span(), message))
        }
    }
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

fn notify(document: Document<'_>, notify: file::Notify) -> Result<Notify, ConfigError> {
    let webhook = notify.webhook.map(|url| {
        Address::parse(url.get_ref()).map_err(|error| document.error(url.span(), error.to_string()))
    });
    let command = notify.command.map(|command| {
        if command
            .get_ref()
            .first()
            .is_some_and(|program| !program.is_empty())
        {
            return Ok(command.into_inner());
        }
        let message = "`command` is a program and its arguments: [\"PROGRAM\", \"ARGUMENT\"]";
        Err(document.error(command.span(), message))
    });
    Ok(Notify {
        webhook: webhook.transpose()?,
        command: command.transpose()?,
    })
}

fn secrets(
    document: Document<'_>,
    sources: BTreeMap<SecretName, Spanned<SecretSource>>,
) -> Result<BTreeMap<SecretName, SecretSource>, ConfigError> {
    let mut secrets = BTreeMap::new();
    for (name, source) in sources {
        let missing = match source.get_ref() {
            SecretSource::Env(variable) => variable.is_empty(),
            SecretSource::Command(words) => words.first().is_none_or(String::is_empty),
        };
        if missing {
            let message = format!(
                "secret {name} comes from nowhere: write `env = \"VARIABLE\"`, or `command = \
                 [\"PROGRAM\", \"ARGUMENT\"]`"
            );
            return Err(document.error(source.span(), message));
        }
        secrets.insert(name, source.into_inner());
    }
    Ok(secrets)
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

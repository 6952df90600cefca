//! The shape of `hostler.toml`. An unknown key is an error: a setting that is
//! misspelt and ignored would be a grant or a limit that is not there.

use std::collections::BTreeMap;

use hostler_runtime::{Grants, Limits};
use hostler_secret::{SecretName, SecretSource};
use serde::Deserialize;
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct File {
    /// Folders whose `*.wasm` are plugins called like the file.
    pub(super) plugin_folders: Vec<Spanned<String>>,
    pub(super) server: Server,
    pub(super) workspace: Workspace,
    pub(super) session: Session,
    pub(super) journal: Journal,
    pub(super) terminal: Terminal,
    pub(super) notify: Notify,
    pub(super) devices: Devices,
    /// Secrets that are not kept by the host itself.
    pub(super) secrets: BTreeMap<SecretName, Spanned<SecretSource>>,
    pub(super) plugins: BTreeMap<Spanned<String>, PluginTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) listen: Option<Spanned<String>>,
    /// Further names that the host answers to.
    pub(super) hosts: Option<Spanned<Vec<String>>>,
    /// Certificate and key, in PEM.
    pub(super) tls_cert: Option<Spanned<String>>,
    pub(super) tls_key: Option<Spanned<String>>,
    /// A certificate that the host makes.
    pub(super) tls_own: Option<Spanned<bool>>,
    /// Plain HTTP, because a proxy speaks TLS.
    pub(super) behind_proxy: Option<Spanned<bool>>,
    pub(super) max_clients: Option<Spanned<usize>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Notify {
    /// An address that gets a POST.
    pub(super) webhook: Option<Spanned<String>>,
    /// A program and its arguments.
    pub(super) command: Option<Spanned<Vec<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Workspace {
    pub(super) roots: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Session {
    pub(super) harness: Option<Spanned<String>>,
    /// `shared`, `first` or `lease`.
    pub(super) control: Option<Spanned<String>>,
    pub(super) max_live: Option<Spanned<u64>>,
    /// A duration, such as `10m`.
    pub(super) permission_deadline: Option<Spanned<String>>,
    /// Conversations from outside can be gone on with.
    pub(super) outside: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Journal {
    pub(super) max_session_bytes: Option<Spanned<u64>>,
    pub(super) max_total_bytes: Option<Spanned<u64>>,
    /// A duration, such as `90d`.
    pub(super) max_age: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Terminal {
    /// In one session.
    pub(super) max: Option<Spanned<u64>>,
    /// Output of each that is kept.
    pub(super) ring_bytes: Option<Spanned<u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Devices {
    /// The plugin that says who gets which device.
    pub(super) policy: Option<Spanned<String>>,
    pub(super) policies: Option<Vec<Spanned<String>>>,
    /// How long what a provider listed counts, such as `15s`.
    pub(super) list_ttl: Option<Spanned<String>>,
    /// Devices by the operator's own names: keys, hardware ids or names.
    pub(super) pools: BTreeMap<Spanned<String>, Spanned<Vec<String>>>,
}

/// `[plugins.ID]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PluginTable {
    /// The name of a bundled component, or a path: it has a `/`.
    pub(super) component: Option<Spanned<String>>,
    pub(super) enabled: bool,
    pub(super) config: Option<Spanned<toml::Table>>,
    pub(super) limits: Limits,
    /// In place of the built-in ones.
    pub(super) grants: Option<Spanned<Grants>>,
}

impl Default for PluginTable {
    fn default() -> Self {
        Self {
            component: None,
            enabled: true,
            config: None,
            limits: Limits::default(),
            grants: None,
        }
    }
}

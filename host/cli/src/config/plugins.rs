//! Which plugins there are: those in `plugin-folders`, the bundled components
//! that know what to run, and those that `[plugins.ID]` makes or changes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use hostler_runtime::{Grants, PluginSpec, Source};
use toml::Spanned;

use super::{ConfigError, Places, file::PluginTable, json::json_object};
use crate::bundle::{self, Component};

/// An id stands in URLs, tables and file names.
const MAX_ID_CHARS: usize = 64;

/// A plugin of this host, ready to be loaded.
#[derive(Debug, Clone)]
pub(crate) struct PluginEntry {
    pub(crate) spec: PluginSpec,
    /// Its component, for people.
    pub(crate) component: String,
    pub(crate) grants_from: GrantsFrom,
}

impl PluginEntry {
    pub(crate) fn id(&self) -> &str {
        &self.spec.id
    }
}

/// Who granted what a plugin may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GrantsFrom {
    /// The bundled component's own `grants.toml`.
    BuiltIn,
    /// `[plugins.ID.grants]`.
    File { file: PathBuf, line: usize },
    /// Nobody: it may do nothing.
    Nobody,
}

/// What the config comes to.
#[derive(Debug)]
pub(super) struct Plugins {
    /// By id.
    pub(super) entries: Vec<PluginEntry>,
    pub(super) disabled: Vec<String>,
}

/// Where a component is.
#[derive(Debug, Clone)]
enum Place {
    Bundled(Component),
    File(PathBuf),
}

pub(super) fn resolve(
    places: Places<'_>,
    folders: &[Spanned<String>],
    tables: BTreeMap<Spanned<String>, PluginTable>,
    bundle: &[Component],
) -> Result<Plugins, ConfigError> {
    let found = in_folders(places, folders, bundle)?;
    let mut plugins: BTreeMap<String, (Place, PluginTable)> = BTreeMap::new();
    for component in bundle.iter().filter(|component| component.grants.is_some()) {
        let plugin = (Place::Bundled(*component), PluginTable::default());
        plugins.insert(component.name.to_owned(), plugin);
    }
    for (id, path) in &found {
        let plugin = (Place::File(path.clone()), PluginTable::default());
        plugins.insert(id.clone(), plugin);
    }
    for (id, table) in tables {
        check_id(id.get_ref()).map_err(|message| places.document.error(id.span(), message))?;
        let place = place(places, &id, &table, &found, bundle)?;
        plugins.insert(id.into_inner(), (place, table));
    }

    let mut entries = Vec::new();
    let mut disabled = Vec::new();
    for (id, (place, table)) in plugins {
        let enabled = table.enabled;
        let entry = entry(places, id, place, table)?;
        if enabled {
            entries.push(entry);
        } else {
            disabled.push(entry.spec.id);
        }
    }
    Ok(Plugins { entries, disabled })
}

/// The `*.wasm` of the folders, by id.
fn in_folders(
    places: Places<'_>,
    folders: &[Spanned<String>],
    bundle: &[Component],
) -> Result<BTreeMap<String, PathBuf>, ConfigError> {
    let mut found = BTreeMap::new();
    for folder in folders {
        let failed = |message: String| places.document.error(folder.span(), message);
        let path = places.path(folder)?;
        let unreadable = |error| failed(format!("{} cannot be read: {error}", path.display()));
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let wasm = entry.map_err(unreadable)?.path();
            if wasm.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            let id = wasm.file_stem().unwrap_or_default().to_string_lossy();
            check_id(&id).map_err(|message| failed(format!("{}: {message}", wasm.display())))?;
            let other = if bundle.iter().any(|component| component.name == id) {
                Some(format!("the bundled component {id}"))
            } else {
                found
                    .insert(id.clone().into_owned(), wasm.clone())
                    .map(|other: PathBuf| other.display().to_string())
            };
            if let Some(other) = other {
                return Err(failed(format!(
                    "two plugins would be called `{id}`: {} and {other}; rename the file",
                    wasm.display()
                )));
            }
        }
    }
    Ok(found)
}

/// Where the component of `[plugins.ID]` is.
fn place(
    places: Places<'_>,
    id: &Spanned<String>,
    table: &PluginTable,
    found: &BTreeMap<String, PathBuf>,
    bundle: &[Component],
) -> Result<Place, ConfigError> {
    let in_folder = found.get(id.get_ref());
    let bundled = |name: &str| bundle.iter().find(|component| component.name == name);
    let Some(component) = &table.component else {
        return in_folder
            .cloned()
            .map(Place::File)
            .or_else(|| bundled(id.get_ref()).copied().map(Place::Bundled))
            .ok_or_else(|| {
                let message = format!(
                    "there is no component `{0}`: {1}; name one by `component = …`",
                    id.get_ref(),
                    known(bundle)
                );
                places.document.error(id.span(), message)
            });
    };
    let failed = |message: String| Err(places.document.error(component.span(), message));
    let name = component.get_ref();
    if let Some(file) = in_folder {
        return failed(format!(
            "two plugins would be called `{}`: {name} and {}; leave out `component`, or choose \
             another id",
            id.get_ref(),
            file.display()
        ));
    }
    if name.contains('/') {
        return Ok(Place::File(places.path(component)?));
    }
    match bundled(name) {
        Some(component) => Ok(Place::Bundled(*component)),
        None if Path::new(name).extension().is_some_and(|e| e == "wasm") => failed(format!(
            "`{name}` would be a bundled component; to name a file, write `./{name}`"
        )),
        None => failed(format!(
            "there is no bundled component `{name}`: {}; a path must contain a `/`",
            known(bundle)
        )),
    }
}

fn known(bundle: &[Component]) -> String {
    if bundle.is_empty() {
        return bundle::EMPTY.to_owned();
    }
    let names: Vec<_> = bundle.iter().map(|component| component.name).collect();
    format!("the bundled ones are {}", names.join(", "))
}

fn entry(
    places: Places<'_>,
    id: String,
    place: Place,
    table: PluginTable,
) -> Result<PluginEntry, ConfigError> {
    let document = places.document;
    let built_in = match &place {
        Place::Bundled(component) => component
            .grants()
            .map_err(|error| ConfigError::whole(document.file, format!("{error:#}")))?,
        Place::File(_) => None,
    };
    let (grants, grants_from) = match (table.grants, built_in) {
        (Some(grants), _) => {
            let from = GrantsFrom::File {
                file: document.file.to_owned(),
                line: document.line(grants.span().start),
            };
            (grants.into_inner(), from)
        }
        (None, Some(grants)) => (grants, GrantsFrom::BuiltIn),
        (None, None) => (Grants::default(), GrantsFrom::Nobody),
    };
    let config = match table.config {
        None => serde_json::Value::Object(serde_json::Map::new()),
        Some(config) => {
            let span = config.span();
            json_object(config.into_inner()).map_err(|key| {
                let message = format!(
                    "[plugins.{id}.config] {key}: plugins get their settings as JSON, which has \
                     no infinity and no NaN"
                );
                document.error(span, message)
            })?
        }
    };
    let (source, component) = match place {
        Place::Bundled(component) => (
            Source::Bytes(Bytes::from_static(component.wasm)),
            format!("{} (bundled)", component.name),
        ),
        Place::File(path) => {
            let name = path.display().to_string();
            (Source::File(path), name)
        }
    };
    Ok(PluginEntry {
        spec: PluginSpec {
            id,
            source,
            grants,
            limits: table.limits,
            config,
        },
        component,
        grants_from,
    })
}

fn check_id(id: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !id.is_empty() && id.len() <= MAX_ID_CHARS && id.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "`{id}` is no plugin id: it has 1 to {MAX_ID_CHARS} lower-case letters, digits and `-`"
    ))
}

//! The components that are built into this binary.

use anyhow::Context as _;
use hostler_runtime::Grants;

/// One component of the bundle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    /// The name of its folder under `plugins/`.
    pub(crate) name: &'static str,
    pub(crate) wasm: &'static [u8],
    /// Its `grants.toml`; an empty one for what needs no grant. Without one it is a
    /// plugin only where `hostler.toml` says so, because by itself it does not
    /// know what to run.
    pub(crate) grants: Option<&'static str>,
}

impl Component {
    /// The built-in grants.
    pub(crate) fn grants(&self) -> anyhow::Result<Option<Grants>> {
        self.grants
            .map(toml::from_str)
            .transpose()
            .with_context(|| format!("the built-in grants of component {}", self.name))
    }
}

/// All of them, by name.
pub(crate) const BUNDLE: &[Component] = include!(concat!(env!("OUT_DIR"), "/bundle.rs"));

/// What to say when there are none.
pub(crate) const EMPTY: &str =
    "this build has no plugins in it: run `cargo xtask plugins`, then build hostler again";

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn the_built_in_grants_of_every_plugin_are_valid() {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
        let mut seen = 0;
        for entry in fs::read_dir(plugins).unwrap() {
            let path = entry.unwrap().path().join("grants.toml");
            if path.is_file() {
                let text = fs::read_to_string(&path).unwrap();
                let grants = toml::from_str::<Grants>(&text);
                assert!(grants.is_ok(), "{}: {grants:?}", path.display());
                seen += 1;
            }
        }
        assert!(seen > 0);
    }

    #[test]
    fn a_component_without_a_grants_file_has_no_grants() {
        let component = Component {
            name: "x",
            wasm: b"",
            grants: None,
        };
        assert_eq!(component.grants().unwrap(), None);
    }
}

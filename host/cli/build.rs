//! Embeds the components of `dist/plugins`, each with the `grants.toml` of the
//! folder under `plugins/` that has its name. Without components the bundle is
//! empty: the host must compile before the first plugin does.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = manifest
        .ancestors()
        .nth(2)
        .ok_or_else(|| io::Error::other("this crate is not in host/cli"))?;
    let dist = root.join("dist/plugins");
    watch(&dist);

    let mut components = Vec::new();
    if dist.is_dir() {
        for entry in fs::read_dir(&dist)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "wasm")
            {
                components.push(path);
            }
        }
    }
    components.sort();

    let mut code = String::from("&[\n");
    for wasm in &components {
        watch(wasm);
        let name = wasm.file_stem().unwrap_or_default().to_string_lossy();
        let folder = root.join("plugins").join(&*name);
        if folder.is_dir() {
            watch(&folder);
        }
        let grants = folder.join("grants.toml");
        let grants = if grants.is_file() {
            format!("Some(include_str!({grants:?}))")
        } else {
            "None".to_owned()
        };
        let _ = writeln!(
            code,
            "Component {{ name: {name:?}, wasm: include_bytes!({wasm:?}), grants: {grants} }},"
        );
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("bundle.rs"), code)
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

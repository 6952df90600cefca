//! Tells the library where tests may keep files between runs: cargo tells only
//! integration tests.

use std::path::PathBuf;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let shared = out.join("cache");
    std::fs::create_dir_all(&shared).expect("a folder under OUT_DIR");
    println!(
        "cargo::rustc-env=CARGO_TARGET_TMPDIR_OF_TESTS={}",
        shared.display()
    );
    println!("cargo::rerun-if-changed=build.rs");
}

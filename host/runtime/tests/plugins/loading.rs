//! From bytes to a plugin, or to an error.

use hostler_runtime::{LoadError, Source};
use hostler_test_support::{component, trial};
use libtest_mimic::Trial;

use crate::support::{Host, MISBEHAVING, file, runtime_in, spec};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("random_bytes_are_an_error", &[], random_bytes),
        trial("a_core_module_is_an_error", &[], core_module),
        trial(
            "a_component_without_the_exports_is_of_the_wrong_world",
            &[],
            wrong_world,
        ),
        trial(
            "an_import_outside_the_contract_is_of_the_wrong_world",
            &[],
            outside,
        ),
        trial("a_missing_file_is_named", &[], missing_file),
        trial(
            "truncated_and_flipped_components_are_errors_and_never_panics",
            MISBEHAVING,
            damaged,
        ),
        trial(
            "a_component_is_compiled_once_and_found_after_a_restart",
            MISBEHAVING,
            cached,
        ),
        trial(
            "a_damaged_cache_entry_is_built_again",
            MISBEHAVING,
            damaged_cache,
        ),
        trial(
            "only_interfaces_of_the_contract_are_imported",
            MISBEHAVING,
            imports,
        ),
    ]
}

async fn error(host: &Host, bytes: Vec<u8>) -> LoadError {
    match host.load(Source::Bytes(bytes.into())).await {
        Ok(_) => panic!("the bytes were taken for a plugin"),
        Err(error) => error,
    }
}

async fn random_bytes() {
    let host = Host::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for len in [0, 1, 4, 8, 100, 5000] {
        let noise = (0..len).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        });
        let error = error(&host, noise.collect()).await;
        assert!(matches!(error, LoadError::Invalid { .. }), "{len}: {error}");
    }
}

async fn core_module() {
    let error = error(&Host::new(), b"\0asm\x01\0\0\0".to_vec()).await;
    assert!(matches!(error, LoadError::Invalid { .. }), "{error}");
}

async fn wrong_world() {
    let error = error(&Host::new(), b"\0asm\x0d\0\x01\0".to_vec()).await;
    assert!(matches!(error, LoadError::WrongWorld { .. }), "{error}");
    assert!(error.to_string().contains("exports nothing"), "{error}");
    let two = r#"(component (instance $it)
        (export "hostler:harness/harness@0.1.0-draft" (instance $it))
        (export "hostler:policy/policy@0.1.0-draft" (instance $it)))"#;
    let error = self::error(&Host::new(), wat::parse_str(two).unwrap()).await;
    assert!(matches!(error, LoadError::WrongWorld { .. }), "{error}");
    for export in ["hostler:harness/harness", "hostler:policy/policy"] {
        assert!(error.to_string().contains(export), "{error}");
    }
}

async fn outside() {
    for import in [
        "wasi:cli/environment@0.2.6",
        "wasi:http/outgoing-handler@0.2.6",
    ] {
        let text = format!(
            r#"(component (import "{import}" (instance (export "get" (func)))) (instance $it)
                (export "hostler:harness/harness@0.1.0-draft" (instance $it)))"#
        );
        let error = error(&Host::new(), wat::parse_str(&text).unwrap()).await;
        assert!(matches!(error, LoadError::WrongWorld { .. }), "{error}");
        assert!(error.to_string().contains(import), "{error}");
    }
}

async fn missing_file() {
    let host = Host::new();
    let path = host.folder.path().join("nowhere.wasm");
    let error = host.load(Source::File(path.clone())).await.unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
}

async fn damaged() {
    let host = Host::with_empty_cache();
    let good = std::fs::read(component("guests/misbehaving")).unwrap();
    for cut in [9, 100, good.len() / 3, good.len() / 2, good.len() - 1] {
        let error = error(&host, good[..cut].to_vec()).await;
        assert!(matches!(error, LoadError::Invalid { .. }), "{cut}: {error}");
    }
    // A flipped byte may leave a valid component; it must not panic or hang.
    for step in 1..12 {
        let mut bad = good.clone();
        let at = good.len() * step / 12;
        bad[at] ^= 0x5a;
        let loaded = host.load(Source::Bytes(bad.into())).await;
        // A panic of the compiler would look like this.
        assert!(
            !matches!(loaded, Err(LoadError::Compiler { .. })),
            "{loaded:?}"
        );
    }
}

async fn cached() {
    let host = Host::with_empty_cache();
    let entries = || {
        std::fs::read_dir(host.folder.path().join("cache"))
            .unwrap()
            .count()
    };
    host.misbehaving("").await;
    assert_eq!(entries(), 1);
    let entry = std::fs::read_dir(host.folder.path().join("cache"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let written = entry.metadata().unwrap().modified().unwrap();
    let again = runtime_in(host.folder.path());
    let source = Source::File(component("guests/misbehaving"));
    again.load(spec(source)).await.unwrap();
    assert_eq!(entries(), 1);
    assert_eq!(entry.metadata().unwrap().modified().unwrap(), written);
}

async fn damaged_cache() {
    let host = Host::with_empty_cache();
    host.misbehaving("").await;
    let entry = std::fs::read_dir(host.folder.path().join("cache"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    std::fs::write(entry.path(), b"not what this host wrote").unwrap();
    let plugin = host.misbehaving("").await;
    let mut session = host.session(&plugin, None);
    session.opened().await.unwrap().unwrap();
    session.turn("echo works").await.unwrap().unwrap();
    assert_eq!(session.text, "works");
    assert!(entry.path().metadata().unwrap().len() > 1000);
}

async fn imports() {
    let host = Host::new();
    let path = file(
        &host,
        "copy.wasm",
        &std::fs::read(component("guests/misbehaving")).unwrap(),
    );
    let plugin = host.load(Source::File(path)).await.unwrap();
    for import in plugin.imports() {
        assert!(import.starts_with("hostler:"), "{import}");
    }
    assert_eq!(plugin.digest().len(), 64);
}

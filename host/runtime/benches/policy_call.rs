//! A question to a lease policy: a fresh instance, the call, and its end. Each
//! question is another one, so that no answer is remembered.
//!
//! `cargo xtask plugins policy && cargo bench -p hostler-runtime --bench policy_call`

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use criterion::Criterion;
use hostler_egress::Egress;
use hostler_provider::{Caller, Policy as _, Wish};
use hostler_runtime::{
    Grants, Limits, Plugin, PluginSpec, PolicyPlugin, Runtime, RuntimeOptions, Source,
    children::Helper,
};
use hostler_secret::Vault;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|word| word == "compile") {
        return hostler_runtime::compile_main();
    }
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/guests/policy.wasm");
    let Ok(component) = std::fs::read(component) else {
        eprintln!("SKIPPED policy_call: needs dist/guests/policy.wasm (run: cargo xtask plugins)");
        return ExitCode::SUCCESS;
    };
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let policy = tokio.block_on(load(component, folder.path()));
    let mut asked = 0_u64;
    criterion.bench_function("policy_question", |bencher| {
        bencher.iter_custom(|count| {
            let first = asked;
            asked += count;
            tokio.block_on(ask(&policy, first..first + count))
        });
    });
    criterion.final_summary();
    ExitCode::SUCCESS
}

async fn load(component: Vec<u8>, folder: &std::path::Path) -> PolicyPlugin {
    let runtime = Runtime::new(RuntimeOptions {
        helper: Helper::new(std::env::current_exe().unwrap()),
        egress: Egress::default(),
        vault: Vault::default(),
        cache_dir: folder.join("cache"),
        key_file: folder.join("key"),
    })
    .unwrap();
    let spec = PluginSpec {
        id: "bench".into(),
        source: Source::Bytes(component.into()),
        grants: Grants::default(),
        limits: Limits::default(),
        config: serde_json::json!({}),
    };
    match runtime.load(spec).await.unwrap() {
        Plugin::Policy(policy) => policy,
        other => panic!("the guest is a {}", other.world()),
    }
}

async fn ask(policy: &PolicyPlugin, times: std::ops::Range<u64>) -> Duration {
    let caller = Caller {
        principal: "anna".into(),
        session: "work".into(),
        tenant: None,
        run: None,
        client: None,
        backend: None,
        implicit: false,
    };
    let begun = Instant::now();
    for time in times {
        let wish = Wish {
            ttl: Some(Duration::from_millis(5_000 + time)),
            ..Wish::default()
        };
        policy.terms(&caller, &wish).await.unwrap();
    }
    begun.elapsed()
}

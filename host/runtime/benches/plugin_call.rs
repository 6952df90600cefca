//! A plugin call with 1 KB of JSON in and out, which the guest parses and emits
//! again: through the whole runtime (mailbox, actor, limits, checks, outputs)
//! against the bare component call of the same guest in the same run.
//!
//! The caller of the whole runtime is a task of the same pool, as a host's
//! sessions are: a caller on a thread of its own would measure the kernel's way
//! of waking threads, twice a call.
//!
//! `cargo xtask plugins && cargo bench -p hostler-runtime`

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::Criterion;
use hostler_egress::Egress;
use hostler_runtime::{
    Command, Event, Grants, Harness, Limits, OpenParams, Output, Plugin, PluginSpec, Runtime,
    RuntimeOptions, SessionOrigin, Source, children::Helper,
};
use hostler_secret::Vault;
use tokio::sync::{Mutex, mpsc};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, ComponentType, Lift, Linker, ResourceAny, TypedFunc, Val},
};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|word| word == "compile") {
        return hostler_runtime::compile_main();
    }
    let component = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../dist/guests/misbehaving.wasm"
    );
    let Ok(component) = std::fs::read(component) else {
        eprintln!(
            "SKIPPED plugin_call: needs dist/guests/misbehaving.wasm (run: cargo xtask plugins)"
        );
        return ExitCode::SUCCESS;
    };
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let prompt = prompt();
    let mut group = criterion.benchmark_group("plugin_call_1kb_json");
    let mut bare = Bare::new(&component);
    group.bench_function("bare_wasmtime", |bencher| {
        bencher.iter(|| bare.call(&prompt));
    });
    let whole = Whole::new(component);
    group.bench_function("whole_runtime", |bencher| {
        bencher.iter_custom(|count| whole.calls(count, &prompt));
    });
    group.finish();
    criterion.final_summary();
    ExitCode::SUCCESS
}

/// A prompt whose JSON argument has about 1 KB.
fn prompt() -> String {
    let entries: Vec<_> = (0..16)
        .map(
            |n| serde_json::json!({ "id": n, "name": "entry of the list", "tags": ["one", "two"] }),
        )
        .collect();
    let text = format!("json-roundtrip {}", serde_json::Value::from(entries));
    serde_json::json!([{ "type": "text", "text": text }]).to_string()
}

/// The guest without Hostler: the same engine settings but no limits, and
/// imports that do nothing.
struct Bare {
    store: Store<()>,
    session: ResourceAny,
    prompt: TypedFunc<(ResourceAny, u64, String), (Result<(), GuestError>,)>,
}

#[derive(ComponentType, Lift, Debug)]
#[component(variant)]
#[allow(dead_code)] // the values are read by Debug alone, when a call fails
enum GuestError {
    #[component(name = "denied")]
    Denied(String),
    #[component(name = "limit")]
    Limit(String),
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "not-found")]
    NotFound(String),
    #[component(name = "would-block")]
    WouldBlock,
    #[component(name = "other")]
    Other(Option<String>),
}

impl Bare {
    fn new(component: &[u8]) -> Self {
        let mut config = Config::new();
        config.wasm_component_model(true);
        let engine = Engine::new(&config).unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut linker = Linker::<()>::new(&engine);
        linker.allow_shadowing(true);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let mut client = linker
            .instance("hostler:harness/client@0.1.0-draft")
            .unwrap();
        for name in ["update", "answer"] {
            client
                .func_new(name, |_, _, _, results| {
                    results[0] = Val::Result(Ok(None));
                    Ok(())
                })
                .unwrap();
        }
        linker
            .instance("hostler:host/config@0.1.0-draft")
            .unwrap()
            .func_new("get", |_, _, _, results| {
                results[0] = Val::Result(Ok(Some(Box::new(Val::String("{}".into())))));
                Ok(())
            })
            .unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let exports = instance
            .get_export_index(&mut store, None, "hostler:harness/harness@0.1.0-draft")
            .unwrap();
        let mut function = |name: &str| {
            let index = instance
                .get_export_index(&mut store, Some(&exports), name)
                .unwrap();
            instance.get_func(&mut store, index).unwrap()
        };
        let open = function("[static]session.open");
        let prompt = function("[method]session.prompt");
        let params = Val::Record(vec![
            ("session".into(), Val::String("s".into())),
            ("cwd".into(), Val::String("/".into())),
            ("additional-directories".into(), Val::List(Vec::new())),
        ]);
        let mut results = [Val::Bool(false)];
        open.call(
            &mut store,
            &[Val::U64(0), params, Val::Option(None)],
            &mut results,
        )
        .unwrap();
        let [Val::Result(Ok(Some(session)))] = results else {
            panic!("the guest did not open");
        };
        let Val::Resource(session) = *session else {
            panic!("no session");
        };
        let prompt = prompt.typed(&store).unwrap();
        Self {
            store,
            session,
            prompt,
        }
    }

    fn call(&mut self, prompt: &str) {
        let params = (self.session, 1, prompt.to_owned());
        let (answer,) = self.prompt.call(&mut self.store, params).unwrap();
        answer.unwrap();
    }
}

/// The guest as a session of a host.
struct Whole {
    tokio: tokio::runtime::Runtime,
    harness: Harness,
    events: Arc<Mutex<mpsc::Receiver<Event>>>,
    _folder: tempfile::TempDir,
}

impl Whole {
    fn new(component: Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let (harness, events) = tokio.block_on(async {
            let runtime = Runtime::new(RuntimeOptions {
                helper: Helper::new(std::env::current_exe().unwrap()),
                egress: Egress::default(),
                vault: Vault::default(),
                cache_dir: folder.path().join("cache"),
                key_file: folder.path().join("key"),
            })
            .unwrap();
            let spec = PluginSpec {
                id: "bench".into(),
                source: Source::Bytes(component.into()),
                grants: Grants::default(),
                limits: Limits::default(),
                config: serde_json::json!({}),
            };
            let Plugin::Harness(plugin) = runtime.load(spec).await.unwrap() else {
                panic!("the guest is no harness");
            };
            let params = OpenParams {
                session: "s".into(),
                cwd: folder.path().to_owned(),
                additional_directories: Vec::new(),
                mcp_servers: Vec::new(),
            };
            let (harness, mut events) = plugin.start(params, SessionOrigin::Fresh);
            events.recv().await.unwrap();
            (harness, events)
        });
        Self {
            tokio,
            harness,
            events: Arc::new(Mutex::new(events)),
            _folder: folder,
        }
    }

    /// How long so many calls take, one after the other.
    fn calls(&self, count: u64, prompt: &str) -> Duration {
        let caller = Caller {
            harness: self.harness.clone(),
            events: self.events.clone(),
            prompt: prompt.to_owned(),
        };
        let calls = self.tokio.spawn(caller.calls(count));
        self.tokio.block_on(calls).unwrap()
    }
}

struct Caller {
    harness: Harness,
    events: Arc<Mutex<mpsc::Receiver<Event>>>,
    prompt: String,
}

impl Caller {
    async fn calls(self, count: u64) -> Duration {
        let mut events = self.events.lock().await;
        let begin = Instant::now();
        for request in 1..=count {
            let prompt = self.prompt.clone();
            self.harness.send(Command::Prompt { request, prompt }).await;
            while !answered(events.recv().await) {}
        }
        begin.elapsed()
    }
}

fn answered(event: Option<Event>) -> bool {
    match event {
        Some(Event::Outputs(outputs)) => outputs
            .iter()
            .any(|output| matches!(output, Output::Answer { .. })),
        other => panic!("{other:?}"),
    }
}

//! What a config means, and every message about one that is wrong.

use hostler_store::Retention;

use super::*;
use hostler_runtime::{FileAccess, Limits, Source};
use std::fs;

mod server;

const BUNDLE: &[Component] = &[
    Component {
        name: "acp-agent",
        wasm: b"acp",
        grants: None,
    },
    Component {
        name: "claude-code",
        wasm: b"claude",
        grants: Some("[[process]]\nprogram = \"claude\"\nargs = [[\"--version\"]]\n"),
    },
];

pub(super) fn parse_in(file: &Path, text: &str) -> Result<Config, ConfigError> {
    Config::parse(Document { file, text }, Some(Path::new("/home/u")), BUNDLE)
}

fn parse(text: &str) -> Config {
    parse_in(Path::new("/etc/h/hostler.toml"), text).unwrap()
}

/// The message about a config that is wrong.
fn refused(text: &str) -> String {
    parse_in(Path::new("/etc/h/hostler.toml"), text)
        .unwrap_err()
        .to_string()
}

fn plugin<'a>(config: &'a Config, id: &str) -> &'a PluginEntry {
    config
        .plugins
        .iter()
        .find(|entry| entry.id() == id)
        .unwrap()
}

#[test]
fn without_a_file_the_host_is_on_loopback_with_the_bundled_plugins() {
    let config = parse("");
    assert_eq!(config.listen, None);
    assert_eq!(config.harness, "claude-code");
    assert!(format!("{:?}", config.roots).contains("/home/u"));
    let ids: Vec<_> = config.plugins.iter().map(PluginEntry::id).collect();
    assert_eq!(
        ids,
        ["claude-code"],
        "a component without grants is no plugin by itself"
    );
    let claude = plugin(&config, "claude-code");
    assert_eq!(claude.grants_from, GrantsFrom::BuiltIn);
    assert_eq!(claude.spec.grants.process[0].program, "claude");
    assert_eq!(claude.component, "claude-code (bundled)");
}

#[test]
fn every_setting_is_read() {
    let config = parse(
        r#"
[server]
listen = "[::1]:0"
hosts = ["box.example.com"]
[workspace]
roots = ["~", "~/src", "work", "/srv"]
[session]
harness = "mine"
[plugins.mine]
component = "acp-agent"
[plugins.mine.config]
command = ["agent", "--acp"]
[plugins.mine.limits]
memory_mib = 64
[plugins.mine.grants]
files = "read-write"
terminal = true
"#,
    );
    assert_eq!(config.listen.unwrap().to_string(), "[::1]:0");
    assert!(config.hosts.allows_host("box.example.com:7117"));
    assert_eq!(config.harness, "mine");
    let roots = format!("{:?}", config.roots);
    for root in [
        "\"/home/u\"",
        "\"/home/u/src\"",
        "\"/etc/h/work\"",
        "\"/srv\"",
    ] {
        assert!(roots.contains(root), "{root} in {roots}");
    }
    let mine = plugin(&config, "mine");
    assert!(matches!(&mine.spec.source, Source::Bytes(bytes) if bytes.as_ref() == b"acp"));
    assert_eq!(mine.spec.config["command"][1], "--acp");
    assert_eq!(mine.spec.limits.memory_mib, 64);
    assert_eq!(mine.spec.limits.cpu_ms, Limits::default().cpu_ms);
    assert_eq!(mine.spec.grants.files, Some(FileAccess::ReadWrite));
    assert_eq!(
        mine.grants_from,
        GrantsFrom::File {
            file: "/etc/h/hostler.toml".into(),
            line: 15
        }
    );
}

#[test]
fn grants_in_the_file_replace_the_built_in_ones() {
    let config = parse(
        "[plugins.claude-code]\n[[plugins.claude-code.grants.process]]\nprogram = \"other\"\nargs = [[]]\n",
    );
    let programs: Vec<_> = plugin(&config, "claude-code")
        .spec
        .grants
        .process
        .iter()
        .map(|grant| grant.program.as_str())
        .collect();
    assert_eq!(programs, ["other"]);

    let config = parse("[plugins.claude-code.grants]\n");
    assert!(
        plugin(&config, "claude-code")
            .spec
            .grants
            .process
            .is_empty()
    );
}

#[test]
fn settings_without_grants_keep_the_built_in_ones() {
    let config = parse("[plugins.claude-code.limits]\nchildren = 1\n");
    let claude = plugin(&config, "claude-code");
    assert_eq!(claude.grants_from, GrantsFrom::BuiltIn);
    assert_eq!(claude.spec.limits.children, 1);
}

#[test]
fn another_component_under_a_known_id_gets_no_built_in_grants() {
    let config = parse("[plugins.claude-code]\ncomponent = \"./mine.wasm\"\n");
    let claude = plugin(&config, "claude-code");
    assert_eq!(claude.grants_from, GrantsFrom::Nobody);
    assert!(claude.spec.grants.process.is_empty());
    assert!(matches!(&claude.spec.source, Source::File(path) if path == "/etc/h/mine.wasm"));
}

#[test]
fn a_disabled_plugin_is_not_loaded_but_known() {
    let config = parse("[plugins.claude-code]\nenabled = false\n");
    assert!(config.plugins.is_empty());
    assert_eq!(config.disabled, ["claude-code"]);
}

#[test]
fn a_folder_of_components_makes_plugins_that_tables_can_set() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    for name in ["one.wasm", "two.wasm", "notes.txt"] {
        fs::write(folder.path().join("more").join(name), "").unwrap();
    }
    let file = folder.path().join("hostler.toml");
    let config = parse_in(
        &file,
        "plugin-folders = [\"more\"]\n[plugins.two.config]\nkey = 1\n",
    )
    .unwrap();
    let ids: Vec<_> = config.plugins.iter().map(PluginEntry::id).collect();
    assert_eq!(ids, ["claude-code", "one", "two"]);
    let two = plugin(&config, "two");
    assert_eq!(two.spec.config["key"], 1);
    assert_eq!(two.grants_from, GrantsFrom::Nobody);

    let clash = parse_in(
        &file,
        "plugin-folders = [\"more\"]\n[plugins.two]\ncomponent = \"acp-agent\"\n",
    )
    .unwrap_err()
    .to_string();
    assert!(
        clash.contains("hostler.toml:3: two plugins would be called `two`"),
        "{clash}"
    );
    assert!(
        clash.contains("acp-agent and ") && clash.contains("two.wasm"),
        "{clash}"
    );

    fs::write(folder.path().join("more/claude-code.wasm"), "").unwrap();
    let clash = parse_in(&file, "plugin-folders = [\"more\"]\n")
        .unwrap_err()
        .to_string();
    assert!(
        clash.contains("claude-code.wasm and the bundled component claude-code"),
        "{clash}"
    );
}

#[test]
fn two_folders_with_the_same_plugin_are_an_error_that_names_both() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("x.wasm"), "").unwrap();
    }
    let file = folder.path().join("hostler.toml");
    let clash = parse_in(&file, "plugin-folders = [\"a\", \"b\"]\n")
        .unwrap_err()
        .to_string();
    assert!(
        clash.contains("/a/x.wasm") && clash.contains("/b/x.wasm"),
        "{clash}"
    );
}

#[test]
fn a_file_in_a_folder_whose_name_is_no_id_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("My Plugin.wasm"), "").unwrap();
    let file = folder.path().join("hostler.toml");
    let error = parse_in(&file, "plugin-folders = [\".\"]\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("My Plugin.wasm: `My Plugin` is no plugin id"),
        "{error}"
    );
}

#[test]
fn every_error_names_the_file_the_line_and_what_is_wrong() {
    for (text, expected) in [
        // What TOML or the shape of the file does not allow.
        ("[server\n", "hostler.toml:1: "),
        (
            "[server]\nport = 1\n",
            "hostler.toml:2: unknown field `port`, expected one of `listen`, `hosts`, `tls_cert`, `tls_key`, `tls_own`, `behind_proxy`, `max_clients`\n  2 | port = 1",
        ),
        (
            "\n[sever]\n",
            "`plugins`; did you mean `server`?\n  2 | [sever]",
        ),
        (
            "plugin_folders = []\n",
            "hostler.toml:1: unknown field `plugin_folders`, expected one of `plugin-folders`, ",
        ),
        (
            "plugin_folders = []\n",
            "; did you mean `plugin-folders`?\n  1 | plugin_folders = []",
        ),
        (
            "[plugins.x]\ncomponent = \"acp-agent\"\nenable = true\n",
            "hostler.toml:3: unknown field `enable`, expected one of `component`, `enabled`, `config`, \
             `limits`, `grants`; did you mean `enabled`?\n  3 | enable = true",
        ),
        (
            "[plugins.x.limits]\nmemory = 1\n",
            "; did you mean `memory_mib`?\n  2 | memory = 1",
        ),
        (
            "[plugins.x.limits]\nmemory_mib = \"1\"\n",
            "hostler.toml:2: invalid type: string \"1\", expected u32\n  2 | memory_mib = \"1\"",
        ),
        (
            "[plugins.x.grants]\nterminals = true\n",
            "; did you mean `terminal`?\n  2 | terminals = true",
        ),
        (
            "[plugins.x.grants]\nfiles = \"all\"\n",
            "hostler.toml:2: unknown variant `all`, expected `read` or `read-write`",
        ),
        (
            "[[plugins.x.grants.process]]\nprogram = \"a\"\n",
            "missing field `args`",
        ),
        (
            "[session]\nharness = \"a\"\nharness = \"b\"\n",
            "hostler.toml:3: duplicate key",
        ),
        // What it means.
        (
            "[server]\nlisten = \"localhost:7117\"\n",
            "hostler.toml:2: `localhost:7117` is no address to listen on: write IP:PORT, such as 127.0.0.1:7117",
        ),
        (
            "[server]\nhosts = [\"a:80\"]\n",
            "hostler.toml:2: `a:80` in `[server] hosts` is not a host",
        ),
        ("[workspace]\nroots = []\n", "hostler.toml: "),
        (
            "[workspace]\nroots = [\"\"]\n",
            "hostler.toml:2: the path is empty",
        ),
        (
            "[session]\nharness = \"codex\"\n",
            "hostler.toml:2: there is no plugin `codex`; there are: claude-code",
        ),
        (
            "plugin-folders = [\"/does/not/exist\"]\n",
            "hostler.toml:1: /does/not/exist cannot be read",
        ),
        (
            "[plugins.Claude]\n",
            "hostler.toml:1: `Claude` is no plugin id",
        ),
        (
            "[plugins.mine]\n",
            "hostler.toml:1: there is no component `mine`: the bundled ones are acp-agent, claude-code",
        ),
        (
            "[plugins.mine]\ncomponent = \"acp\"\n",
            "hostler.toml:2: there is no bundled component `acp`",
        ),
        (
            "[plugins.mine]\ncomponent = \"mine.wasm\"\n",
            "to name a file, write `./mine.wasm`",
        ),
        (
            "[plugins.claude-code.config]\nx = { y = inf }\n",
            "[plugins.claude-code.config] x.y: ",
        ),
    ] {
        let message = refused(text);
        assert!(message.contains("/etc/h/hostler.toml"), "{message}");
        assert!(
            message.contains(expected),
            "\n{text}\ngave: {message}\nnot: {expected}"
        );
    }
}

#[test]
fn a_home_that_is_not_known_is_an_error_only_where_it_is_needed() {
    let parse = |text| {
        let file = Path::new("/etc/h/hostler.toml");
        Config::parse(Document { file, text }, None, BUNDLE)
    };
    assert!(parse("[workspace]\nroots = [\"/srv\"]\n").is_ok());
    let error = parse("").unwrap_err().to_string();
    assert!(error.contains("set HOME, or [workspace] roots"), "{error}");
    let error = parse("[workspace]\nroots = [\"~/x\"]\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("hostler.toml:2: `~/x`: there is no home directory"),
        "{error}"
    );
}

#[test]
fn an_empty_bundle_says_what_to_run() {
    let text = "[plugins.claude-code]\n";
    let file = Path::new("/etc/h/hostler.toml");
    let home = Some(Path::new("/home/u"));
    let error = Config::parse(Document { file, text }, home, &[]).unwrap_err();
    assert!(error.to_string().contains("cargo xtask plugins"), "{error}");
    let config = Config::parse(Document { file, text: "" }, home, &[]).unwrap();
    assert!(config.plugins.is_empty());
}

#[test]
fn a_file_that_was_named_must_be_there_and_be_a_config() {
    let folder = tempfile::tempdir().unwrap();
    let bases = Bases::from_env();
    let load = |name: &str| Config::load(Some(&folder.path().join(name)), &bases, BUNDLE);
    let error = load("none.toml").unwrap_err().to_string();
    assert!(error.contains("none.toml: cannot be read"), "{error}");
    let error = load(".").unwrap_err().to_string();
    assert!(error.contains("not a plain file"), "{error}");
    fs::write(folder.path().join("big"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let error = load("big").unwrap_err().to_string();
    assert!(error.contains("1048577 bytes"), "{error}");
}

#[test]
fn the_example_is_a_valid_config() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hostler.toml");
    let text = fs::read_to_string(&file).unwrap();
    let codex = Component {
        name: "codex",
        wasm: b"codex",
        grants: Some("[[process]]\nprogram = \"codex\"\nargs = [[\"app-server\"]]\n"),
    };
    let decopilot = Component {
        name: "decopilot",
        wasm: b"decopilot",
        grants: None,
    };
    let more = [codex, decopilot];
    let bundle: Vec<Component> = BUNDLE.iter().copied().chain(more).collect();
    let document = Document {
        file: &file,
        text: &text,
    };
    let config = Config::parse(document, Some(Path::new("/home/u")), &bundle).unwrap();
    assert_eq!(config.harness, "claude-code");
    assert_eq!(plugin(&config, "scripted").component, "acp-agent (bundled)");
    assert!(config.disabled.contains(&"my-agent".to_owned()));
    // What it calls the defaults are the defaults.
    let defaults = parse_in(&file, "").unwrap();
    assert_eq!(config.session, defaults.session);
    assert_eq!(
        (config.retention, defaults.retention),
        (Retention::default(), Retention::default())
    );
}

#[test]
fn sessions_are_as_the_config_says() {
    let file = Path::new("/etc/h/hostler.toml");
    let text = "[session]\ncontrol = \"lease\"\nmax_live = 3\npermission_deadline = \"10m\"\n\
                outside = false\n\
                [journal]\nmax_age = \"90d\"\n[terminal]\nmax = 2\n";
    let config = parse_in(file, text).unwrap();
    assert_eq!(config.session.control, hostler_session::ControlMode::Lease);
    assert_eq!(config.session.max_live, 3);
    let minutes = |n: u64| std::time::Duration::from_secs(60 * n);
    assert_eq!(config.session.permission_deadline, Some(minutes(10)));
    assert!(!config.session.outside);
    assert_eq!(config.session.terminals.terminals, 2);
    assert_eq!(config.retention.max_age, minutes(90 * 24 * 60));
    for (text, expected) in [
        ("[session]\ncontrol = \"all\"\n", "`control` is \"shared\""),
        ("[session]\nmax_live = 0\n", "at least one session"),
        (
            "[session]\npermission_deadline = \"soon\"\n",
            "`soon` is no duration",
        ),
        ("[journal]\nmax_total_bytes = 5\n", "at least 1048576"),
        ("[terminal]\nring_bytes = 1\n", "from 65536 to"),
    ] {
        let error = parse_in(file, text).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("hostler.toml:2"),
            "{error}"
        );
    }
}

#[test]
fn a_secret_comes_from_one_place_that_is_named() {
    let config = parse("[secrets.A]\nenv = \"X\"\n[secrets.B]\ncommand = [\"op\", \"read\"]\n");
    let described: Vec<_> = config.secrets.values().map(|s| s.describe()).collect();
    assert_eq!(described, ["variable X", "command op"]);
    for (text, part) in [
        ("[secrets.A]\nenv = \"\"", "comes from nowhere"),
        ("[secrets.A]\ncommand = []", "comes from nowhere"),
        ("[secrets.A]\nvalue = \"x\"", "value"),
        ("[secrets.\"a b\"]\nenv = \"X\"", "no name of a secret"),
        (
            "[[plugins.claude-code.grants.http]]\nhosts = [\"https://a/b\"]",
            "names no host",
        ),
    ] {
        let message = refused(text);
        assert!(message.contains(part), "{message}");
    }
}

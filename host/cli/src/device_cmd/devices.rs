//! `hostler devices`.

use std::fmt::Write as _;

use comfy_table::{Table, presets::NOTHING};
use hostler_device::json::{Device, Devices};
use hostler_server::PluginView;

use super::{
    host::{DeviceHost, print_json},
    words::{self, NAME, time},
};
use crate::{
    args,
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

/// Longest reason of a provider, in characters.
const WHY: usize = 300;

pub(crate) async fn run(args: args::Devices) -> Result<Exit, Failure> {
    let host = DeviceHost::of(&args.host)?;
    let listed = host.api.devices(args.refresh).await;
    let listed = listed.map_err(|refused| refused.told(args.json))?;
    if args.json {
        print_json(&listed)?;
        return Ok(Exit::Done);
    }
    let mut out = text(&listed);
    if listed.devices.is_empty() {
        // A plugin that is still being loaded, or could not be.
        let plugins = host.api.plugins().await;
        let plugins = plugins.map_err(|refused| refused.told(args.json))?;
        out.push_str(&not_ready(&plugins));
    }
    print(&out);
    Ok(Exit::Done)
}

fn text(listed: &Devices) -> String {
    let mut out = String::new();
    if listed.devices.is_empty() {
        out.push_str("There are no devices.\n");
    } else {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header([
            "NAME", "PLATFORM", "KIND", "STATE", "HOLDER", "UNTIL", "IDLE", "QUEUE", "KEY",
        ]);
        for device in &listed.devices {
            table.add_row(row(device));
        }
        for line in table.lines() {
            let _ = writeln!(out, "{}", line.trim());
        }
    }
    for failure in &listed.failures {
        let _ = writeln!(
            out,
            "\n{}: {}",
            one_line(&failure.provider, NAME),
            one_line(&failure.message, WHY)
        );
    }
    if listed.devices.is_empty() && listed.failures.is_empty() {
        out.push_str(
            "Plugins list them. For browsers, hostler.toml needs targets, such as\n\n  \
             [[plugins.webdriver.config.targets]]\n  name = \"phone-1\"\n  driver = \"chromedriver\"\n\n\
             and a restart of the host; `hostler plugin list` has the plugins that are there.\n",
        );
    }
    out
}

fn not_ready(plugins: &[PluginView]) -> String {
    let mut out = String::new();
    // Harnesses have no devices.
    let concerned = |plugin: &&PluginView| plugin.state != "ready" && plugin.kind != "harness";
    for plugin in plugins.iter().filter(concerned) {
        let (id, state) = (one_line(&plugin.id, NAME), one_line(&plugin.state, NAME));
        let _ = write!(out, "\n{id}: {state}");
        if let Some(problem) = &plugin.problem {
            let _ = write!(out, ": {}", one_line(problem, WHY));
        }
    }
    out
}

fn row(device: &Device) -> [String; 9] {
    let dash = || "-".to_owned();
    let status = &device.status;
    let state = match words::state(status.state) {
        "free" if !device.booted => "free, off",
        state => state,
    };
    [
        one_line(&device.name, NAME),
        one_line(&device.platform, NAME),
        one_line(&device.kind, NAME),
        state.to_owned(),
        status.holder.as_ref().map_or_else(dash, words::holder),
        status
            .ends_in_ms
            .map_or_else(dash, |ms| format!("in {}", time(ms))),
        status.idle_ms.map_or_else(dash, time),
        match status.waiting {
            0 => dash(),
            waiting => waiting.to_string(),
        },
        one_line(&device.key, NAME),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_device_is_a_line_with_who_has_it_and_a_failing_provider_is_told() {
        let listed: Devices = serde_json::from_value(json!({
            "devices": [
                {"key": "chromium:a", "name": "Pixel\u{1b}[2J", "platform": "chromium",
                 "kind": "browser", "target": "mobile", "booted": true, "state": "held",
                 "holder": {"principal": "ann", "session": "default", "client": "hostler"},
                 "ends_in_ms": 250_000, "idle_ms": 5000, "waiting": 2},
                {"key": "chromium:b", "name": "b", "platform": "chromium", "kind": "browser",
                 "target": "mobile", "booted": false, "state": "free"},
            ],
            "failures": [{"provider": "adb", "message": "adb is not there\ninstall it"}],
        }))
        .unwrap();
        let text = text(&listed);
        let lines: Vec<_> = text.lines().collect();
        for part in [
            "held",
            "ann (session default, hostler)",
            "in 4m 10s",
            "5s",
            " 2 ",
            "chromium:a",
        ] {
            assert!(lines[1].contains(part), "{part} is missing in {text}");
        }
        assert!(lines[2].contains("free, off"), "{text}");
        assert!(
            text.ends_with("adb: adb is not there install it\n"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_plugin_that_is_not_ready_is_named_with_its_reason() {
        let plugins: Vec<PluginView> = serde_json::from_value(json!([
            {"id": "local", "kind": "lease-policy", "state": "ready"},
            {"id": "webdriver", "kind": "unknown", "state": "loading"},
            {"id": "codex", "kind": "harness", "state": "missing"},
            {"id": "bad", "kind": "unknown", "state": "unusable", "problem": "it is\nno component"},
        ]))
        .unwrap();
        let expected = "\nwebdriver: loading\nbad: unusable: it is no component";
        assert_eq!(not_ready(&plugins), expected);
    }

    #[test]
    fn without_devices_it_says_where_they_come_from() {
        let none = Devices {
            devices: Vec::new(),
            failures: Vec::new(),
        };
        assert!(text(&none).contains("hostler plugin list"));
    }
}

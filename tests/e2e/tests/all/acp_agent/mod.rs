//! Any ACP agent behind the host: an odd one, which can what the scripted agent
//! cannot and does what no agent should, and real ones.

use hostler_e2e::Host;
use hostler_test_support::Need;
use libtest_mimic::Trial;

mod extension;
mod odd;
mod promises;
mod real;

pub(crate) const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/acp-agent"),
    Need::Program("python3"),
];

pub(crate) fn trials() -> Vec<Trial> {
    [
        extension::trials(),
        odd::trials(),
        promises::trials(),
        real::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A host with the odd agent as `odd`, which can this, and as `login`, to which
/// somebody has to log in first: one component, two agents.
fn host(can: &[&str]) -> Host {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/acp_agent/odd.py");
    let agent = |id: &str, can: &[&str]| {
        let command: Vec<_> = ["python3", script]
            .into_iter()
            .chain(can.iter().copied())
            .collect();
        let args = &command[1..];
        format!(
            r#"
            [plugins.{id}]
            component = "acp-agent"
            [plugins.{id}.config]
            title = "Odd"
            command = {command:?}
            [plugins.{id}.grants]
            files = "read"
            [[plugins.{id}.grants.process]]
            program = "python3"
            args = [{args:?}]
            env = ["HOME", "PATH"]
            "#
        )
    };
    let settings = format!(
        "[workspace]\nroots = [\"$WORK\"]\n{}{}",
        agent("odd", can),
        agent("login", &["login"])
    );
    Host::start(&settings, &[])
}

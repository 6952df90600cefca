//! An agent is not its own approver: it sees neither the host's tokens nor its
//! journal, itself or by the commands that it runs.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, process::Command};

use agent_client_protocol::v1::schema::PermissionOptionKind;
use hostler_e2e::{Client, Decision, Host, host::SCRIPTED};
use hostler_test_support::{Need, built, trial};
use libtest_mimic::Trial;

use crate::scripted;

pub(crate) fn trials() -> Vec<Trial> {
    let needs = [
        scripted::NEEDS,
        &[Need::Ability("namespaces to hide folders in", can_hide)],
    ]
    .concat();
    vec![
        trial(
            "the_commands_of_an_agent_find_neither_tokens_nor_the_journal",
            &needs,
            commands,
        ),
        trial("an_agent_itself_finds_no_token", &needs, agent),
    ]
}

/// As the supervisor does it: as root, or in a user namespace.
fn can_hide() -> bool {
    let unshare = |options: &str| {
        let mut command = Command::new("unshare");
        let command = command.args([options, "sh", "-c", "mount -t tmpfs none /mnt"]);
        command.output().is_ok_and(|output| output.status.success())
    };
    unshare("-m") || unshare("-Urm")
}

const ALLOW: Decision = Decision::Choose(PermissionOptionKind::AllowOnce);

async fn commands() {
    let host = Host::scripted();
    let (state, config) = (host.state(), host.config());
    assert!(config.join("admin-token").is_file() && state.join("journal.db").is_file());
    let spy = format!(
        "echo the spy ran\n\
         {} session list --state-dir {state}; echo list=$?\n\
         {} token list --state-dir {state}; echo tokens=$?\n\
         echo state=$(ls -A {state} | wc -l) config=$(ls -A {config} | wc -l)\n\
         cat {state}/token {state}/journal.db {config}/admin-token\n\
         find /proc/[0-9]*/root/{state} /proc/[0-9]*/cwd/../state -maxdepth 1 -name journal.db | wc -l\n\
         echo the spy ended\n",
        built("hostler").display(),
        built("hostler").display(),
        state = state.display(),
        config = config.display(),
    );
    let out = host.work().join("found");
    std::fs::write(host.work().join("spy.sh"), spy).unwrap();
    Client::run(&host, ALLOW, async |client| {
        let session = client.new_session(&host, "scripted").await.unwrap();
        client
            .prompt(&session.session_id, "run sh spy.sh > found 2>&1")
            .await
            .unwrap();
    })
    .await;
    let found = String::from_utf8_lossy(&std::fs::read(out).unwrap()).into_owned();
    assert!(found.contains("the spy ran") && found.contains("the spy ended"));
    assert!(found.contains("state=0 config=0"), "{found}");
    assert!(!found.contains("list=0"), "{found}");
    assert!(!found.contains("tokens=0"), "{found}");
    assert!(!found.contains("SQLite"), "{found}");
    no_token_in(&host, &found);
}

async fn agent() {
    // A curious agent: it looks around before it does its work.
    let settings = SCRIPTED.replace("\"$AGENT\"", "\"$WORK/curious\"");
    let host = Host::start(&settings, &[]);
    let agent = host.work().join("curious");
    let script = format!(
        "#!/bin/sh\n\
         exec 3>found\n\
         echo it ran >&3\n\
         cat {}/* {}/* >&3 2>&3\n\
         exec {}\n",
        host.state().display(),
        host.config().display(),
        built("scripted-agent").display()
    );
    std::fs::write(&agent, script).unwrap();
    std::fs::set_permissions(&agent, Permissions::from_mode(0o755)).unwrap();
    Client::run(&host, ALLOW, async |client| {
        let session = client.new_session(&host, "scripted").await.unwrap();
        let turn = client.prompt(&session.session_id, "say hello").await;
        turn.unwrap();
        assert_eq!(client.text("agent_message_chunk"), "hello");
    })
    .await;
    let found = std::fs::read(host.work().join("found")).unwrap();
    let found = String::from_utf8_lossy(&found);
    assert!(found.starts_with("it ran\ncat: "), "{found}");
    assert!(!found.contains("SQLite"), "{found}");
    no_token_in(&host, &found);
}

fn no_token_in(host: &Host, found: &str) {
    for file in [
        host.state().join("token"),
        host.config().join("admin-token"),
    ] {
        let token = std::fs::read_to_string(file).unwrap();
        assert!(token.trim().len() > 20);
        assert!(!found.contains(token.trim()), "{found}");
    }
}

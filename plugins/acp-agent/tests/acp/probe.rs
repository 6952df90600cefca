//! What is said of an agent before it is used.

use hostler_acp_agent::AcpAgent;
use hostler_sdk::process::{Exit, Output};
use hostler_sdk::testing::Bench;
use hostler_sdk::{Error, Readiness, Result};
use serde_json::{Value, json};

fn probed(outcome: Result<Output>) -> Bench<AcpAgent> {
    Bench::new()
        .config(json!({"command": ["agent"], "probe": ["agent", "--version"]}))
        .program(&["agent", "--version"], outcome)
}

fn output(code: i32, stdout: &str, stderr: &str) -> Result<Output> {
    Ok(Output {
        exit: Exit::code(code),
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
    })
}

#[test]
fn a_probe_that_succeeds_is_ready_with_the_version_it_printed() {
    let mut bench = probed(output(0, "\nagent 1.2\nmore\n", ""));
    let status = bench.probe().unwrap();
    let offered = bench.offer().unwrap();
    assert!(offered.auth_methods.is_empty());
    assert_eq!(offered.prompt, None, "it was not asked");
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.version.as_deref(), Some("agent 1.2"));
}

#[test]
fn a_probe_that_fails_is_broken_and_says_why() {
    let status = probed(output(3, "", "no node\n")).probe().unwrap();
    assert_eq!(status.readiness, Readiness::Broken);
    assert_eq!(
        status.detail,
        "agent --version failed (exit code 3): no node"
    );
}

#[test]
fn a_program_that_is_not_there_is_missing() {
    let config = json!({"command": ["agent"], "probe": ["agent", "--version"]});
    let status = Bench::<AcpAgent>::new().config(config).probe().unwrap();
    assert_eq!(status.readiness, Readiness::Missing);
    assert!(status.detail.contains("agent"), "{}", status.detail);
}

#[test]
fn a_probe_that_is_not_granted_is_broken_with_the_hosts_words() {
    let denied = Err(Error::Denied("[[plugins.x.grants.process]]".to_owned()));
    let status = probed(denied).probe().unwrap();
    assert_eq!(status.readiness, Readiness::Broken);
    assert!(status.detail.contains("[[plugins.x.grants.process]]"));
}

fn asked(outcome: Result<Output>) -> Bench<AcpAgent> {
    let config = json!({"command": ["agent", "--acp"], "title": "My Agent"});
    Bench::new()
        .config(config)
        .program(&["agent", "--acp"], outcome)
}

/// What an agent prints that is asked what it is.
fn hello(result: &Value) -> Result<Output> {
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": result});
    output(0, &format!("Welcome!\n{answer}\n"), "a warning\n")
}

#[test]
fn an_agent_is_asked_what_it_is_and_how_one_logs_in() {
    let mut bench = asked(hello(&json!({
        "protocolVersion": 1,
        "agentInfo": {"name": "a", "title": "Agent A", "version": "1.2"},
        "agentCapabilities": {"promptCapabilities": {"image": true, "audio": null}},
        "authMethods": [
            {"id": "oauth", "name": "Log in", "description": "in a browser"},
            {"id": "shell", "name": "Terminal", "type": "terminal", "args": ["--login"]},
            {"id": "bare"},
            {"name": "without an id"},
        ],
    })));
    let status = bench.probe().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.version.as_deref(), Some("1.2"));
    assert!(status.detail.contains("Agent A"), "{}", status.detail);
    let offered = bench.offer().unwrap();
    let prompt = offered.prompt.unwrap();
    assert!(prompt.image && !prompt.audio && !prompt.embedded_context);
    let methods = offered.auth_methods;
    let ids: Vec<_> = methods.iter().map(|method| method.id.as_str()).collect();
    assert_eq!(ids, ["oauth", "bare"]);
    assert_eq!(methods[0].description, "in a browser");
}

#[test]
fn one_start_of_the_agent_tells_both_and_the_next_look_is_another() {
    let mut bench = asked(hello(&json!({"protocolVersion": 1})));
    for looks in 1..=2 {
        let starts = |bench: &mut Bench<AcpAgent>| {
            let ran = bench.ran().into_iter();
            ran.filter(|command| command.program == "agent").count()
        };
        bench.probe().unwrap();
        assert!(bench.offer().unwrap().prompt.is_some());
        assert_eq!(starts(&mut bench), 1, "in look {looks}");
    }
}

#[test]
fn an_agent_that_does_not_answer_as_one_is_broken_with_its_words() {
    for (outcome, words) in [
        (
            output(1, "", "no such option: --acp\n"),
            "no such option: --acp",
        ),
        (output(0, "Hello, human\n", ""), "Hello, human"),
        (hello(&json!({"protocolVersion": 2})), "speaks version 2"),
        (Err(Error::Limit("did not end".to_owned())), "did not end"),
    ] {
        let mut bench = asked(outcome);
        let status = bench.probe().unwrap();
        assert_eq!(status.readiness, Readiness::Broken);
        assert!(status.detail.contains(words), "{}", status.detail);
        assert!(bench.offer().unwrap().auth_methods.is_empty());
    }
    let status = asked(Err(Error::NotFound("agent is not there".to_owned()))).probe();
    assert_eq!(status.unwrap().readiness, Readiness::Missing);
}

#[test]
fn a_missing_command_or_a_misspelt_setting_is_broken_by_name() {
    for (config, named) in [
        (json!({}), "command"),
        (json!({"comand": ["agent"]}), "comand"),
        (json!({"command": "agent"}), "sequence"),
    ] {
        let status = Bench::<AcpAgent>::new().config(config).probe().unwrap();
        assert_eq!(status.readiness, Readiness::Broken);
        assert!(status.detail.contains(named), "{}", status.detail);
    }
}

#[test]
fn title_and_prompt_come_from_the_config_and_a_broken_one_does_no_harm() {
    let describe = |config: Value| Bench::<AcpAgent>::new().config(config).describe();
    let told = describe(json!({
        "command": ["agent"],
        "title": "My Agent",
        "prompt": {"image": true},
    }));
    assert_eq!(told.title, "My Agent");
    assert!(told.prompt.image && !told.prompt.audio);
    let broken = describe(json!({"title": 7}));
    assert_eq!(broken.title, "ACP agent");
}

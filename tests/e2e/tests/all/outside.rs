//! Conversations that were begun outside of the host, with the real programs by
//! hand, and go on in it.

use std::{
    path::Path,
    process::{Child, Command},
};

use agent_client_protocol::v1::schema::{SessionId, StopReason};
use hostler_e2e::{Client, Decision, Host};
use hostler_test_support::{program, trial};
use libtest_mimic::Trial;
use model_server::Recorded;
use serde_json::{Value, json};

use crate::{claude, codex};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_conversation_begun_with_claude_by_hand_goes_on_in_the_host",
            claude::NEEDS,
            claude_goes_on,
        ),
        trial(
            "one_that_claude_has_open_is_not_gone_on_with",
            claude::NEEDS,
            claude_has_it_open,
        ),
        trial(
            "who_may_not_open_terminals_neither_lists_nor_adopts",
            claude::NEEDS,
            rights,
        ),
        trial(
            "an_operator_turns_it_off_or_grants_no_folder",
            claude::NEEDS,
            turned_off,
        ),
        trial("a_damaged_store_harms_nobody", claude::NEEDS, damaged_store),
        trial(
            "a_conversation_begun_with_codex_by_hand_goes_on_in_the_host",
            codex::NEEDS,
            codex_goes_on,
        ),
    ]
}

/// Runs the agent's own program as a person would, with the host's environment.
fn by_hand(host: &Host, name: &str, args: &[&str]) -> String {
    let mut command = host.command(program(name).unwrap());
    let output = command.args(args).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {args:?}: {text} {error}");
    text
}

/// `session list` of the command line, as JSON.
fn listed(host: &Host, more: &[&str]) -> Vec<Value> {
    let report = host.json(&[&["session", "list"], more].concat());
    report["sessions"].as_array().unwrap().clone()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// The ids of the conversations that Claude Code has stored, the latest last.
fn stored_by_claude(host: &Host) -> Vec<String> {
    let projects = host.folder().join("home/.claude/projects");
    let mut files = Vec::new();
    for project in std::fs::read_dir(projects).unwrap() {
        for file in std::fs::read_dir(project.unwrap().path()).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            if let Some(id) = name.strip_suffix(".jsonl") {
                let modified = file.metadata().unwrap().modified().unwrap();
                files.push((modified, id.to_owned()));
            }
        }
    }
    files.sort();
    files.into_iter().map(|(_, id)| id).collect()
}

async fn claude_goes_on() {
    let claude::Setup { host, model } = &claude::setup().await;
    let file = host.work().join("poem.txt");
    std::fs::write(&file, "roses are red\n").unwrap();
    by_hand(host, "claude", &["-p", "[[text The word is plum.]]"]);
    let [id] = stored_by_claude(host).try_into().unwrap();
    let edit = format!("[[edit {}|red|blue]]", file.display());
    let allowed = ["--allowedTools", "Edit", "Read"];
    let args = [&["-p", &edit, "--resume", &id][..], &allowed[..]].concat();
    by_hand(host, "claude", &args);

    // It is no session yet, and said to be from outside.
    assert!(listed(host, &[]).is_empty());
    let [row] = listed(host, &["--outside"]).try_into().unwrap();
    assert_eq!(row["id"], *id);
    assert_eq!(row["harness"], "claude-code");
    assert_eq!(row["cwd"], host.work().to_str().unwrap());
    assert_eq!(row["title"], "[[text The word is plum.]]");
    assert_eq!(
        (&row["outside"], &row["in_use"]),
        (&json!(true), &json!(false))
    );
    assert!(listed(host, &["--outside", "--agent", "codex"]).is_empty());

    // A client that knows nothing of Hostler lists it, loads it and goes on.
    Client::run(host, Decision::Wait, async |client| {
        let sessions = client.list(Some(&host.work())).await;
        let [info] = sessions.try_into().unwrap();
        assert_eq!(&*info.session_id.0, id);
        assert!(client.list(Some(Path::new("/"))).await.is_empty());
        let session = info.session_id;
        client.load(host, &session).await;
        assert!(
            client
                .text("user_message_chunk")
                .contains("The word is plum.")
        );
        let said = client.text("agent_message_chunk");
        assert!(said.starts_with("The word is plum."), "{said}");
        let calls = client.tool_calls();
        let call = client.tool_call(calls.last().unwrap());
        assert_eq!(
            (&call["kind"], &call["status"]),
            (&json!("edit"), &json!("completed"))
        );
        assert_eq!(
            call["content"][0]["newText"].as_str().unwrap().trim(),
            "roses are blue"
        );

        let before = model.requests().len();
        let end = client
            .prompt(&session, "[[text I remember.]]")
            .await
            .unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        assert!(client.text("agent_message_chunk").ends_with("I remember."));
        let asked = model.requests().split_off(before);
        let remembers = |asked: &Recorded| {
            let body = asked.body.to_string();
            body.contains("The word is plum.") && body.contains("I remember.")
        };
        assert!(asked.iter().any(remembers), "the model was not told it");
    })
    .await;

    // It is a session now, and only that; whoever adopts it again gets the same.
    assert!(listed(host, &["--outside"]).is_empty());
    assert_eq!(ids(&listed(host, &[])), [id.as_str()]);
    Client::run(host, Decision::Wait, async |client| {
        let session = SessionId::new(id.as_str());
        client.load(host, &session).await;
        let said = client.text("agent_message_chunk");
        assert_eq!(said.matches("The word is plum.").count(), 1, "{said}");
        assert!(said.ends_with("I remember."), "{said}");
    })
    .await;
    // And Claude Code itself goes on with what was said in the host.
    assert_eq!(stored_by_claude(host), [id]);
}

async fn claude_has_it_open() {
    let claude::Setup { host, .. } = &claude::setup().await;
    by_hand(host, "claude", &["-p", "[[text hello]]"]);
    let [id] = stored_by_claude(host).try_into().unwrap();
    let mut other = open_elsewhere(host, &id);
    let [row] = listed(host, &["--outside"]).try_into().unwrap();
    assert_eq!(row["in_use"], true);
    Client::run(host, Decision::Wait, async |client| {
        let session = SessionId::new(id.as_str());
        let error = client.try_load(&host.work(), &session).await.unwrap_err();
        assert!(error.to_string().contains("CONVERSATION_IN_USE"), "{error}");
        assert!(listed(host, &[]).is_empty());
        other.kill().unwrap();
        other.wait().unwrap();
        client.load(host, &session).await;
        assert_eq!(client.text("agent_message_chunk"), "hello");

        // It is looked for again when the agent is about to be started.
        let mut other = open_elsewhere(host, &id);
        let prompt = "[[text and on]]";
        let error = client.prompt(&session, prompt).await.unwrap_err();
        assert!(error.to_string().contains("CONVERSATION_IN_USE"), "{error}");
        other.kill().unwrap();
        other.wait().unwrap();
        client.prompt(&session, prompt).await.unwrap();
        assert!(client.text("agent_message_chunk").ends_with("and on"));
    })
    .await;
}

/// A program that is there, and says so as Claude Code does.
fn open_elsewhere(host: &Host, id: &str) -> Child {
    let other = Command::new("sleep").arg("600").spawn().unwrap();
    let sessions = host.folder().join("home/.claude/sessions");
    std::fs::create_dir_all(&sessions).unwrap();
    let note = json!({ "pid": other.id(), "sessionId": id }).to_string();
    std::fs::write(sessions.join(format!("{}.json", other.id())), note).unwrap();
    other
}

async fn rights() {
    let claude::Setup { host, .. } = &claude::setup().await;
    by_hand(host, "claude", &["-p", "[[text hello]]"]);
    let [id] = stored_by_claude(host).try_into().unwrap();
    let session = SessionId::new(id.as_str());
    let (_, viewer) = host.make_token("local", &["view", "drive"]);
    Client::run_as(host, &viewer, Decision::Wait, async |client| {
        assert!(client.list(None).await.is_empty());
        let error = client.try_load(&host.work(), &session).await.unwrap_err();
        assert!(error.to_string().contains("UNKNOWN_SESSION"), "{error}");
    })
    .await;
    // Somebody else may; it is theirs from then on, and nobody else's.
    let (_, ann) = host.make_token("ann", &["view", "drive", "shell"]);
    Client::run_as(host, &ann, Decision::Wait, async |client| {
        assert_eq!(client.list(None).await.len(), 1);
        client.try_load(&host.work(), &session).await.unwrap();
    })
    .await;
    assert!(listed(host, &["--outside"]).is_empty());
    Client::run(host, Decision::Wait, async |client| {
        let error = client.try_load(&host.work(), &session).await.unwrap_err();
        assert!(error.to_string().contains("UNKNOWN_SESSION"), "{error}");
    })
    .await;
}

async fn turned_off() {
    const ROOTS: &str = "[workspace]\nroots = [\"$WORK\"]\n";
    let claude::Setup { mut host, model } = claude::setup().await;
    by_hand(&host, "claude", &["-p", "[[text hello]]"]);
    assert_eq!(listed(&host, &["--outside"]).len(), 1);
    host.restart_with(&format!("{ROOTS}[session]\noutside = false\n"));
    assert!(listed(&host, &["--outside"]).is_empty());
    host.restart_with(&format!("{ROOTS}[plugins.claude-code.grants]\n"));
    assert!(listed(&host, &["--outside"]).is_empty());
    // A folder that is granted and is not there is no error either.
    let grant = "folder = [{ name = \"projects\", places = [\"/none/at/all\"] }]";
    host.restart_with(&format!("{ROOTS}[plugins.claude-code.grants]\n{grant}\n"));
    assert!(listed(&host, &["--outside", "--agent", "claude-code"]).is_empty());
    // What lies outside of the roots is not listed.
    let other = host.folder().join("other");
    std::fs::create_dir(&other).unwrap();
    host.restart_with(&format!("[workspace]\nroots = [\"{}\"]\n", other.display()));
    assert!(listed(&host, &["--outside"]).is_empty());
    host.restart_with(ROOTS);
    assert_eq!(listed(&host, &["--outside"]).len(), 1);
    drop(model);
}

async fn damaged_store() {
    let claude::Setup { host, .. } = &claude::setup().await;
    by_hand(host, "claude", &["-p", "[[text hello]]"]);
    let [id] = stored_by_claude(host).try_into().unwrap();
    let projects = host.folder().join("home/.claude/projects");
    let project = std::fs::read_dir(&projects).unwrap().next().unwrap();
    let project = project.unwrap().path();
    let file = |number: u32| project.join(format!("00000000-0000-4000-8000-{number:012}.jsonl"));
    let user = |words: &str| {
        let line = json!({
            "type": "user", "uuid": "u", "cwd": host.work(),
            "message": { "role": "user", "content": words },
        });
        format!("{line}\n")
    };
    std::fs::write(file(1), b"\x00\xff\n{\"type\":\n\n[[[[").unwrap();
    // Larger than anybody reads.
    let large = std::fs::File::create(file(2)).unwrap();
    std::io::Write::write_all(&mut &large, user("the large one").as_bytes()).unwrap();
    large.set_len(100 << 20).unwrap();
    // A way out, to a conversation that lies outside.
    let out = host.folder().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("secret.jsonl"), user("secret")).unwrap();
    std::os::unix::fs::symlink(out.join("secret.jsonl"), file(3)).unwrap();
    std::os::unix::fs::symlink(&out, projects.join("door")).unwrap();
    for number in 10..10_010 {
        std::fs::write(file(number), user(&number.to_string())).unwrap();
    }
    let rows = listed(host, &["--outside"]);
    assert_eq!(rows.len(), 200, "the host takes so many");
    assert!(!json!(rows).to_string().contains("secret"));
    Client::run(host, Decision::Wait, async |client| {
        let session = SessionId::new("00000000-0000-4000-8000-000000000002");
        client.load(host, &session).await;
        let said = client.text("agent_message_chunk");
        assert!(
            said.contains("The beginning of this conversation is left out"),
            "{said}"
        );
        for unknown in [1, 3, 999_999] {
            let id = format!("00000000-0000-4000-8000-{unknown:012}");
            let error = client
                .try_load(&host.work(), &SessionId::new(id.as_str()))
                .await
                .unwrap_err();
            assert!(
                error.to_string().contains("UNKNOWN_SESSION"),
                "{id}: {error}"
            );
        }
        client.load(host, &SessionId::new(id.as_str())).await;
        assert!(client.text("agent_message_chunk").ends_with("hello"));
    })
    .await;
}

async fn codex_goes_on() {
    let codex::Setup { host, model } = &codex::setup().await;
    let args = [
        "exec",
        "--skip-git-repo-check",
        "[[text The word is plum.]]",
    ];
    by_hand(host, "codex", &args);
    let [row] = listed(host, &["--outside"]).try_into().unwrap();
    assert_eq!(row["harness"], "codex");
    assert_eq!(row["title"], "[[text The word is plum.]]");
    let id = row["id"].as_str().unwrap();
    Client::run(host, Decision::Wait, async |client| {
        let session = SessionId::new(id);
        client.load(host, &session).await;
        assert!(
            client
                .text("user_message_chunk")
                .contains("The word is plum.")
        );
        assert!(
            client
                .text("agent_message_chunk")
                .contains("The word is plum.")
        );
        let before = model.requests().len();
        let end = client
            .prompt(&session, "[[text I remember.]]")
            .await
            .unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let asked = model.requests().split_off(before);
        let remembers = |asked: &Recorded| asked.body.to_string().contains("The word is plum.");
        assert!(asked.iter().any(remembers), "the model was not told it");
    })
    .await;
    assert!(listed(host, &["--outside"]).is_empty());
    assert_eq!(ids(&listed(host, &[])), [id]);
    // A session that was begun in the host is not from outside.
    Client::run(host, Decision::Wait, async |client| {
        let session = client.new_session(host, "codex").await.unwrap().session_id;
        client.prompt(&session, "[[text hi]]").await.unwrap();
    })
    .await;
    assert!(listed(host, &["--outside"]).is_empty());
}

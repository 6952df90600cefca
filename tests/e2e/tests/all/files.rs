//! The files of a session, on the wire.

use std::path::Path;

use hostler_e2e::{Host, Peer, Viewer};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

pub(crate) fn trials() -> Vec<Trial> {
    let git = [NEEDS, &[Need::Program("git")]].concat();
    vec![
        trial("files_are_listed_read_and_searched", NEEDS, look),
        trial("a_repository_tells_what_has_changed", &git, repository),
        trial(
            "an_edit_of_a_file_that_has_changed_is_refused_and_others_are_told_of_edits",
            NEEDS,
            edit,
        ),
        trial("no_path_leaves_the_session", NEEDS, escapes),
        trial("a_search_is_cancelled", NEEDS, cancel),
    ]
}

async fn ask(viewer: &mut Viewer, method: &str, params: Value) -> Value {
    let answer = viewer
        .ask(&format!("_hostler/workspace/{method}"), params)
        .await;
    assert!(answer.get("result").is_some(), "{method}: {answer}");
    answer["result"].clone()
}

async fn refused(viewer: &mut Viewer, method: &str, params: Value) -> Value {
    let answer = viewer
        .ask(&format!("_hostler/workspace/{method}"), params)
        .await;
    assert!(answer.get("error").is_some(), "{method}: {answer}");
    answer["error"].clone()
}

fn paths(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|entry| entry["path"].as_str().unwrap()).collect()
}

async fn look() {
    let host = Host::scripted();
    let work = host.work();
    std::fs::create_dir(work.join("src")).unwrap();
    std::fs::write(work.join("src/main.rs"), "fn main() {}\n// heron\n").unwrap();
    std::fs::write(work.join("notes.txt"), "an egret\n").unwrap();
    let mut viewer = Viewer::new_session(&host, "viewer").await;
    let tree = ask(&mut viewer, "tree", json!({ "depth": 2 })).await;
    let mut found = paths(&tree["entries"]);
    found.sort_unstable();
    assert_eq!(found, ["notes.txt", "src", "src/main.rs"]);
    let read = ask(&mut viewer, "read", json!({ "path": "src/main.rs" })).await;
    assert_eq!(read["text"], "fn main() {}\n// heron\n");
    assert!(read["hash"].as_str().unwrap().len() >= 32, "{read}");
    let search = ask(&mut viewer, "search", json!({ "pattern": "heron" })).await;
    assert_eq!(paths(&search["matches"]), ["src/main.rs"]);
    assert_eq!(search["matches"][0]["line"], 2);
}

fn git(work: &Path, host: &Host, args: &[&str]) {
    let mut command = host.command("git");
    command.current_dir(work).args(args);
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "somebody");
        command.env(format!("GIT_{role}_EMAIL"), "somebody@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
}

async fn repository() {
    let host = Host::scripted();
    let work = host.work();
    std::fs::write(work.join("poem.txt"), "roses are red\n").unwrap();
    for args in [
        &["init", "-q", "-b", "main"][..],
        &["add", "."],
        &["commit", "-q", "-m", "A poem"],
    ] {
        git(&work, &host, args);
    }
    std::fs::write(work.join("poem.txt"), "roses are blue\n").unwrap();
    std::fs::write(work.join("new.txt"), "").unwrap();
    let mut viewer = Viewer::new_session(&host, "viewer").await;
    let status = ask(&mut viewer, "status", json!({})).await;
    assert_eq!(status["branch"], "main", "{status}");
    let mut found = paths(&status["entries"]);
    found.sort_unstable();
    assert_eq!(found, ["new.txt", "poem.txt"]);
    let diff = ask(&mut viewer, "diff", json!({ "path": "poem.txt" })).await;
    let text = diff["files"][0]["text"].as_str().unwrap();
    assert!(text.contains("-roses are red\n+roses are blue"), "{text}");
    let log = ask(&mut viewer, "log", json!({})).await;
    assert_eq!(log["commits"][0]["summary"], "A poem", "{log}");
    assert_eq!(log["commits"][0]["author"]["name"], "somebody");
}

async fn edit() {
    let host = Host::scripted();
    let file = host.work().join("poem.txt");
    std::fs::write(&file, "roses are red\n").unwrap();
    let mut editor = Viewer::new_session(&host, "editor").await;
    let mut other = Viewer::attached(&host, "other", editor.session()).await;
    let mut plain = Peer::start(&host).await;
    let session = editor.session().to_owned();
    let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    plain.ask("session/load", &load).await;

    let read = ask(&mut editor, "read", json!({ "path": "poem.txt" })).await;
    let edit = |hash: &Value, text| json!({ "path": "poem.txt", "hash": hash, "text": text });
    let blue = edit(&read["hash"], "roses are blue\n");
    let edited = ask(&mut editor, "edit", blue.clone()).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are blue\n");
    let changed = other
        .until_told("the change", |message| {
            message["method"] == "_hostler/workspace/changed"
        })
        .await;
    assert_eq!(
        changed["params"],
        json!({ "sessionId": session, "path": "poem.txt", "hash": edited["hash"] })
    );

    // The same hash again is that of an older file; the error has the present one.
    let error = refused(&mut editor, "edit", blue).await;
    assert_eq!(error["data"]["code"], "FILE_CHANGED", "{error}");
    assert_eq!(error["data"]["hash"], edited["hash"], "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are blue\n");
    let green = edit(&error["data"]["hash"], "roses are green\n");
    ask(&mut other, "edit", green).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "roses are green\n");

    // An answer to this comes after all that a plain client might have been told.
    plain.ask("session/list", &json!({})).await;
    let turn = editor.begin_prompt("after", "say after it").await;
    editor.answer(turn).await;
    plain
        .wait_for(|message| message.to_string().contains("after it"))
        .await;
    let extension = |message: &&Value| message["method"].as_str().unwrap_or("").starts_with('_');
    assert_eq!(plain.early.iter().find(extension), None);
}

async fn escapes() {
    let host = Host::scripted();
    let secret = host.folder().join("secret.txt");
    std::fs::write(&secret, "heron").unwrap();
    std::os::unix::fs::symlink(host.folder(), host.work().join("link")).unwrap();
    let mut viewer = Viewer::new_session(&host, "viewer").await;
    let absolute = secret.to_str().unwrap();
    for path in [
        "../secret.txt",
        "link/secret.txt",
        absolute,
        "a/../../secret.txt",
    ] {
        for method in ["read", "edit"] {
            let params = json!({ "path": path, "hash": null, "text": "gone" });
            let error = refused(&mut viewer, method, params).await;
            assert_ne!(error["data"]["code"], "FILE_CHANGED", "{path}: {error}");
            assert!(!error.to_string().contains("heron"), "{error}");
        }
    }
    let error = refused(&mut viewer, "read", json!({ "path": "link/secret.txt" })).await;
    assert_eq!(error["data"]["code"], "PATH_OUTSIDE_ROOT", "{error}");
    let found = ask(&mut viewer, "search", json!({ "pattern": "heron" })).await;
    assert_eq!(found["matches"], json!([]));
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "heron");
}

/// Searches at the same time: more than run at once, so the last one has to wait.
const SEARCHES: usize = 12;

async fn cancel() {
    let host = Host::scripted();
    let text = "roses are red\n".repeat(1000);
    for n in 0..500 {
        std::fs::write(host.work().join(format!("{n}.txt")), &text).unwrap();
    }
    let mut peer = Peer::positioned(&host, "peer", &host.token()).await;
    let session = peer.session(&host).await;
    let params = json!({ "sessionId": session, "pattern": "[a-z]+ violet", "regex": true });
    let mut searches = Vec::new();
    for _ in 0..SEARCHES {
        let id = peer.begin("_hostler/workspace/search", &params).await;
        searches.push(id);
    }
    let last = searches.pop().unwrap();
    let cancel = json!({ "requestId": last });
    let cancel = json!({ "jsonrpc": "2.0", "method": "$/cancel_request", "params": cancel });
    peer.text(&cancel.to_string()).await;
    let mut answers = Vec::new();
    for _ in 0..SEARCHES {
        let answer = |message: &Value| message["id"].is_u64() && message["method"].is_null();
        answers.push(peer.wait_for(answer).await);
    }
    let of = |id: u64| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(of(last)["error"]["code"], -32800, "{}", of(last));
    assert_eq!(of(last)["error"]["data"]["code"], "CANCELLED");
    for id in searches {
        assert_eq!(of(id)["result"]["matches"], json!([]), "{}", of(id));
    }
}

//! Sessions that are found again: by their folder, by their id, with what they
//! were made with.

use serde_json::{Value, json};

use crate::stage::{Peer, Server, prompt};

fn load(server: &Server, session: &str) -> Value {
    json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] })
}

async fn closed_session(server: &Server, peer: &mut Peer) -> String {
    let session = peer.session(&server.project()).await;
    peer.result("session/close", json!({ "sessionId": session }))
        .await;
    session
}

#[tokio::test]
async fn a_list_finds_a_folder_by_every_path_that_leads_to_it() {
    let server = Server::start().await;
    let link = server.dir.path().join("link");
    std::os::unix::fs::symlink(server.project(), &link).unwrap();
    let mut peer = server.peer().await;
    let session = peer.session(link.to_str().unwrap()).await;
    for cwd in [link.to_str().unwrap(), &server.project()] {
        let list = peer.result("session/list", json!({ "cwd": cwd })).await;
        assert_eq!(list["sessions"][0]["sessionId"], session, "{cwd}");
    }
    let parent = json!({ "cwd": server.dir.path() });
    let list = peer.result("session/list", parent).await;
    assert_eq!(list["sessions"], json!([]));
}

#[tokio::test]
async fn a_list_finds_the_sessions_of_a_folder_that_is_gone() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let project = std::fs::canonicalize(server.project()).unwrap();
    let session = closed_session(&server, &mut peer).await;
    std::fs::remove_dir(&project).unwrap();
    let list = peer.result("session/list", json!({ "cwd": project })).await;
    assert_eq!(list["sessions"][0]["sessionId"], session);
}

#[tokio::test]
async fn a_stored_session_says_that_it_must_be_loaded_first() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = closed_session(&server, &mut peer).await;
    let mode = json!({ "sessionId": session, "modeId": "x" });
    for (method, params) in [
        ("session/prompt", prompt(&session, "x")),
        ("session/set_mode", mode),
    ] {
        let error = peer.error(method, params).await;
        assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("stored"), "{message}");
        assert!(message.contains("`session/load`"), "{message}");
    }
    let mut stranger = server.peer_with(&server.stranger).await;
    let error = stranger
        .error("session/prompt", prompt(&session, "x"))
        .await;
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("there is no session"), "{message}");

    peer.result("session/load", load(&server, &session)).await;
    let answer = peer.prompt(&session, "x").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
}

#[tokio::test]
async fn a_load_with_another_folder_leaves_the_session_stored() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = closed_session(&server, &mut peer).await;
    let mut params = load(&server, &session);
    params["cwd"] = json!(server.dir.path());
    let error = peer.error("session/load", params).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("project"), "{message}");
    let error = peer.error("session/prompt", prompt(&session, "x")).await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("stored"), "{message}");
}

#[tokio::test]
async fn only_other_additional_directories_than_its_own_are_warned_of() {
    let server = Server::start().await;
    let folder = |name: &str| {
        let path = server.dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let (a, b, c) = (folder("a"), folder("b"), folder("c"));
    let link = server.dir.path().join("link");
    std::os::unix::fs::symlink(&a, &link).unwrap();
    let mut peer = server.peer().await;
    let mut new = json!({ "cwd": server.project(), "mcpServers": [] });
    new["additionalDirectories"] = json!([link, b]);
    let result = peer.result("session/new", new).await;
    let session = result["sessionId"].as_str().unwrap().to_owned();

    let warned = async |asked: Value| {
        let mut viewer = server.peer().await;
        let mut params = load(&server, &session);
        params["additionalDirectories"] = asked;
        viewer.result("session/resume", params).await;
        viewer.result("session/list", json!({})).await;
        let update = viewer
            .early
            .first()
            .map(|frame| frame["params"]["update"].clone());
        update.as_ref().map(Value::to_string)
    };
    for same in [json!([]), json!([link, b]), json!([b, a])] {
        assert_eq!(warned(same).await, None);
    }
    for other in [json!([a]), json!([a, b, c]), json!([a, c])] {
        let warning = warned(other).await.unwrap();
        assert!(warning.contains("additional directories"), "{warning}");
        assert!(
            warning.contains(b.canonicalize().unwrap().to_str().unwrap()),
            "{warning}"
        );
    }
}

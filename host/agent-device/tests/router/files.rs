use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    client::{Client, merge, read},
    support::{PHONE, PNG, World},
};

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

async fn announce(client: &Client, more: Value) -> (StatusCode, Value) {
    let mut body = json!({
        "fileName": "app.apk", "sha256": hash(b"a package"), "sizeBytes": 9, "artifactType": "file",
    });
    merge(&mut body, more);
    let request = client.request("POST", "/agent-device/upload/preflight", body.to_string());
    read(client.send(request).await).await
}

fn put(upload: &Value, ticket: &str, bytes: &'static [u8]) -> Request<Body> {
    let url = upload["url"].as_str().unwrap();
    let path = url.strip_prefix("http://127.0.0.1:1").unwrap();
    let request = Request::builder().method("PUT").uri(path);
    request
        .header("x-hostler-upload-ticket", ticket)
        .body(bytes.into())
        .unwrap()
}

#[tokio::test]
async fn what_was_announced_and_brought_is_installed_and_not_sent_twice() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let (_, said) = announce(&ann, json!({})).await;
    let upload = &said["upload"];
    let ticket = upload["headers"]["x-hostler-upload-ticket"]
        .as_str()
        .unwrap();
    assert!(
        !said.to_string().contains(&ann.token),
        "no token is sent back"
    );
    let (status, _) = read(ann.send(put(upload, "guess", b"a package")).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, refused) = read(ann.send(put(upload, ticket, b"a wrongly")).await).await;
    assert_eq!(refused["reason"], "UPLOAD_HASH_MISMATCH");
    let (_, refused) = read(ann.send(put(upload, ticket, b"a package and more")).await).await;
    assert_eq!(refused["reason"], "UPLOAD_TOO_LARGE");
    let (status, _) = read(ann.send(put(upload, ticket, b"a package")).await).await;
    assert_eq!(status, StatusCode::OK);
    let body = json!({ "uploadId": said["uploadId"] }).to_string();
    let bob = Client::of(&world, &routes, "bob");
    let request = bob.request("POST", "/upload/finalize", body.clone());
    assert_eq!(read(bob.send(request).await).await.0, StatusCode::NOT_FOUND);
    let request = ann.request("POST", "/upload/finalize", body);
    let (_, finished) = read(ann.send(request).await).await;
    let id = finished["uploadId"].as_str().unwrap();
    let (_, again) = announce(&ann, json!({})).await;
    assert_eq!(
        (&again["cacheHit"], &again["uploadId"]),
        (&json!(true), &json!(id))
    );
    assert_eq!(announce(&bob, json!({})).await.1["cacheHit"], false);

    let meta = json!({ "uploadedArtifactId": id });
    let flags = json!({ "platform": "android" });
    let (_, answer) = ann
        .command(
            "install",
            &["com.x", "./app.apk"],
            flags.clone(),
            meta.clone(),
        )
        .await;
    assert_eq!(answer["result"]["data"]["app"], "com.x", "{answer}");
    assert_eq!(
        world.screens.page(PHONE).installed,
        [("app.apk".to_owned(), 9)]
    );
    ann.done("close", &[], json!({})).await;
    let (_, answer) = bob
        .command("install", &["com.x", "./app.apk"], flags, meta)
        .await;
    assert_eq!(crate::client::reason(&answer), "UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn uploads_that_cannot_be_are_refused() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    for (more, expected) in [
        (json!({ "sizeBytes": 1u64 << 40 }), "UPLOAD_TOO_LARGE"),
        (json!({ "sha256": "abc" }), "INVALID_ARGS"),
        (json!({ "fileName": "" }), "INVALID_ARGS"),
        (json!({ "sizeBytes": null }), "INVALID_ARGS"),
    ] {
        let (_, answer) = announce(&ann, more.clone()).await;
        assert_eq!(answer["reason"], expected, "{more}");
    }
    let send = |hash: String| {
        let mut request = ann.request("POST", "/upload", "a package");
        for (name, value) in [
            ("x-artifact-filename", "../app.apk"),
            ("x-artifact-hash", &hash),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        ann.send(request)
    };
    let (_, answer) = read(send(hash(b"other")).await).await;
    assert_eq!(answer["reason"], "UPLOAD_HASH_MISMATCH");
    let (status, answer) = read(send(hash(b"a package")).await).await;
    assert_eq!((status, &answer["ok"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn a_screenshot_is_fetched_by_whoever_took_it() {
    let world = World::new().await;
    let routes = world.routes();
    let (ann, bob) = (
        Client::of(&world, &routes, "ann"),
        Client::of(&world, &routes, "bob"),
    );
    let taken = ann
        .done(
            "screenshot",
            &["/tmp/s.png"],
            json!({ "platform": "android" }),
        )
        .await;
    assert_eq!(taken["path"], "/tmp/s.png");
    let artifact = &taken["artifacts"][0];
    assert_eq!(
        (&artifact["field"], &artifact["fileName"]),
        (&json!("path"), &json!("s.png"))
    );
    let path = format!(
        "/agent-device/artifacts/{}",
        artifact["artifactId"].as_str().unwrap()
    );
    let response = ann.send(ann.request("GET", &path, "")).await;
    let bytes = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    assert_eq!(bytes, PNG);
    let response = bob.send(bob.request("GET", &path, "")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let listed = ann.done("artifacts", &[], json!({})).await;
    assert_eq!(listed["artifacts"].as_array().unwrap().len(), 1);
    assert_eq!(
        bob.done("artifacts", &[], json!({})).await["artifacts"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_is_removed_on_an_idle_host() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let phone = json!({ "platform": "android" });
    ann.done("screenshot", &["/tmp/s.png"], phone).await;
    let (_, said) = announce(&ann, json!({})).await;
    let ticket = &said["upload"]["headers"]["x-hostler-upload-ticket"];
    let request = put(&said["upload"], ticket.as_str().unwrap(), b"a package");
    assert_eq!(read(ann.send(request).await).await.0, StatusCode::OK);
    assert_eq!(world.files(), 2);
    tokio::time::sleep(std::time::Duration::from_secs(32 * 60)).await;
    assert_eq!(world.files(), 0);
}

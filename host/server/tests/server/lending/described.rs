//! The description of what can be asked for, beside what is answered.

use hostler_auth::Scope;
use serde_json::json;

use super::{Lender, Rest};
use crate::stage::Server;

#[tokio::test]
async fn the_description_names_what_there_is_and_every_get_answers() {
    let lender = Lender::start().await;
    let boss = lender.client("boss", &[Scope::Admin, Scope::View]);
    let (status, described) = boss.get("/openapi.json").await;
    assert_eq!((status, &described["openapi"]), (200, &json!("3.1.0")));
    let mut asked = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string());
            let open = path.contains('{') || path == "/v1/events" || path == "/v1/lease";
            if method == "get" && !open {
                let got = boss.http.get(format!("{}{path}", boss.base));
                let got = got.bearer_auth(&boss.token).send().await.unwrap();
                assert_eq!(got.status(), 200, "{path}");
                asked += 1;
            }
        }
    }
    assert!(asked >= 9, "{asked}");
}

#[tokio::test]
async fn the_description_says_truly_which_doors_need_no_token() {
    let lender = Lender::start().await;
    let boss = lender.client("boss", &[Scope::Admin, Scope::View]);
    let (_, described) = boss.get("/openapi.json").await;
    let mut doors = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let upper: reqwest::Method = method.to_uppercase().parse().unwrap();
            let address = format!("{}{path}", boss.base);
            let answer = boss.http.request(upper, address).send().await.unwrap();
            let status = answer.status().as_u16();
            if operation["security"] == json!([]) {
                doors.push(format!("{method} {path}"));
                assert!(![401, 404, 405].contains(&status), "{path}: {status}");
                let allowed = &operation["responses"];
                let described = allowed.get(status.to_string()).or(allowed.get("default"));
                assert!(described.is_some(), "{path}: {status}");
            } else {
                assert_eq!(status, 401, "{method} {path}");
            }
        }
    }
    doors.sort();
    let all = [
        "get /agent-device/health",
        "get /health",
        "get /healthz",
        "post /v1/pair",
    ];
    assert_eq!(doors, all);
    // A host without devices has less to tell.
    let server = Server::start().await;
    let alone = Rest {
        http: reqwest::Client::new(),
        base: format!("http://{}", server.addr),
        token: server.token.clone(),
    };
    let (_, described) = alone.get("/openapi.json").await;
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.contains_key("/healthz") && paths.contains_key("/v1/pair"));
    assert!(!paths.contains_key("/health"));
}

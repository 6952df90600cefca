//! ACP on one connection.

use serde_json::{Value, json};

use crate::stage::{Peer, Server, said};

#[tokio::test]
async fn initialize_negotiates_version_1_and_tells_what_there_is() {
    let server = Server::start().await;
    for asked in [0, 1, 2, 99] {
        let mut peer = server.connect(&server.token).await;
        let result = peer
            .result("initialize", json!({ "protocolVersion": asked }))
            .await;
        assert_eq!(result["protocolVersion"], 1);
        assert_eq!(result["agentInfo"]["name"], "hostler");
        let capabilities = &result["agentCapabilities"];
        assert_eq!(capabilities["loadSession"], true);
        assert_eq!(capabilities["promptCapabilities"]["image"], true);
        assert_eq!(
            capabilities["sessionCapabilities"],
            json!({ "list": {}, "resume": {}, "fork": {}, "close": {}, "delete": {} })
        );
        assert_eq!(result["authMethods"], json!([]));
    }
}

#[tokio::test]
async fn the_capabilities_are_those_of_the_connections_harness() {
    let server = Server::start().await;
    let mut peer = Peer::connect(server.addr, &server.token, "?harness=locked")
        .await
        .unwrap();
    let result = peer.initialize().await;
    assert_eq!(
        result["agentCapabilities"]["promptCapabilities"]["image"],
        false
    );
    assert_eq!(result["_meta"]["hostler"]["harness"], "locked");
}

#[tokio::test]
async fn initialize_comes_first_and_once() {
    let server = Server::start().await;
    let mut peer = server.connect(&server.token).await;
    let error = peer.error("session/list", json!({})).await;
    assert_eq!(
        (&error["code"], &error["data"]["code"]),
        (&json!(-32600), &json!("NOT_INITIALIZED"))
    );
    peer.notify("session/cancel", json!({ "sessionId": "x" }))
        .await;
    let error = peer.error("initialize", json!({})).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    peer.initialize().await;
    let error = peer
        .error("initialize", json!({ "protocolVersion": 1 }))
        .await;
    assert_eq!(error["data"]["code"], "ALREADY_INITIALIZED");
}

#[tokio::test]
async fn bad_messages_get_a_clear_error_and_the_connection_lives_on() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    for (text, id, number, name) in [
        ("{", Value::Null, -32700, "PARSE_ERROR"),
        ("hello", Value::Null, -32700, "PARSE_ERROR"),
        ("[]", Value::Null, -32600, "BATCH_UNSUPPORTED"),
        ("3", Value::Null, -32600, "INVALID_MESSAGE"),
        (
            r#"{"jsonrpc":"1.0","id":9,"method":"x"}"#,
            json!(9),
            -32600,
            "INVALID_MESSAGE",
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"none/such"}"#,
            json!("a"),
            -32601,
            "UNKNOWN_METHOD",
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"method":"_vendor/x"}"#,
            Value::Null,
            -32601,
            "UNKNOWN_METHOD",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1.50,"method":"session/new"}"#,
            json!(1.50),
            -32602,
            "BAD_PARAMS",
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"session/new","params":[]}"#,
            json!(7),
            -32602,
            "BAD_PARAMS",
        ),
        (
            r#"{"jsonrpc":"2.0","id":8,"method":"authenticate","params":{"methodId":"x"}}"#,
            json!(8),
            -32001,
            "FORBIDDEN",
        ),
        (
            r#"{"jsonrpc":"2.0","id":10,"method":"_hostler/session/attach","params":{"sessionId":"x"}}"#,
            json!(10),
            -32601,
            "UNKNOWN_METHOD",
        ),
        (
            r#"{"jsonrpc":"2.0","id":9,"method":"session/fork","params":{"sessionId":"x"}}"#,
            json!(9),
            -32602,
            "BAD_PARAMS",
        ),
    ] {
        peer.text(text).await;
        let answer = peer.next().await;
        assert_eq!(answer["id"], id, "{text}");
        assert_eq!(answer["error"]["code"], number, "{text}");
        assert_eq!(answer["error"]["data"]["code"], name, "{text}");
        assert!(answer["error"]["message"].as_str().unwrap().len() > 10);
    }
    peer.notify("unknown/notification", json!({})).await;
    peer.text(r#"{"jsonrpc":"2.0","id":77,"result":{}}"#).await;
    peer.text(r#"{"jsonrpc":"2.0","id":"x/1","result":{}}"#)
        .await;
    peer.session(&server.project()).await;
}

#[tokio::test]
async fn an_id_keeps_its_exact_form() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    for id in ["1.0", "12345678901234567890123", r#""1""#, "-0"] {
        peer.text(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"session/list"}}"#
        ))
        .await;
        let Some(tokio_tungstenite::tungstenite::Message::Text(text)) = peer.raw().await else {
            panic!("no answer");
        };
        assert!(text.contains(&format!(r#""id":{id},"#)), "{text}");
    }
}

#[tokio::test]
async fn an_id_that_is_in_use_is_refused() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let id = peer.begin_prompt(&session, "hang").await;
    peer.text(&json!({ "jsonrpc": "2.0", "id": id, "method": "session/list" }).to_string())
        .await;
    let refused = peer.answer(id).await;
    assert_eq!(refused["error"]["data"]["code"], "DUPLICATE_ID");
    peer.notify("session/cancel", json!({ "sessionId": session }))
        .await;
    assert_eq!(peer.answer(id).await["result"]["stopReason"], "cancelled");
}

#[tokio::test]
async fn extensions_of_an_agent_and_its_models_reach_it() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let params = json!({ "sessionId": session, "a": 1 });
    let result = peer.result("session/set_model", params).await;
    assert_eq!(result["method"], "session/set_model");
    assert_eq!(result["params"], r#"{"a":1}"#);
}

#[tokio::test]
async fn a_request_of_an_extension_goes_to_the_agent_of_its_session_as_it_is() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let error = peer.error("_vendor/thing", json!({})).await;
    assert_eq!(error["code"], -32601, "there is no agent yet: {error}");
    let session = peer.session(&server.project()).await;
    for params in [
        format!(r#"{{"b":1e2,"sessionId":"{session}"}}"#),
        r#"{"b":1e2}"#.to_owned(),
    ] {
        let request = r#"{"jsonrpc":"2.0","id":"x","method":"_vendor/thing","params":"#;
        peer.text(&format!("{request}{params}}}")).await;
        let answer = peer.next().await;
        assert_eq!(answer["result"]["params"], params, "byte for byte");
    }
    peer.session(&server.project()).await;
    let error = peer.error("_vendor/thing", json!({})).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS", "which one? {error}");
    let error = peer.error("_vendor/thing", json!([1])).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    let params = json!({ "sessionId": session });
    for method in ["_hostler/thing", "_hostlerx/thing", "_hostler"] {
        let error = peer.error(method, params.clone()).await;
        assert_eq!(error["code"], -32601, "{method} is the host's own");
    }
}

#[tokio::test]
async fn a_notification_of_an_extension_goes_to_the_agents_of_its_sessions() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let one = peer.session(&server.project()).await;
    let two = peer.session(&server.project()).await;
    let params = json!({ "sessionId": one, "a": 1 });
    peer.notify("_vendor/told", params.clone()).await;
    assert_eq!(said(&peer.next().await), format!("_vendor/told {params}"));
    peer.notify("_vendor/told", json!({ "a": 1 })).await;
    let mut heard = Vec::new();
    for _ in 0..2 {
        let told = peer.next().await;
        assert_eq!(said(&told), r#"_vendor/told {"a":1}"#);
        heard.push(told["params"]["sessionId"].as_str().unwrap().to_owned());
    }
    heard.sort();
    let mut all = [one, two];
    all.sort();
    assert_eq!(heard, all);
    for ignored in [json!({ "sessionId": "other" }), json!({ "sessionId": 7 })] {
        peer.notify("_vendor/told", ignored).await;
    }
    peer.notify("_hostler/told", json!({ "a": 1 })).await;
    peer.result("session/list", json!({})).await;
    assert!(peer.early.is_empty(), "{:?}", peer.early);
}

#[tokio::test]
async fn to_send_an_agent_methods_of_extensions_takes_the_right_to_drive() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let viewing = server.token_for("local", &[hostler_auth::Scope::View]);
    let mut viewer = server.connect(&viewing).await;
    viewer.initialize().await;
    let params = json!({ "sessionId": session });
    let error = viewer.error("_vendor/thing", params.clone()).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");
    viewer.notify("_vendor/told", params).await;
    viewer.result("session/list", json!({})).await;
    peer.result("session/list", json!({})).await;
    assert!(peer.early.is_empty(), "{:?}", peer.early);
}

#[tokio::test]
async fn a_whole_session() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let answer = peer.prompt(&session, "hello").await;
    assert_eq!(answer["result"], json!({ "stopReason": "end_turn" }));
    assert_eq!(
        peer.early.len(),
        1,
        "the chunk came before the answer: {:?}",
        peer.early
    );
    let params = json!({ "sessionId": session, "configId": "model", "value": "x" });
    let result = peer.result("session/set_config_option", params).await;
    assert_eq!(result["method"], "session/set_config_option");
    assert_eq!(
        result["params"], r#"{"configId":"model","value":"x"}"#,
        "without the session's id"
    );
    let list = peer.result("session/list", json!({})).await;
    let info = &list["sessions"][0];
    assert_eq!(
        (&info["sessionId"], &info["title"]),
        (&json!(session), &json!("hello"))
    );
    assert!(info["updatedAt"].as_str().unwrap().ends_with('Z'), "{info}");
    assert_eq!(
        info["_meta"]["hostler"],
        json!({
            "harness": "echo", "devices": null, "owner": "me", "access": "owner", "shares": [],
            "busy": false, "live": true, "viewers": 1,
        })
    );
    peer.result("session/close", json!({ "sessionId": session }))
        .await;
    let error = peer
        .error("session/prompt", crate::stage::prompt(&session, "x"))
        .await;
    assert_eq!(
        (&error["code"], &error["data"]["code"]),
        (&json!(-32002), &json!("UNKNOWN_SESSION"))
    );
}

#[tokio::test]
async fn a_running_prompt_does_not_keep_other_messages_waiting() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let id = peer.begin_prompt(&session, "hang").await;
    let list = peer.result("session/list", json!({})).await;
    assert_eq!(list["sessions"][0]["_meta"]["hostler"]["busy"], true);
    let other = peer.session(&server.project()).await;
    assert_ne!(other, session);
    peer.notify("$/cancel_request", json!({ "requestId": id }))
        .await;
    assert_eq!(peer.answer(id).await["result"]["stopReason"], "cancelled");
}

#[tokio::test]
async fn the_folder_of_a_session_must_lie_under_the_roots() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    for cwd in ["/", "project", "/nowhere", "/etc/.."] {
        let error = peer
            .error("session/new", json!({ "cwd": cwd, "mcpServers": [] }))
            .await;
        assert_eq!(
            (&error["code"], &error["data"]["code"]),
            (&json!(-32602), &json!("CWD_OUTSIDE_ROOTS")),
            "{cwd}"
        );
    }
    let params =
        json!({ "cwd": server.project(), "mcpServers": [], "additionalDirectories": ["/etc"] });
    let error = peer.error("session/new", params).await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("in `additionalDirectories`"),
        "{error}"
    );
}

#[tokio::test]
async fn the_harness_is_named_by_the_session_or_the_connection_or_the_host() {
    let server = Server::start().await;
    let new = |harness: Option<&str>| {
        let meta = harness.map(|id| json!({ "hostler": { "harness": id } }));
        json!({ "cwd": server.project(), "mcpServers": [], "_meta": meta })
    };
    let mut peer = server.peer().await;
    peer.result("session/new", new(None)).await;
    let error = peer.error("session/new", new(Some("locked"))).await;
    assert_eq!(
        (&error["code"], &error["data"]["code"]),
        (&json!(-32000), &json!("AUTH_REQUIRED"))
    );
    assert_eq!(error["message"], "log in first");
    let error = peer.error("session/new", new(Some("none"))).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_HARNESS");
    let mut peer = Peer::connect(server.addr, &server.token, "?harness=locked")
        .await
        .unwrap();
    peer.initialize().await;
    assert_eq!(
        peer.error("session/new", new(None)).await["message"],
        "log in first"
    );
    peer.result("session/new", new(Some("echo"))).await;
}

#[tokio::test]
async fn mcp_servers_that_no_agent_can_use_are_told_to_the_client() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let servers = json!([
        { "name": "good", "command": "x", "args": [], "env": [] },
        { "name": "files", "type": "sse", "url": "http://127.0.0.1:1/", "headers": [] }
    ]);
    peer.result(
        "session/new",
        json!({ "cwd": server.project(), "mcpServers": servers }),
    )
    .await;
    peer.next().await;
    let update = &peer.next().await["params"]["update"];
    assert_eq!(update["sessionUpdate"], "notice");
    assert!(
        update["title"].as_str().unwrap().ends_with(": files."),
        "{update}"
    );
}

#[tokio::test]
async fn a_broken_plugin_is_an_error_with_its_name_and_the_session_goes_on() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    let error = &peer.prompt(&session, "trap").await["error"];
    assert_eq!(
        (&error["code"], &error["data"]["code"]),
        (&json!(-32603), &json!("PLUGIN_TRAPPED"))
    );
    let answer = peer.prompt(&session, "again").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
}

#[tokio::test]
async fn prompts_and_lists_are_checked() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    for params in [
        json!({ "sessionId": session }),
        json!({ "sessionId": session, "prompt": "hi" }),
        json!({ "sessionId": session, "prompt": [] }),
        json!({ "sessionId": 5, "prompt": [] }),
    ] {
        let error = peer.error("session/prompt", params).await;
        assert_eq!(error["data"]["code"], "BAD_PARAMS");
    }
    let error = peer.error("session/list", json!({ "cursor": "x" })).await;
    assert_eq!(error["data"]["code"], "BAD_PARAMS");
    let list = peer
        .result("session/list", json!({ "cwd": "/elsewhere" }))
        .await;
    assert_eq!(list["sessions"], json!([]));
}

//! Requests to the routes, without a network.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::World;

/// Somebody with a token.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) routes: Router,
    pub(crate) token: String,
}

/// A phone's key, as clients write it.
pub(crate) const KEY: &str = "android:mobile:emulator-5554";

impl Client {
    pub(crate) fn of(world: &World, routes: &Router, principal: &str) -> Self {
        Self {
            routes: routes.clone(),
            token: world.token(principal),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.routes.clone().oneshot(request).await.unwrap()
    }

    /// With the token in the header.
    pub(crate) fn request(&self, method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("host", "127.0.0.1:1")
            .body(body.into())
            .unwrap()
    }

    pub(crate) async fn rpc(&self, method: &str, params: Value) -> (StatusCode, Value) {
        let body = json!({ "jsonrpc": "2.0", "id": "1", "method": method, "params": params });
        let request = self.request("POST", "/rpc", body.to_string());
        read(self.send(request).await).await
    }

    /// Allocates the phone, under these labels.
    pub(crate) async fn allocate(&self, more: Value) -> (StatusCode, Value) {
        let mut params = json!({
            "session": "s", "tenantId": "t", "runId": "r", "leaseProvider": "proxy",
            "clientId": "c", "deviceKey": KEY, "ttlMs": 300_000, "backend": "android-instance",
        });
        merge(&mut params, more);
        self.rpc("agent_device.lease.allocate", params).await
    }

    /// A lease of the phone.
    pub(crate) async fn lease(&self) -> String {
        let (status, answer) = self.allocate(json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let lease = &answer["result"]["data"]["lease"];
        lease["leaseId"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn command(
        &self,
        name: &str,
        positionals: &[&str],
        flags: Value,
        meta: Value,
    ) -> (StatusCode, Value) {
        let params = json!({
            "session": "s", "command": name, "positionals": positionals, "flags": flags,
            "meta": meta,
        });
        self.rpc("agent_device.command", params).await
    }

    /// A command of a client without lease calls, which must work.
    pub(crate) async fn done(&self, name: &str, positionals: &[&str], flags: Value) -> Value {
        let (_, mut answer) = self.command(name, positionals, flags, json!({})).await;
        assert_eq!(
            answer["result"]["ok"], true,
            "{name} {positionals:?}: {answer}"
        );
        answer["result"]["data"].take()
    }

    /// A command that must be refused: its reason.
    pub(crate) async fn refused(&self, name: &str, positionals: &[&str], flags: Value) -> String {
        let (_, answer) = self.command(name, positionals, flags, json!({})).await;
        reason(&answer)
    }
}

pub(crate) async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}: {text}"));
    (status, value)
}

/// The reason of a refusal, which must say what to do or what is wrong.
#[track_caller]
pub(crate) fn reason(answer: &Value) -> String {
    let error = &answer["error"];
    let data = &error["data"];
    assert_eq!(error["message"], data["message"], "{answer}");
    assert!(
        data["code"].is_string() && error["message"].is_string(),
        "{answer}"
    );
    data["details"]["reason"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

pub(crate) fn merge(into: &mut Value, more: Value) {
    let (Value::Object(into), Value::Object(more)) = (into, more) else {
        panic!("two objects");
    };
    into.extend(more);
}

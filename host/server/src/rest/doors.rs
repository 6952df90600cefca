//! What needs no token.

use axum::routing::{get, post};
use schemars::JsonSchema;
use serde::Serialize;

use super::Operation;
use crate::http::admin::{self, Redemption, TokenView};

/// There is a host of devices.
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// Always.
    ok: bool,
}

/// Whatever address it is asked by.
pub(super) fn ready() -> Operation {
    let about = "Answers `ready` when there is a host, under whatever name it is called.";
    Operation::open("get", "/healthz", about, Some(get("ready"))).gives_text()
}

pub(super) fn pair() -> Operation {
    let about = "Makes the token that a pairing code stands for, once. The code is all that is \
                 needed.";
    Operation::open("post", "/v1/pair", about, Some(post(admin::redeem)))
        .takes::<Redemption>()
        .gives::<TokenView>(201)
}

/// Of agent-device's protocol, whose other routes are for its own client.
pub(super) fn health() -> Vec<Operation> {
    let health = |path| {
        let about = "Answers that there is a host of devices, as clients of agent-device ask.";
        Operation::open("get", path, about, None).gives::<Health>(200)
    };
    ["/health", "/agent-device/health"].map(health).into()
}

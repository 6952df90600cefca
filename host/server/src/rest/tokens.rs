//! Tokens, pairing codes and the audit, as `http/admin.rs` answers for them.

use axum::routing::{delete, get, post};

use super::Operation;
use crate::http::admin::{self, AuditQuery, Audited, Offered, Revoked, TokenList, TokenView, Wish};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            "get",
            "/v1/tokens",
            "admin",
            "Lists the tokens.",
            get(admin::list),
        )
        .gives::<TokenList>(200),
        Operation::new(
            "post",
            "/v1/tokens",
            "admin",
            "Makes a token.",
            post(admin::create),
        )
        .takes::<Wish>()
        .gives::<TokenView>(201),
        Operation::new(
            "delete",
            "/v1/tokens/{id}",
            "admin",
            "Revokes a token; what it had opened ends.",
            delete(admin::revoke),
        )
        .gives::<Revoked>(200),
        Operation::new(
            "post",
            "/v1/pairings",
            "admin",
            "Makes a code that becomes a token on another machine, once, by POST /v1/pair.",
            post(admin::offer),
        )
        .takes::<Wish>()
        .gives::<Offered>(201),
        Operation::new(
            "get",
            "/v1/audit",
            "admin",
            "What was recorded, the latest first.",
            get(admin::audit),
        )
        .query::<AuditQuery>()
        .gives::<Audited>(200),
    ]
}

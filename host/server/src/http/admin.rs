//! Tokens, pairing codes and the audit, for whoever has the scope `admin`; and
//! the one door without a token, where a code is redeemed.
//!
//! Times in answers are RFC 3339 in UTC; lives are in seconds.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use hostler_auth::{Grant, PAIRING_LIFE, PairingError, Principal, Scope, Scopes};
use hostler_store::{AuditFilter, StoredToken};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Refusal,
    body::{answer, read},
};
use crate::{
    access::{Access, AccessError, MadeToken, NewToken},
    serve::Shared,
};

/// Records of one page when the caller does not say, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// A token that is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "TokenWish")]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Whoever asks, if it is not said.
    principal: Option<String>,
    /// Of `view`, `drive`, `shell`, `lease`, `admin`.
    scopes: Vec<String>,
    /// For ever if it is not said.
    life_seconds: Option<u64>,
    /// What it is for, for people.
    #[serde(default)]
    label: String,
}

impl Wish {
    fn into_new(self, own: &Principal) -> Result<NewToken, AccessError> {
        let scopes: Result<Scopes, _> = self.scopes.iter().map(|word| word.parse()).collect();
        Ok(NewToken {
            principal: match self.principal {
                Some(name) => Principal::parse(&name)?,
                None => own.clone(),
            },
            scopes: scopes?,
            life: self.life_seconds.map(Duration::from_secs),
            label: self.label,
        })
    }
}

/// A token, as it is kept.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub(crate) struct TokenView {
    /// By which it is revoked; no secret.
    id: String,
    /// Whose it is.
    principal: String,
    /// What it lets do.
    scopes: Vec<String>,
    /// What it is for.
    label: String,
    /// When.
    created: String,
    /// When its life is over.
    expires: Option<String>,
    /// When it was revoked.
    revoked: Option<String>,
    /// When it was last presented, within some minutes.
    used: Option<String>,
    /// Only when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// The tokens of a host.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TokenList {
    /// Those that count first.
    tokens: Vec<TokenView>,
}

/// A token that counts no more.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Revoked {
    /// Which it was.
    id: String,
}

/// A code that brings a token to another machine.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Offered {
    /// To be told once.
    code: String,
    /// How long it counts.
    life_seconds: u64,
    /// How other machines address this host, if that is known.
    address: Option<String>,
    /// The fingerprint of a certificate that nobody signed.
    certificate: Option<String>,
}

/// A page of the audit.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Audited {
    /// The latest first.
    records: Vec<Recorded>,
    /// What `before` asks for the next page with.
    next: Option<i64>,
}

/// One record of the audit.
#[derive(Debug, Serialize, JsonSchema)]
struct Recorded {
    key: i64,
    at: String,
    principal: String,
    action: String,
    subject: String,
    detail: Value,
}

impl TokenView {
    fn of(stored: StoredToken) -> Self {
        Self {
            scopes: stored.scopes.split(' ').map(str::to_owned).collect(),
            id: stored.id,
            principal: stored.principal,
            label: stored.label,
            created: time(stored.created),
            expires: stored.expires.map(time),
            revoked: stored.revoked.map(time),
            used: stored.used.map(time),
            token: None,
        }
    }

    fn made(made: MadeToken) -> Self {
        Self {
            token: Some(made.token.expose().to_owned()),
            ..Self::of(made.stored)
        }
    }
}

/// `POST /v1/tokens`.
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    body: Body,
) -> Result<Response, Refusal> {
    let by = admin(&grant)?;
    let wish: Wish = read(body).await?;
    let new = wish.into_new(&by)?;
    let made = blocking(&shared, move |access| access.create(new, &by)).await?;
    answer(StatusCode::CREATED, &TokenView::made(made))
}

/// `GET /v1/tokens`.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
) -> Result<Response, Refusal> {
    admin(&grant)?;
    let tokens = blocking(&shared, Access::list).await?;
    let tokens = tokens.into_iter().map(TokenView::of).collect();
    answer(StatusCode::OK, &TokenList { tokens })
}

/// `DELETE /v1/tokens/{id}`.
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let by = admin(&grant)?;
    let name = id.clone();
    if blocking(&shared, move |access| access.revoke(&name, &by)).await? {
        return answer(StatusCode::OK, &Revoked { id });
    }
    let message = match id.as_str() {
        "local" | "admin" => format!(
            "the {id} token is a file: delete the file and start the host again, and there is \
             another"
        ),
        _ => format!("no token {id:?} counts; `hostler token list` shows those that do"),
    };
    Err(Refusal::new(
        StatusCode::NOT_FOUND,
        "UNKNOWN_TOKEN",
        message,
    ))
}

/// `POST /v1/pairings`.
pub(crate) async fn offer(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    body: Body,
) -> Result<Response, Refusal> {
    let by = admin(&grant)?;
    let wish: Wish = read(body).await?;
    let new = wish.into_new(&by)?;
    let code = blocking(&shared, move |access| access.offer(new, &by)).await?;
    let own = shared.config.tls.as_ref().filter(|tls| tls.is_own());
    let offered = Offered {
        code: code.expose().to_owned(),
        life_seconds: PAIRING_LIFE.as_secs(),
        address: shared.config.address.clone(),
        certificate: own.map(|tls| tls.fingerprint().to_string()),
    };
    answer(StatusCode::CREATED, &offered)
}

/// A pairing code that is to become a token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redemption {
    /// As it stands in the address.
    code: String,
    /// What the token is for, for people; that of the offer, if it is not said.
    label: Option<String>,
}

/// `POST /v1/pair`: the code is all that is needed.
pub(crate) async fn redeem(
    State(shared): State<Arc<Shared>>,
    body: Body,
) -> Result<Response, Refusal> {
    let wanted: Redemption = read(body).await?;
    let redeem = move |access: &Access| access.redeem(&wanted.code, wanted.label);
    let made = blocking(&shared, redeem).await?;
    answer(StatusCode::CREATED, &TokenView::made(made))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Only what was recorded since then, in RFC 3339.
    since: Option<String>,
    /// Only what this principal did.
    principal: Option<String>,
    /// Records of this page; 100 if it is not said.
    limit: Option<usize>,
    /// `next` of the page before.
    before: Option<i64>,
}

/// `GET /v1/audit`.
pub(crate) async fn audit(
    State(shared): State<Arc<Shared>>,
    Extension(grant): Extension<Grant>,
    query: Result<Query<AuditQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    admin(&grant)?;
    let Query(query) = query.map_err(|rejection| {
        bad(format!(
            "the query of this address is wrong: {}",
            rejection.body_text()
        ))
    })?;
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(bad(format!("`limit` is between 1 and {MAX_PAGE}")));
    }
    let since = query.since.map(|text| {
        let time: Timestamp = text
            .parse()
            .map_err(|_| bad("`since` is a time such as 2026-11-20T08:00:00Z (RFC 3339)".into()))?;
        Ok::<_, Refusal>(SystemTime::from(time))
    });
    let filter = AuditFilter {
        since: since.transpose()?,
        principal: query.principal,
    };
    let recorded = move |access: &Access| access.recorded(&filter, limit, query.before);
    let found = blocking(&shared, recorded).await?;
    let next = found.last().filter(|_| found.len() == limit);
    let next = next.map(|last| last.key);
    let records = found.into_iter().map(|one| {
        let detail = serde_json::from_str(&one.record.detail);
        Recorded {
            key: one.key,
            at: time(one.record.at),
            principal: one.record.principal,
            action: one.record.action.to_string(),
            subject: one.record.subject.to_string(),
            detail: detail.unwrap_or(Value::String(one.record.detail)),
        }
    });
    let records = records.collect();
    answer(StatusCode::OK, &Audited { records, next })
}

/// Who asks, if they may.
fn admin(grant: &Grant) -> Result<Principal, Refusal> {
    let identity = &grant.identity;
    if identity.scopes.contains(Scope::Admin) {
        return Ok(identity.principal.clone());
    }
    let message = format!(
        "this token lacks the scope `admin` (it has: {}); `hostler serve` says where the admin \
         token is",
        identity.scopes
    );
    Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message))
}

/// Runs what waits for the disk where waiting is allowed.
async fn blocking<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&Access) -> Result<T, AccessError> + Send + 'static,
) -> Result<T, Refusal> {
    let access = shared.config.access.clone();
    match tokio::task::spawn_blocking(move || work(&access)).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(%error, "a request broke");
            let message = "this request broke; the host's log has more";
            Err(Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                message,
            ))
        }
    }
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        let (status, code) = match &error {
            AccessError::Bad(_) => (StatusCode::BAD_REQUEST, "BAD_PARAMS"),
            AccessError::Pairing(PairingError::Unknown) => {
                (StatusCode::NOT_FOUND, "UNKNOWN_PAIRING")
            }
            AccessError::Pairing(PairingError::TooManyWrong) => {
                (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY")
            }
            AccessError::TooManyTokens | AccessError::Pairing(PairingError::TooManyWaiting) => {
                (StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY")
            }
            AccessError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "RECORDS_FAILED"),
            AccessError::Token(_) | AccessError::Pairing(PairingError::Random(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL")
            }
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "a request about access failed");
        }
        Self::new(status, code, error.to_string())
    }
}

fn bad(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "BAD_PARAMS", message)
}

fn time(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

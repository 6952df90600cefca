//! Uploads, artifacts, diagnostics.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{OriginalUri, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use hostler_auth::Scope;
use hostler_lease::Principal;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use super::{answer, auth, body};
use crate::{
    caller::Caller,
    fault::Fault,
    spool::{Draft, Kept, Kind, MAX_PACKAGE},
    state::Shared,
    upload::Announced,
};

/// How long a file may take to come: the client's own limit.
const UPLOAD_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How long nothing of it may come.
const CHUNK_LIMIT: Duration = Duration::from_secs(30);

/// Bytes of an artifact in memory at once.
const CHUNK: usize = 64 << 10;

/// What whoever brings an announced file sends with it.
const TICKET: HeaderName = HeaderName::from_static("x-hostler-upload-ticket");

/// By which front doors say how the request came.
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// `POST /upload/preflight`: what will come.
pub(super) async fn preflight(
    State(shared): State<Arc<Shared>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = uploader(&shared, &headers)?;
    let announced = Announced::read(&body::object(body).await?)?;
    let owner = &caller.who.principal;
    if let Some(id) = shared.spool.same(owner, &announced.sha256) {
        return Ok(ok(json!({ "ok": true, "uploadId": id, "cacheHit": true })));
    }
    let ticket = shared.uploads.announce(owner, announced)?;
    let proto = headers.get(PROTO).and_then(|value| value.to_str().ok());
    let scheme = match proto {
        Some("https") => "https",
        _ if shared.tls => "https",
        _ => "http",
    };
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str()));
    let Some(host) = host else {
        return Err(Fault::args("the header Host is missing"));
    };
    let before = uri
        .path()
        .strip_suffix("/upload/preflight")
        .unwrap_or_default();
    let url = format!("{scheme}://{host}{before}/upload/direct/{}", ticket.id);
    let upload = json!({ "url": url, "headers": { TICKET.as_str(): ticket.secret } });
    Ok(ok(json!({
        "ok": true, "uploadId": ticket.id, "cacheHit": false, "upload": upload,
    })))
}

/// `PUT /upload/direct/ID`: the bytes, from whoever has the ticket.
pub(super) async fn direct(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let ticket = text(&headers, &TICKET).unwrap_or_default();
    let bringing = shared.uploads.bring(&id, ticket)?;
    let kept = receive(&shared, &bringing.owner, &bringing.announced, body).await?;
    bringing.came(kept)?;
    Ok(ok(json!({ "ok": true, "uploadId": id })))
}

/// `POST /upload/finalize`: it is there.
pub(super) async fn finalize(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = uploader(&shared, &headers)?;
    let fields = body::object(body).await?;
    let id = fields.text("uploadId")?.unwrap_or_default();
    let owner = &caller.who.principal;
    let id = shared.uploads.finish(&shared.spool, owner, id)?;
    Ok(ok(json!({ "ok": true, "uploadId": id })))
}

/// `POST /upload`: all in one go.
pub(super) async fn upload(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Fault> {
    let caller = uploader(&shared, &headers)?;
    let needed = |name: &'static str| {
        let value = text(&headers, &HeaderName::from_static(name));
        value.ok_or_else(|| Fault::args(format!("the header {name} is missing")))
    };
    let hash = needed("x-artifact-hash")?;
    if let Some(algorithm) = text(
        &headers,
        &HeaderName::from_static("x-artifact-hash-algorithm"),
    ) && !algorithm.eq_ignore_ascii_case("sha256")
    {
        return Err(Fault::args("the hash of an upload is its SHA-256"));
    }
    let kind = text(&headers, &HeaderName::from_static("x-artifact-type"));
    let archived = kind == Some("app-bundle");
    let name = needed("x-artifact-filename")?;
    let announced = Announced::new(name, hash, None, archived)?;
    let owner = &caller.who.principal;
    let coming = receive(&shared, owner, &announced, body);
    let kept = caller.while_valid(coming).await?;
    let id = shared.spool.add(owner, Kind::Upload, kept)?;
    Ok(ok(json!({ "ok": true, "uploadId": id })))
}

/// `GET /artifacts/ID`, for whoever made it.
pub(super) async fn artifact(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&shared.tokens, &headers, None)?;
    let found = shared
        .spool
        .find(&caller.who.principal, Kind::Artifact, &id);
    let Some(kept) = found else {
        let message = "there is no such artifact of yours; it may have expired";
        return Err(
            Fault::new("COMMAND_FAILED", "ARTIFACT_UNKNOWN", message).status(StatusCode::NOT_FOUND)
        );
    };
    let file = kept
        .open()
        .await
        .map_err(|error| Fault::internal("an artifact could not be read", &error))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(kept.size)),
    ];
    // The file stays as long as it is read.
    let bytes = ReaderStream::with_capacity(file, CHUNK).map(move |chunk| {
        let _reads = &kept;
        chunk
    });
    Ok((StatusCode::OK, headers, Body::from_stream(bytes)).into_response())
}

/// `GET /sessions/S/requests/ID/diagnostics`: of a request that failed.
pub(super) async fn diagnostics(
    State(shared): State<Arc<Shared>>,
    Path((session, request)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let caller = auth::caller(&shared.tokens, &headers, None)?;
    let owner = &caller.who.principal;
    let Some(lines) = shared.records.find(owner, &session, &request) else {
        let message = "nothing is known of that request; only the last failures are";
        return Err(
            Fault::new("COMMAND_FAILED", "REQUEST_UNKNOWN", message).status(StatusCode::NOT_FOUND)
        );
    };
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((StatusCode::OK, headers, lines).into_response())
}

/// Whoever uploads may hold devices: there is nothing else to do with it.
fn uploader(shared: &Shared, headers: &HeaderMap) -> Result<Caller, Fault> {
    let caller = auth::caller(&shared.tokens, headers, None)?;
    caller.needs(Scope::Lease)?;
    Ok(caller)
}

/// What was announced, once it is there and is just that.
async fn receive(
    shared: &Shared,
    owner: &Principal,
    announced: &Announced,
    body: Body,
) -> Result<Kept, Fault> {
    let mut draft = shared.spool.draft(owner, announced.size).await?;
    let most = announced.size.unwrap_or(MAX_PACKAGE);
    let came = timeout(UPLOAD_LIMIT, write(&mut draft, body, most)).await;
    came.unwrap_or_else(|_| Err(slow()))?;
    let kept = draft.finish(announced.name.clone()).await?;
    announced.check(&kept)?;
    Ok(kept)
}

async fn write(draft: &mut Draft, body: Body, most: u64) -> Result<(), Fault> {
    let mut stream = body.into_data_stream();
    loop {
        match timeout(CHUNK_LIMIT, stream.next()).await {
            Ok(Some(Ok(bytes))) => draft.write(&bytes, most).await?,
            Ok(Some(Err(error))) => {
                let error = io::Error::other(error);
                let message = format!("the upload broke off: {error}");
                return Err(Fault::new("COMMAND_FAILED", "UPLOAD_BROKEN", message));
            }
            Ok(None) => return Ok(()),
            Err(_) => return Err(slow()),
        }
    }
}

fn slow() -> Fault {
    let message = format!(
        "the upload did not come within {} s",
        UPLOAD_LIMIT.as_secs()
    );
    Fault::new("COMMAND_FAILED", "UPLOAD_TOO_SLOW", message).status(StatusCode::REQUEST_TIMEOUT)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value).filter(|value| !value.is_empty())
}

fn ok(value: Value) -> Response {
    answer(StatusCode::OK, &value)
}

//! One HTTP request on a connection of its own.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{address::Address, silence::Lively, stream::Stream};
use crate::serve::VERSION;

/// The largest answer: a list of all tokens has a few MiB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How long an answer may take. The host may wait for its disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request of this program.
pub(crate) fn request(
    address: &Address,
    method: Method,
    path: &str,
    bearer: Option<&str>,
) -> Builder {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.authority())
        .header(USER_AGENT, format!("hostler/{VERSION}"));
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    request
}

/// Sends a request; the connection lives as long as the body of the answer is
/// read.
pub(crate) async fn send(
    stream: Stream,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

/// Reads the rest of an answer, for as long as it keeps coming.
pub(crate) async fn whole(body: Incoming, max: usize) -> Result<Bytes> {
    match Limited::new(Lively::new(body), max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(anyhow::anyhow!("the answer could not be read: {error}")),
    }
}

/// Sends a request with JSON, or without a body if it is empty; the result is
/// the status and the body of the answer.
pub(crate) async fn exchange(
    stream: Stream,
    address: &Address,
    method: Method,
    path: &str,
    bearer: Option<&str>,
    json: String,
) -> Result<(StatusCode, Bytes)> {
    let mut request = request(address, method, path, bearer);
    if !json.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let request = request
        .body(Full::new(Bytes::from(json)))
        .context("the request cannot be made")?;
    let talk = async {
        let answer = send(stream, request).await?;
        let status = answer.status();
        Ok((status, whole(answer.into_body(), MAX_ANSWER).await?))
    };
    match timeout(PATIENCE, talk).await {
        Ok(answered) => answered,
        Err(_) => bail!("no answer within {} seconds", PATIENCE.as_secs()),
    }
}

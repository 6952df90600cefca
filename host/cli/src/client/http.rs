//! One HTTP request on a connection of its own.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{address::Address, stream::Stream};
use crate::serve::VERSION;

/// The largest answer: a list of all tokens has a few MiB.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// How long an answer may take. The host may wait for its disk.
const PATIENCE: Duration = Duration::from_secs(30);

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
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.authority())
        .header(USER_AGENT, format!("hostler/{VERSION}"));
    if !json.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let request = request
        .body(Full::new(Bytes::from(json)))
        .context("the request cannot be made")?;
    let talk = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        connection.abort();
        match body {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => Err(anyhow::anyhow!("the answer could not be read: {error}")),
        }
    };
    match timeout(PATIENCE, talk).await {
        Ok(answered) => answered,
        Err(_) => bail!("no answer within {} seconds", PATIENCE.as_secs()),
    }
}

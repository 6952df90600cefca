//! The WebSocket to the host.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, anyhow};
use hostler_auth::LocalToken;
use hostler_wire::{Id, Message as Rpc, codes, compose};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{
        self, Utf8Bytes,
        client::IntoClientRequest as _,
        http::{HeaderValue, Response, header::AUTHORIZATION},
        protocol::WebSocketConfig,
    },
};

use super::{
    answer::{RpcError, answer},
    halves::{Receiver, Sender, halves, is_end},
};
use crate::{
    exit::{Exit, Failure, OrExit as _},
    host_file::{self, Presence},
};

/// The largest message that is taken. A plugin may hand the host 64 MiB in one
/// call unless its limits say otherwise; the envelope comes on top.
const MAX_MESSAGE_BYTES: usize = 80 * 1024 * 1024;

/// How long the host may take to let a connection in: it only compares a token.
const ADMISSION: Duration = Duration::from_secs(10);

/// A connection that has been let in. Its two directions may be used apart.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
}

/// What the host answers a request that it refuses before the upgrade.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    code: String,
    message: String,
}

impl Connection {
    /// Connects to the host of a state directory. `harness` chooses the plugin
    /// of the sessions made here; without it the host does.
    ///
    /// [`Exit::NoHost`]: there is none, or it is about to go.
    pub(crate) async fn open(state: &Path, harness: Option<&str>) -> Result<Self, Failure> {
        let host = match host_file::presence(state)? {
            Presence::Running(host) => host,
            Presence::Unannounced => {
                let message = format!(
                    "the host with the state directory {} is just starting or stopping; try again \
                     in a moment",
                    state.display()
                );
                return Err(Failure::new(Exit::NoHost, message));
            }
            Presence::Absent => {
                let message = format!(
                    "no host is running with the state directory {}; start one: hostler serve",
                    state.display()
                );
                return Err(Failure::new(Exit::NoHost, message));
            }
        };
        let token = LocalToken::load(state).or_exit(Exit::Refused)?.token;
        let who = format!("the host of {} (process {})", state.display(), host.pid);
        let address = host.addr.to_string();
        Self::at(&who, &address, "/acp", token.expose(), harness).await
    }

    /// Connects to a host, named `who` in errors, with a token.
    pub(super) async fn at(
        who: &str,
        address: &str,
        path: &str,
        token: &str,
        harness: Option<&str>,
    ) -> Result<Self, Failure> {
        let connecting = timeout(ADMISSION, TcpStream::connect(address));
        let stream = connecting.await.unwrap_or_else(|late| Err(late.into()));
        let stream = stream.map_err(|error| {
            let message = format!("{who} does not answer on {address}: {error}");
            Failure::new(Exit::NoHost, message)
        })?;
        // Each message is small and someone waits for it.
        stream
            .set_nodelay(true)
            .context("cannot set up the connection")?;

        let mut url = format!("ws://{address}{path}");
        if let Some(harness) = harness {
            url.push_str("?harness=");
            url.push_str(harness);
        }
        let mut request = url
            .into_client_request()
            .with_context(|| format!("`{}` is no plugin id", harness.unwrap_or_default()))
            .or_exit(Exit::Usage)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {token}"))
            .context("the token is not fit for a header")?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let admission = client_async_with_config(request, stream, Some(config));
        match timeout(ADMISSION, admission).await {
            Ok(Ok((socket, _))) => {
                let (sender, receiver) = halves(socket);
                Ok(Self { sender, receiver })
            }
            Ok(Err(tungstenite::Error::Http(response))) => Err(refusal(&response)),
            Ok(Err(error)) => {
                // One that ends meanwhile: as good as gone.
                let exit = if is_end(&error) {
                    Exit::NoHost
                } else {
                    Exit::Failed
                };
                Err(anyhow!(error).context("the host did not take the connection")).or_exit(exit)
            }
            Err(_) => Err(anyhow!(
                "{who} did not answer on {address} within {} seconds; it hangs, or another \
                 program has its address now",
                ADMISSION.as_secs()
            ))?,
        }
    }

    pub(crate) async fn send(&mut self, message: String) -> Result<(), Failure> {
        self.sender.send(message).await
    }

    /// See [`Receiver::next`].
    pub(crate) async fn receive(&mut self) -> Result<Utf8Bytes, Failure> {
        self.receiver.next().await
    }

    /// Sends a request and waits for its answer, deaf to everything else.
    pub(crate) async fn call(
        &mut self,
        id: &Id,
        method: &str,
        params: &impl Serialize,
    ) -> Result<Result<String, RpcError>, Failure> {
        let params = serde_json::to_string(params).context("a message cannot be JSON")?;
        self.send(compose::request(id, method, &params)).await?;
        loop {
            let text = self.receive().await?;
            match Rpc::parse(&text) {
                Ok(Rpc::Response {
                    id: answered,
                    outcome,
                }) if answered == *id => return answer(outcome),
                _ => {}
            }
        }
    }

    /// Says goodbye; the host may be gone already.
    pub(crate) async fn close(mut self) {
        self.sender.close().await;
    }
}

fn refusal(response: &Response<Option<Vec<u8>>>) -> Failure {
    let body = response.body().as_deref().unwrap_or_default();
    match serde_json::from_slice::<Refusal>(body) {
        Ok(Refusal { error }) => {
            // It goes away, as good as gone.
            let exit = if error.code == codes::SHUTTING_DOWN.name {
                Exit::NoHost
            } else {
                Exit::Refused
            };
            Failure::new(exit, format!("the host refused: {}", error.message))
        }
        Err(_) => {
            let status = response.status();
            // What stands before a host says so of one that is not there.
            let exit = if status.is_server_error() {
                Exit::NoHost
            } else {
                Exit::Refused
            };
            Failure::new(exit, format!("the host refused the connection: {status}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(body: &str) -> Response<Option<Vec<u8>>> {
        Response::builder()
            .status(401)
            .body(Some(body.into()))
            .unwrap()
    }

    #[test]
    fn a_refusal_is_told_in_the_hosts_own_words() {
        let body = r#"{"error":{"code":"UNAUTHORIZED","message":"the token is wrong"}}"#;
        let told = refusal(&response(body));
        assert_eq!(
            told.error.to_string(),
            "the host refused: the token is wrong"
        );
        assert_eq!(told.exit, Exit::Refused);
        let told = refusal(&response("<html>"));
        assert_eq!(
            told.error.to_string(),
            "the host refused the connection: 401 Unauthorized"
        );
        assert_eq!(told.exit, Exit::Refused);
    }

    #[test]
    fn a_host_that_is_stopping_is_no_host() {
        let body = r#"{"error":{"code":"SHUTTING_DOWN","message":"this host is stopping"}}"#;
        assert_eq!(refusal(&response(body)).exit, Exit::NoHost);
    }

    #[tokio::test]
    async fn without_a_host_the_message_says_how_to_start_one() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Connection::open(folder.path(), None).await.unwrap_err();
        assert_eq!(failure.exit, Exit::NoHost);
        let message = failure.error.to_string();
        assert!(message.contains("hostler serve"), "{message}");
    }
}

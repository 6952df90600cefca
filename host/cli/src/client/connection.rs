//! The WebSocket to the host.

use std::{io, path::Path, time::Duration};

use anyhow::{Context as _, anyhow};
use futures_util::{SinkExt as _, StreamExt as _};
use hostler_auth::LocalToken;
use serde::Deserialize;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message, Utf8Bytes,
        client::IntoClientRequest as _,
        http::{HeaderValue, Response, header::AUTHORIZATION},
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use crate::{
    exit::{Exit, Failure, OrExit as _},
    host_file::HostFile,
};

/// The largest message that is taken. A plugin may hand the host 64 MiB in one
/// call unless its limits say otherwise; the envelope comes on top.
const MAX_MESSAGE_BYTES: usize = 80 * 1024 * 1024;

/// How long the host may take to let a connection in: it only compares a token.
const ADMISSION: Duration = Duration::from_secs(10);

/// A connection that has been let in.
#[derive(Debug)]
pub(super) struct Connection {
    socket: WebSocketStream<TcpStream>,
}

/// What the host answers a request that it refuses before the upgrade.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Deserialize)]
struct RefusalError {
    message: String,
}

impl Connection {
    /// Connects to the host of a state directory. `harness` chooses the plugin
    /// of the sessions made here; without it the host does.
    pub(super) async fn open(state: &Path, harness: Option<&str>) -> Result<Self, Failure> {
        let Some(host) = HostFile::read(state)? else {
            return Err(Failure::new(
                Exit::NoHost,
                format!(
                    "no host is running with the state directory {}; start one: hostler serve",
                    state.display()
                ),
            ));
        };
        let token = LocalToken::load(state).or_exit(Exit::Refused)?.token;
        let stream = TcpStream::connect(host.addr).await.map_err(|error| {
            let message = format!(
                "nobody answers on {}, where the host of {} was (process {}): {error}; start it \
                 again: hostler serve",
                host.addr,
                state.display(),
                host.pid
            );
            Failure::new(Exit::NoHost, message)
        })?;
        // Each message is small and someone waits for it.
        stream
            .set_nodelay(true)
            .context("cannot set up the connection")?;

        let mut url = format!("ws://{}/acp", host.addr);
        if let Some(harness) = harness {
            url.push_str("?harness=");
            url.push_str(harness);
        }
        let mut request = url
            .into_client_request()
            .with_context(|| format!("`{}` is no plugin id", harness.unwrap_or_default()))
            .or_exit(Exit::Usage)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .context("the token is not fit for a header")?;
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let admission = client_async_with_config(request, stream, Some(config));
        match timeout(ADMISSION, admission).await {
            Ok(Ok((socket, _))) => Ok(Self { socket }),
            Ok(Err(tungstenite::Error::Http(response))) => {
                Err(Failure::new(Exit::Refused, refusal(&response)))
            }
            Ok(Err(error)) => Err(anyhow!(error).context("the host did not take the connection"))?,
            Err(_) => Err(anyhow!(
                "the host (process {}, {}) did not answer within {} seconds; it hangs, or another \
                 program has its address now",
                host.pid,
                host.addr,
                ADMISSION.as_secs()
            ))?,
        }
    }

    pub(super) async fn send(&mut self, message: String) -> Result<(), Failure> {
        let sent = self.socket.send(Message::text(message)).await;
        Ok(sent.context("the connection to the host broke")?)
    }

    /// The next message. Can be dropped at any time without losing one.
    pub(super) async fn receive(&mut self) -> Result<Utf8Bytes, Failure> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => Err(closed(frame))?,
                // Pings are answered by the library; binary is not ACP.
                Some(Ok(_)) => {}
                Some(Err(error)) => Err(broken(error))?,
                None => Err(closed(None))?,
            }
        }
    }

    /// Says goodbye; the host may be gone already.
    pub(super) async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}

fn broken(error: tungstenite::Error) -> anyhow::Error {
    let gone = matches!(&error, tungstenite::Error::Io(error)
        if error.kind() == io::ErrorKind::ConnectionReset);
    anyhow!(error).context(if gone {
        "the host is gone"
    } else {
        "the connection to the host broke"
    })
}

fn closed(frame: Option<CloseFrame>) -> anyhow::Error {
    match frame {
        Some(frame) if frame.reason.is_empty() => {
            anyhow!("the host closed the connection (code {})", frame.code)
        }
        Some(frame) => anyhow!(
            "the host closed the connection: {} (code {})",
            frame.reason,
            frame.code
        ),
        None => anyhow!("the host closed the connection"),
    }
}

fn refusal(response: &Response<Option<Vec<u8>>>) -> String {
    let body = response.body().as_deref().unwrap_or_default();
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => format!("the host refused: {}", refusal.error.message),
        Err(_) => format!("the host refused the connection: {}", response.status()),
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
        assert_eq!(told, "the host refused: the token is wrong");
        let told = refusal(&response("<html>"));
        assert_eq!(told, "the host refused the connection: 401 Unauthorized");
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

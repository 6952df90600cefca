//! HTTP/1.1 and HTTP/2 on one accepted connection.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use hyper::{
    Request,
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::timeout,
};
use tower::ServiceExt;

use crate::serve::stopped;

/// How long a peer may take to send the head of a request over HTTP/1.1, or to
/// be idle between two.
const HEAD: Duration = Duration::from_secs(30);

/// How long a connection may have no request at all. Longer than [`HEAD`]: it is
/// for those who have not said yet which HTTP they speak, and for HTTP/2.
const UNUSED: Duration = Duration::from_secs(45);

/// How often, over HTTP/2, a peer is asked for a sign of life, and how long that
/// may take.
const PING: Duration = Duration::from_secs(20);

/// Requests at the same time on one HTTP/2 connection: a stream for each session
/// that a person has open, and the messages.
const REQUESTS: u32 = 128;

/// Bytes of all headers of one request: some times what clients send.
const HEADERS: usize = 16 * 1024;

/// Bytes that HTTP/1.1 reads ahead: twice the headers.
const AHEAD: usize = 2 * HEADERS;

/// Serves until the peer is done, or until what runs is done when the host
/// stops. Returns when a connection was upgraded, too.
pub(crate) async fn serve<I>(
    io: I,
    peer: SocketAddr,
    routes: Router,
    mut stopping: watch::Receiver<bool>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let running = Running::default();
    let service = service_fn(|request: Request<Incoming>| {
        let (routes, running) = (routes.clone(), running.begin());
        async move {
            let response = routes.oneshot(request).await?;
            Ok::<_, Infallible>(response.map(|body| Counted {
                body,
                _one: running,
            }))
        }
    });
    let builder = builder();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = async {
            tokio::select! {
                () = stopped(&mut stopping) => {}
                () = running.until_unused() => {}
            }
        } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%peer, error, "a connection ended with an error");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(AHEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(REQUESTS)
        .max_header_list_size(HEADERS as u32);
    builder
}

/// Requests of one connection whose responses are not sent yet.
#[derive(Debug, Clone)]
struct Running(Arc<watch::Sender<usize>>);

/// One of them.
#[derive(Debug)]
struct One(Running);

impl Default for Running {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Running {
    fn begin(&self) -> One {
        self.0.send_modify(|count| *count += 1);
        One(self.clone())
    }

    /// Resolves when there was none for [`UNUSED`].
    async fn until_unused(&self) {
        let mut count = self.0.subscribe();
        // The sender is in `self`, so nothing here fails.
        loop {
            let _ = count.wait_for(|count| *count == 0).await;
            if timeout(UNUSED, count.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// The body of a response; while it is there, its request runs.
#[derive(Debug)]
struct Counted {
    body: Body,
    _one: One,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

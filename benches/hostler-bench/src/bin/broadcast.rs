//! The least that sends the same bytes to many: `broadcast FILE`, on a port that
//! it prints. Each line of its standard input makes it send every line of the
//! file to everybody. It uses the WebSocket library of the host, and writes as
//! the host does: what has piled up for a client, up to [`BATCH`] messages,
//! then a flush.
//!
//! Deliberately absent: bounds, positions, a journal, and whoever may not read.

use std::{
    fs,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    routing::get,
    serve::ListenerExt as _,
};
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    sync::mpsc,
};

/// As `host/server/src/socket/writer.rs` has it.
const BATCH: usize = 128;

/// Messages that are sent to all in one go: about what a host's plugin hands on
/// at once when its agent writes as fast as it can.
const BURST: usize = 64;

type Clients = Arc<Mutex<Vec<mpsc::UnboundedSender<Utf8Bytes>>>>;

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("broadcast FILE")?;
    let frames: Vec<Utf8Bytes> = fs::read_to_string(&file)
        .with_context(|| file)?
        .lines()
        .map(Utf8Bytes::from)
        .collect();
    let clients = Clients::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let routes = Router::new()
        .route("/acp", get(upgrade))
        .with_state(clients.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        for burst in frames.chunks(BURST) {
            let clients = clients.clone();
            let burst = burst.to_vec();
            // On a thread of the pool, as a session is.
            tokio::spawn(async move {
                let clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
                for frame in &burst {
                    for client in &*clients {
                        let _ = client.send(frame.clone());
                    }
                }
            })
            .await?;
        }
    }
    Ok(())
}

async fn upgrade(
    State(clients): State<Clients>,
    upgrade: WebSocketUpgrade,
) -> axum::response::Response {
    let (sender, queue) = mpsc::unbounded_channel();
    clients
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(sender);
    upgrade.on_upgrade(move |socket| async move {
        let (sink, mut stream) = socket.split();
        let writer = tokio::spawn(write(sink, queue));
        while let Some(Ok(_)) = stream.next().await {}
        writer.abort();
    })
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::UnboundedReceiver<Utf8Bytes>,
) -> Result<(), axum::Error> {
    while let Some(frame) = queue.recv().await {
        sink.feed(Message::Text(frame)).await?;
        for _ in 1..BATCH {
            let Ok(frame) = queue.try_recv() else { break };
            sink.feed(Message::Text(frame)).await?;
        }
        sink.flush().await?;
    }
    Ok(())
}

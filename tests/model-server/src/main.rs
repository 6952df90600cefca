//! `model-server [--listen ADDR]`: prints its URL as the first line and serves
//! until it is interrupted or terminated.

use std::{io, net::SocketAddr};

use clap::Parser;
use model_server::ModelServer;
use tokio::signal::unix::{SignalKind, signal};

/// An Anthropic Messages API and an OpenAI Responses API on loopback with
/// scripted scenarios.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The loopback address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let server = ModelServer::start_on(arguments.listen).await?;
    println!("{}", server.url());
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

//! `decopilot-server [--listen ADDR]`: prints its URL as the first line and serves
//! until it is interrupted or terminated.

use std::{io, net::SocketAddr};

use clap::Parser;
use decopilot_server::{AGENT, DecopilotServer, KEY, ORG};
use tokio::signal::unix::{SignalKind, signal};

/// Decopilot's HTTP routes on loopback with scripted runs.
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
    let server = DecopilotServer::start_on(arguments.listen).await?;
    println!("{}", server.url());
    eprintln!("org {ORG}, agent {AGENT}, API key {KEY}");
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

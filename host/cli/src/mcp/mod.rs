//! `hostler mcp`: the tools of a host for programs that start their MCP server
//! and speak with it on its standard streams.
//!
//! ```text
//! stdin  ── lines ──> bridge ── POST /mcp ──────> host
//! stdout <── lines ── bridge <── JSON, events ──── host
//! ```
//!
//! - [`bridge`]: the streams, and the session with the host, which is begun anew
//!   when the host was away. [`passing`]: what the host says, for each request and
//!   by itself. [`exchange`]: one message and what comes back.
//!
//! Messages pass as they came: what a tool does is the host's matter. Which host
//! that is, and whether one is started, is as for `hostler acp`.

mod bridge;
mod exchange;
mod passing;

use crate::{
    acp,
    args::Mcp,
    exit::{Exit, Failure},
};

pub(crate) async fn run(args: Mcp) -> Result<Exit, Failure> {
    let way = acp::way(&args.host, args.config, None, args.idle_exit)?;
    // So that a client that cannot be served is told at once, in words.
    way.begin().await?.check().await?;
    bridge::run(way, args.session).await
}

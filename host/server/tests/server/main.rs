//! What the server promises, over real sockets, with played harnesses.

mod access;
mod agents;
mod agents_devices;
mod extension;
mod forks;
mod http;
mod http2;
mod lending;
mod login;
mod messages;
mod protocol;
mod shared_sessions;
mod slow_viewers;
mod sockets;
mod stage;
mod stored_sessions;
mod streams;
mod streams_end;
mod streams_positions;
mod tls;

#[path = "../../../mcp/tests/mcp/stage.rs"]
#[allow(dead_code, reason = "the devices are shared with the tests of MCP")]
mod played;

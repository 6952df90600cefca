//! What the server promises, over real sockets, with played harnesses.

mod access;
mod extension;
mod http;
mod protocol;
mod shared_sessions;
mod slow_viewers;
mod sockets;
mod stage;
mod stored_sessions;
mod tls;

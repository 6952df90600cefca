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
mod outside;
mod protocol;
mod shared_sessions;
mod slow_viewers;
mod sockets;
mod stage;
mod stored_sessions;
mod streams;
mod streams_end;
mod streams_positions;
mod surfaces;
mod tls;

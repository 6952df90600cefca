//! What the server promises, over real sockets, with played harnesses.

mod http;
mod protocol;
mod shared_sessions;
mod sockets;
mod stage;

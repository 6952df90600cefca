//! Requests against servers on this machine that answer as they like.

mod bounds;
mod connections;
mod grants;
mod redirects;
mod secrets;
mod server;
mod streams;
mod support;

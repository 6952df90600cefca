//! The endpoint, with the official client over real connections.

mod door;
mod host;
mod tools;
mod waiting;

//! The endpoint, with the official client over real connections.

mod host;
mod stage;
mod tools;
mod waiting;

//! What a session promises, with played harnesses and clients.

mod files;
mod lifecycle;
mod permissions;
mod restart;
mod stage;
mod trouble;
mod turns;
mod viewers;

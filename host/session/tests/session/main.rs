//! What a session promises, with played harnesses and clients.

mod endings;
mod files;
mod journal;
mod lifecycle;
mod permissions;
mod restart;
mod settings;
mod stage;
mod trouble;
mod turns;
mod viewers;

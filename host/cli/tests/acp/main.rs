//! `hostler acp`, as an editor meets it: the built binary, started with pipes.

mod bridge;
mod start;
mod stage;

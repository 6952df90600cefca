//! The routes, without a client: what each request gets.

#[path = "../support/mod.rs"]
mod support;

//! The routes, without a client: what each request gets.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod client;
mod commands;
mod files;
mod leases;
mod leaving;
mod recorded;

//! The built binary with a host that lends devices. The host is in this process
//! and its devices are played, so that each test says what they do.

mod bridge;
mod commands;
mod played;
mod profiles;
mod sharing;
mod stage;

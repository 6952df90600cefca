//! The built binary with the host of its machine: the bridge for editors, lists
//! of sessions, the doctor.

mod attach;
mod bridge;
mod commands;
mod doctor;
mod reconnect;
mod sessions;
mod stage;
mod start;

//! The stand-in for the host keeps the contract's rules.

mod client;
mod device;
mod exchanges;
mod machine;
mod puppet;
mod settings;

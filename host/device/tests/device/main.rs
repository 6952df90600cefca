//! The device service against scripted providers, policies and a store.
#![allow(missing_docs)]

mod commands;
mod confined;
mod cut_off;
mod discovery;
mod events;
mod failures;
mod histories;
mod holes;
mod loading;
mod rejoin;
mod restarts;
mod script;
mod store;
mod together;
mod world;

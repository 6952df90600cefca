//! What a session promises, with played harnesses and clients.

mod attach;
mod control;
mod encodings;
mod endings;
mod extensions;
mod files;
mod fork;
mod forms;
mod journal;
mod keys;
mod lifecycle;
mod login;
mod outside;
mod permissions;
mod permits;
mod positions;
mod queue;
mod restart;
mod room;
mod settings;
mod sharing;
mod stage;
mod trouble;
mod turns;
mod viewers;

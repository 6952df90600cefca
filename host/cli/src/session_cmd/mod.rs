//! `hostler session …`: the sessions of the host that is running.

pub(crate) mod list;

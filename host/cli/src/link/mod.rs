//! A client's link to its host that outlives its connections: a lost network, a
//! host that was killed and is back, a laptop that slept.
mod backoff;
mod json;
mod machine;
pub(crate) mod names;
pub(crate) mod parts;

//! Where the imports go: in a component to the host, natively to the recorder of
//! [`testing`](crate::testing). Both have the same functions; the one that is
//! not used is compiled all the same, so that neither falls behind.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod recorder;
#[cfg(not(target_family = "wasm"))]
pub(crate) use recorder::calls::*;

#[cfg_attr(
    not(target_family = "wasm"),
    expect(dead_code, reason = "only components call the host")
)]
mod guest;
#[cfg(target_family = "wasm")]
pub(crate) use guest::*;

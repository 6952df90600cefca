//! What ends an instance: each of these either traps or never returns.

use std::hint::black_box;

use serde::Deserialize;

/// What can go wrong before any prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mischief {
    /// Panics.
    Panic,
    /// Never returns.
    Loop,
    /// Takes memory until there is none.
    Alloc,
    /// Recurses until the stack is full.
    Stack,
    /// Returns an error.
    Fail,
    /// Returns, and never answers the request.
    NeverAnswer,
}

impl Mischief {
    /// Does it, if it is one of those that do not return.
    pub(crate) fn trap(self) {
        match self {
            Self::Panic => panic!("panicked on purpose"),
            Self::Loop => spin(),
            Self::Alloc => hoard(),
            Self::Stack => {
                recurse(0);
            }
            Self::Fail | Self::NeverAnswer => {}
        }
    }
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![black_box(1_u8); 1 << 20]);
    }
}

/// The frame is large and used after the call, so that no optimiser makes a loop
/// of it.
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 128]);
    if black_box(depth) == u64::MAX {
        return depth;
    }
    recurse(depth + 1) + black_box(frame)[1]
}

//! A look at all of this instance's memory, past everything that the language
//! keeps apart.

/// Whether `head` is somewhere, followed at once by `tail`.
#[cfg(target_family = "wasm")]
pub(crate) fn holds(head: &[u8], tail: &[u8]) -> bool {
    let end = core::arch::wasm32::memory_size::<0>() * 65536;
    let len = head.len() + tail.len();
    // The first page may hold address 0, which no reference has.
    (1..end.saturating_sub(len)).any(|at| {
        let byte = |n: usize| {
            // SAFETY: within the linear memory, where every byte can be read; and
            // volatile, so that nothing is assumed of what stands there.
            unsafe { core::ptr::read_volatile((at + n) as *const u8) }
        };
        head.iter()
            .chain(tail)
            .enumerate()
            .all(|(n, wanted)| byte(n) == *wanted)
    })
}

/// There is only the host's memory, which is not to be searched.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn holds(_: &[u8], _: &[u8]) -> bool {
    false
}

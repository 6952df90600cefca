//! Requests of sessions, against servers of this test.
//!
//! - [`stage`]: a server whose every byte a test writes, and a session.
//! - [`pieces`]: what comes of a body. [`bounds`]: what is too much or too slow.
//! - [`ends`]: cancelling, closing, trapping, broken connections.
//! - [`grants`]: who may be asked, and secrets.

mod bounds;
mod ends;
mod grants;
mod pieces;
mod stage;

use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let all = [
        pieces::trials(),
        bounds::trials(),
        ends::trials(),
        grants::trials(),
    ];
    all.into_iter().flatten().collect()
}

//! `--setup` for tests: the programs that tests drive, as `tests/tools` pins
//! them.

mod browser;
mod npm;
mod python;

use anyhow::Result;

/// Installs what is not there just as it is pinned. Where npm or Python is
/// missing it only says so, and the same of a browser, because tests without these
/// programs are skipped by name.
pub(crate) fn install() -> Result<()> {
    browser::install()?;
    npm::install()?;
    python::install()
}

//! A browser and its driver, as the distribution has them: tests of devices drive
//! a real one.

use anyhow::Result;

use crate::setup::{install_packages, on_path};

/// The programs, and Debian's packages of them.
const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// Installs them unless they are there. Elsewhere than on Debian, and where its
/// packages have other names, it only says so.
pub(super) fn install() -> Result<()> {
    if PROGRAMS.iter().all(|program| on_path(program)) {
        println!("setup: chromium and chromedriver are installed");
        return Ok(());
    }
    match install_packages(&PACKAGES) {
        Ok(true) => {}
        Ok(false) => println!(
            "setup: chromium and chromedriver are not here and cannot be installed by this \
             program; tests that drive a browser are skipped"
        ),
        Err(error) => println!(
            "setup: chromium and chromedriver could not be installed ({error:#}); tests that \
             drive a browser are skipped"
        ),
    }
    Ok(())
}

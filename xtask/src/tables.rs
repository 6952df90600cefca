//! `cargo xtask tables`: the tests that compare tables of the documentation with what
//! a run shows write them instead.

use anyhow::Result;

use crate::{
    cargo::{cargo, succeed},
    plugins,
};

/// What the names of these tests begin with.
const TESTS: &str = "the_table_of";

/// Tells the tests to write; `tests/e2e` reads it.
const WRITE: &str = "HOSTLER_WRITE_TABLES";

pub(crate) fn run() -> Result<()> {
    plugins::run(&[])?;
    // With the features of the whole workspace, so that nothing is built twice.
    let programs = ["build", "--workspace", "--bins"];
    succeed(&mut cargo(&programs))?;
    let test = ["test", "--workspace", "--test", "all", "--", TESTS];
    succeed(cargo(&test).env(WRITE, "1"))
}

//! `hostler secret`: secrets, with or without a host that runs. One that runs
//! reads a secret when it is used, so it sees a change at once.

pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;

use std::path::Path;

use anyhow::Context as _;
use hostler_auth::Principal;
use hostler_secret::SecretName;
use hostler_store::{AuditRecord, Records};

use crate::{
    exit::{Exit, Failure, OrExit as _},
    host_file,
    vault::RECORDS,
};

fn name(text: &str) -> Result<SecretName, Failure> {
    text.parse().or_exit(Exit::Usage)
}

/// `hostler.db`, made if need be.
fn records(state: &Path) -> Result<Records, Failure> {
    host_file::make_directory(state)?;
    let records = Records::open(&state.join(RECORDS));
    Ok(records.context("secrets cannot be kept")?)
}

fn audit(action: &'static str, name: &SecretName) -> AuditRecord {
    AuditRecord::now(Principal::local().as_str(), action, name.as_str(), "")
}

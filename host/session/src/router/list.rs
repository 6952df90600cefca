//! Lists of sessions.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::SystemTime,
};

use hostler_auth::{Identity, Principal, Scope};
use hostler_store::StoredSession;

use super::{Info, Router, Shown, journal_error, lock, shares, stored_access};
use crate::{
    Access, SessionError,
    access::{Shares, access},
};

/// Stored sessions in one list; older ones can still be loaded by their ids.
const LISTED: usize = 1000;

/// One line of a list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// A UUID.
    pub id: String,
    /// The id of the harness' plugin.
    pub harness: String,
    /// Its root.
    pub cwd: PathBuf,
    /// Its further folders.
    pub additional_directories: Vec<PathBuf>,
    /// The devices that its agent may have; all, if none is named.
    pub devices: Option<Vec<String>>,
    /// What the harness calls it, or the first line of its first prompt.
    pub title: Option<String>,
    /// When something last happened in it.
    pub updated: SystemTime,
    /// A turn is running.
    pub busy: bool,
    /// Whose it is.
    pub owner: Principal,
    /// What the caller may do in it.
    pub access: Access,
    /// It is in memory.
    pub live: bool,
    /// Connections that view it.
    pub viewers: usize,
    /// With whom it is shared.
    pub shares: Shares,
}

impl Router {
    /// The sessions that the caller may see, live and stored, in `cwd` if it is
    /// given; the one in which something happened last comes first. Blocks.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn list(
        &self,
        caller: &Identity,
        cwd: Option<&Path>,
    ) -> Result<Vec<SessionSummary>, SessionError> {
        let mut list: Vec<_> = self
            .table()
            .live()
            .filter_map(|entry| {
                let info = lock(&entry.info);
                let access = access(caller, &info.owner, &info.shares)?;
                info.announced.then(|| info.to_summary(access))
            })
            .collect();
        let live: HashSet<_> = list.iter().map(|summary| summary.id.clone()).collect();
        let all = caller.scopes.contains(Scope::Admin);
        let principal = (!all).then(|| caller.principal.as_str());
        let stored = self.journal().sessions(principal, LISTED);
        let stored = stored.map_err(journal_error)?;
        list.extend(
            stored
                .iter()
                .filter(|stored| !live.contains(&stored.record.id))
                .filter_map(|stored| stored_summary(caller, stored)),
        );
        list.retain(|summary| cwd.is_none_or(|cwd| cwd == summary.cwd));
        list.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
        Ok(list)
    }
}

impl Info {
    fn to_summary(&self, access: Access) -> SessionSummary {
        let shown = self.summary.clone();
        SessionSummary {
            live: true,
            busy: self.is_busy(),
            viewers: self.viewers,
            ..shown.into_summary(self.owner.clone(), access, self.shares.clone())
        }
    }
}

impl Shown {
    /// Of one that is not live.
    fn into_summary(self, owner: Principal, access: Access, shares: Shares) -> SessionSummary {
        SessionSummary {
            id: self.id,
            harness: self.harness,
            cwd: self.cwd,
            additional_directories: self.additional_directories,
            devices: self.devices,
            title: self.title,
            updated: self.updated,
            busy: self.busy,
            owner,
            access,
            live: false,
            viewers: 0,
            shares,
        }
    }
}

pub(super) fn shown(stored: &StoredSession) -> Shown {
    Shown {
        id: stored.record.id.clone(),
        harness: stored.record.harness.clone(),
        cwd: stored.record.cwd.clone(),
        additional_directories: stored.record.additional_directories.clone(),
        devices: stored.record.devices.clone(),
        title: stored.title.clone(),
        updated: stored.updated,
        busy: false,
    }
}

fn stored_summary(caller: &Identity, stored: &StoredSession) -> Option<SessionSummary> {
    let access = stored_access(caller, stored)?;
    let owner = Principal::new(stored.record.owner.clone());
    Some(shown(stored).into_summary(owner, access, shares(stored)))
}

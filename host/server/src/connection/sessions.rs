//! Sessions begin, are found, and end.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use hostler_auth::{Identity, Scope};
use hostler_session::{
    Access, Folders, Found, NewSession, OutsideList, SessionHandle, SessionSummary, Wanted,
};
use hostler_wire::{Fault, RawValue, codes};
use hostler_workspace::{RootError, Roots};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{
    Connection,
    extension::shares_json,
    mcp::{self, McpServer},
    outside::outside_info,
    params::{self, bad},
    pinned::Pinned,
    request::Request,
};
use crate::serve::Shared;

/// Further folders of one session. Clients send a few.
const ADDITIONAL: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct New {
    cwd: PathBuf,
    #[serde(default)]
    additional_directories: Vec<PathBuf>,
    #[serde(default)]
    mcp_servers: Vec<McpServer>,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    hostler: Option<HostlerMeta>,
}

#[derive(Deserialize)]
struct HostlerMeta {
    #[serde(flatten)]
    pinned: Pinned,
    /// Of `session/close`: for all.
    #[serde(default)]
    end: bool,
}

#[derive(Deserialize)]
struct List {
    cwd: Option<PathBuf>,
    cursor: Option<String>,
    #[serde(rename = "_meta")]
    meta: Option<ListMeta>,
}

#[derive(Deserialize)]
struct ListMeta {
    hostler: Option<Listed>,
}

/// `_meta.hostler` of `session/list`.
#[derive(Default, Deserialize)]
struct Listed {
    /// Of this agent alone.
    harness: Option<String>,
    /// Those that were begun outside of this host alone, or none of them; both, if
    /// it is left out.
    outside: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Close {
    session_id: String,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

/// Lists of sessions that one connection is making at a time; then it is read no
/// further until one is done.
pub(super) const LISTS: usize = 16;

impl Connection {
    pub(super) async fn new_session(&self, request: Request, params: Option<&RawValue>) {
        match self.read_new(params).await {
            Ok(new) => {
                let client = self.client_with(Access::Owner);
                let router = &self.shared.config.router;
                if let Some(session) = router.create(new, client, request.reply()) {
                    self.views(&session);
                }
            }
            Err(fault) => request.fault(&fault),
        }
    }

    async fn read_new(&self, params: Option<&RawValue>) -> Result<NewSession, Fault> {
        let new: New = params::read(params)?;
        check_number(&new.additional_directories)?;
        let roots = self.shared.config.roots.clone();
        let folders = blocking(move || open(&roots, &new.cwd, &new.additional_directories)).await?;
        let meta = new.meta.and_then(|meta| meta.hostler);
        let Pinned { harness, devices } = meta.map(|meta| meta.pinned).unwrap_or_default();
        self.check_devices(devices.as_deref())?;
        Ok(NewSession {
            owner: self.identity.principal.clone(),
            harness: harness.unwrap_or_else(|| self.harness.clone()),
            devices,
            folders,
            notices: mcp::unusable(&new.mcp_servers).into_iter().collect(),
            mcp_servers: mcp::usable(new.mcp_servers)?,
        })
    }

    /// A session that can be driven: a live one.
    pub(super) async fn live(&self, id: &str) -> Result<SessionHandle, Fault> {
        if let Ok(session) = self.session(id) {
            return Ok(session);
        }
        match self.find(id.to_owned()).await? {
            Found::Live(session) => Ok(session),
            Found::Stored(_) => Err(Fault::new(
                codes::UNKNOWN_SESSION,
                format!(
                    "session {id:?} is stored and not in use now: send `session/load` or \
                     `session/resume` first"
                ),
            )),
        }
    }

    async fn find(&self, id: String) -> Result<Found, Fault> {
        let router = self.shared.config.router.clone();
        let caller = self.identity.clone();
        blocking(move || Ok(router.find(&caller, &id)?)).await
    }

    /// Nothing else of the connection waits for what agents have in their stores,
    /// unless very many lists do.
    pub(super) async fn list(&self, request: Request, params: Option<&RawValue>) {
        let list: List = match params::read(params) {
            Ok(list) => list,
            Err(fault) => return request.fault(&fault),
        };
        if list.cursor.is_some() {
            // All sessions fit into one answer, so none was ever given out.
            return request.fault(&bad("`cursor` is not one of this host"));
        }
        let place = self.lists.clone().acquire_owned().await;
        let (shared, caller) = (self.shared.clone(), self.identity.clone());
        tokio::spawn(async move {
            let _place = place;
            let listed = listed(&shared, caller, list).await;
            request.answer(listed.map(|list| list.to_string()));
        });
    }

    pub(super) async fn close(&self, request: Request, params: Option<&RawValue>) {
        let found = async {
            let close: Close = params::read(params)?;
            let meta = close.meta.and_then(|meta| meta.hostler);
            let end = meta.is_some_and(|meta| meta.end);
            Ok::<_, Fault>((self.find(close.session_id).await?, end))
        };
        match found.await {
            Ok((Found::Live(session), end)) => {
                self.left(&session);
                let client = self.client(&session);
                session.close(client, end, request.reply()).await;
            }
            Ok((Found::Stored(_), _)) => request.result("{}"),
            Err(fault) => request.fault(&fault),
        }
    }

    pub(super) async fn delete(&self, request: Request, params: Option<&RawValue>) {
        let deleted = async {
            let delete: Close = params::read(params)?;
            let router = &self.shared.config.router;
            router.delete(&self.identity, &delete.session_id).await?;
            Ok::<_, Fault>(())
        };
        match deleted.await {
            Ok(()) => request.result("{}"),
            Err(fault) => request.fault(&fault),
        }
    }
}

/// The sessions that there are, and behind them those that could be made.
async fn listed(shared: &Shared, caller: Identity, list: List) -> Result<Value, Fault> {
    let Listed { harness, outside } = list.meta.and_then(|meta| meta.hostler).unwrap_or_default();
    let cwd = match list.cwd {
        Some(cwd) => Some(blocking(move || Ok(resolved(cwd))).await?),
        None => None,
    };
    let found = if outside != Some(false) && caller.scopes.contains(Scope::Shell) {
        let roots = shared.config.roots.clone();
        let wanted = Wanted {
            harness: harness.clone(),
            cwd: cwd.clone(),
            alone: outside == Some(true),
        };
        let admits = move |folder: &Path| roots.check(folder).ok();
        shared.config.router.outside(wanted, admits).await?
    } else {
        OutsideList::default()
    };
    let router = shared.config.router.clone();
    // After those from outside: one that is adopted meanwhile is in both, not in none.
    blocking(move || {
        let mut own = match outside {
            Some(true) => Vec::new(),
            _ => router.list(&caller, cwd.as_deref())?,
        };
        own.retain(|own| harness.as_ref().is_none_or(|it| *it == own.harness));
        let ids: HashSet<_> = own.iter().map(|own| own.id.as_str()).collect();
        let more = found.conversations.iter();
        let more = more.filter(|it| !ids.contains(it.conversation.id.as_str()));
        let sessions = own.iter().map(session_info).chain(more.map(outside_info));
        let mut list = json!({ "sessions": sessions.collect::<Vec<_>>() });
        if let (Some(members), false) = (list.as_object_mut(), found.left_out.is_empty()) {
            let meta = json!({ "hostler": { "leftOut": found.left_out } });
            members.insert("_meta".to_owned(), meta);
        }
        Ok(list)
    })
    .await
}

/// Files and the journal are read off the async pool.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    spawn_blocking(work)
        .await
        .map_err(|error| Fault::new(codes::INTERNAL, error.to_string()))?
}

/// The path with links followed, as sessions keep theirs; as it is if there is
/// nothing. Blocks.
pub(super) fn resolved(path: PathBuf) -> PathBuf {
    std::fs::canonicalize(&path).unwrap_or(path)
}

pub(super) fn check_number(additional: &[PathBuf]) -> Result<(), Fault> {
    if additional.len() > ADDITIONAL {
        return Err(bad(&format!(
            "`additionalDirectories` may have at most {ADDITIONAL} entries"
        )));
    }
    Ok(())
}

/// Blocks.
pub(super) fn open(
    roots: &Roots,
    cwd: &Path,
    additional: &[PathBuf],
) -> Result<Arc<Folders>, Fault> {
    let root = roots.open(cwd).map_err(|error| outside(&error))?;
    let additional = additional.iter().map(|folder| {
        roots.open(folder).map_err(|error| {
            let mut fault = outside(&error);
            fault.message = format!("in `additionalDirectories`: {}", fault.message);
            fault
        })
    });
    let folders = Folders::new(root, additional.collect::<Result<_, _>>()?);
    Ok(Arc::new(folders))
}

fn outside(error: &RootError) -> Fault {
    Fault::new(codes::CWD_OUTSIDE_ROOTS, error.to_string())
}

fn session_info(session: &SessionSummary) -> Value {
    let mut info = json!({
        "sessionId": session.id,
        "cwd": session.cwd,
        "_meta": { "hostler": {
            "harness": session.harness,
            "devices": session.devices,
            "owner": session.owner.as_str(),
            "access": session.access.name(),
            "busy": session.busy,
            "live": session.live,
            "viewers": session.viewers,
            "shares": shares_json(&session.shares),
        } },
    });
    let additional = &session.additional_directories;
    if let (Some(members), false) = (info.as_object_mut(), additional.is_empty()) {
        members.insert("additionalDirectories".to_owned(), json!(additional));
    }
    set_heading(&mut info, session.title.as_deref(), session.updated);
    info
}

/// What every line of a list has that is known.
pub(super) fn set_heading(info: &mut Value, title: Option<&str>, updated: SystemTime) {
    let updated = Timestamp::try_from(updated).ok();
    if let Some(members) = info.as_object_mut() {
        members.extend(title.map(|title| ("title".to_owned(), json!(title))));
        members.extend(
            updated.map(|updated| ("updatedAt".to_owned(), json!(format!("{updated:.3}")))),
        );
    }
}

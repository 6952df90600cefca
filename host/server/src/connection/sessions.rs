//! Sessions begin, are found again, and end.

use std::path::{Path, PathBuf};

use hostler_session::{Folders, Found, NewSession, Notice, SessionHandle, SessionSummary};
use hostler_wire::{Fault, RawValue, codes};
use hostler_workspace::{RootError, Roots};
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{
    Connection,
    params::{self, bad},
    request::Request,
};

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
#[serde(rename_all = "camelCase")]
struct Attach {
    session_id: String,
    cwd: PathBuf,
    #[serde(default)]
    additional_directories: Vec<PathBuf>,
    #[serde(default)]
    mcp_servers: Vec<McpServer>,
}

#[derive(Deserialize)]
struct McpServer {
    name: String,
}

#[derive(Deserialize)]
struct Meta {
    hostler: Option<HostlerMeta>,
}

#[derive(Deserialize)]
struct HostlerMeta {
    harness: Option<String>,
}

#[derive(Deserialize)]
struct List {
    cwd: Option<PathBuf>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Close {
    session_id: String,
}

impl Connection {
    pub(super) async fn new_session(&self, request: Request, params: Option<&RawValue>) {
        match self.read_new(params).await {
            Ok(new) => self
                .shared
                .config
                .router
                .create(new, self.client(), request.reply()),
            Err(fault) => request.fault(&fault),
        }
    }

    async fn read_new(&self, params: Option<&RawValue>) -> Result<NewSession, Fault> {
        let new: New = params::read(params)?;
        if new.additional_directories.len() > ADDITIONAL {
            return Err(bad(&format!(
                "`additionalDirectories` may have at most {ADDITIONAL} entries"
            )));
        }
        let roots = self.shared.config.roots.clone();
        let folders =
            spawn_blocking(move || open(&roots, &new.cwd, &new.additional_directories)).await;
        let asked = new
            .meta
            .and_then(|meta| meta.hostler)
            .and_then(|hostler| hostler.harness);
        Ok(NewSession {
            owner: self.identity.principal.clone(),
            harness: asked.unwrap_or_else(|| self.harness.clone()),
            folders: folders.map_err(|error| Fault::new(codes::INTERNAL, error.to_string()))??,
            notices: mcp_notice(&new.mcp_servers).into_iter().collect(),
        })
    }

    /// `session/load` and `session/resume`. A stored session becomes a live one,
    /// without its harness.
    pub(super) async fn attach(&self, request: Request, params: Option<&RawValue>, replay: bool) {
        let attach = async {
            let attach: Attach = params::read(params)?;
            let session = self.find_or_take_up(&attach.session_id).await?;
            let own = session.cwd();
            if !same_folder(attach.cwd.clone(), own.clone()).await {
                return Err(bad(&format!(
                    "`cwd` is {}, but this session works in {}: load it with that",
                    attach.cwd.display(),
                    own.display()
                )));
            }
            let mut notices: Vec<_> = mcp_notice(&attach.mcp_servers).into_iter().collect();
            if !attach.additional_directories.is_empty() {
                notices.push(Notice::warning(
                    "The additional directories of a session that is running cannot be changed.",
                ));
            }
            Ok((session, notices))
        };
        match attach.await {
            Ok((session, notices)) => {
                session
                    .attach(self.client(), replay, notices, request.reply())
                    .await;
            }
            Err(fault) => request.fault(&fault),
        }
    }

    async fn find_or_take_up(&self, id: &str) -> Result<SessionHandle, Fault> {
        let owner = &self.identity.principal;
        let router = &self.shared.config.router;
        let stored = match router.find(owner, id)? {
            Found::Live(session) => return Ok(session),
            Found::Stored(stored) => stored,
        };
        let roots = self.shared.config.roots.clone();
        let record = stored.record.clone();
        let folders =
            spawn_blocking(move || open(&roots, &record.cwd, &record.additional_directories))
                .await
                .map_err(|error| Fault::new(codes::INTERNAL, error.to_string()))??;
        Ok(router.take_up(owner, &stored, folders)?)
    }

    pub(super) fn list(&self, request: Request, params: Option<&RawValue>) {
        let list: List = match params::read(params) {
            Ok(list) => list,
            Err(fault) => return request.fault(&fault),
        };
        if list.cursor.is_some() {
            // All sessions fit into one answer, so none was ever given out.
            return request.fault(&bad("`cursor` is not one of this host"));
        }
        let router = &self.shared.config.router;
        let sessions = match router.list(&self.identity.principal, list.cwd.as_deref()) {
            Ok(sessions) => sessions,
            Err(error) => return request.fault(&error.into()),
        };
        let sessions: Vec<_> = sessions.iter().map(session_info).collect();
        request.result(&json!({ "sessions": sessions }).to_string());
    }

    pub(super) async fn close(&self, request: Request, params: Option<&RawValue>) {
        let router = &self.shared.config.router;
        let found = params::read(params)
            .and_then(|close: Close| Ok(router.find(&self.identity.principal, &close.session_id)?));
        match found {
            Ok(Found::Live(session)) => session.close(request.reply()).await,
            Ok(Found::Stored(_)) => request.result("{}"),
            Err(fault) => request.fault(&fault),
        }
    }
}

/// Blocks.
fn open(roots: &Roots, cwd: &Path, additional: &[PathBuf]) -> Result<Folders, Fault> {
    let root = roots.open(cwd).map_err(|error| outside(&error))?;
    let additional = additional.iter().map(|folder| {
        roots.open(folder).map_err(|error| {
            let mut fault = outside(&error);
            fault.message = format!("in `additionalDirectories`: {}", fault.message);
            fault
        })
    });
    Ok(Folders::new(root, additional.collect::<Result<_, _>>()?))
}

fn outside(error: &RootError) -> Fault {
    Fault::new(codes::CWD_OUTSIDE_ROOTS, error.to_string())
}

async fn same_folder(asked: PathBuf, own: PathBuf) -> bool {
    asked == own
        || spawn_blocking(move || std::fs::canonicalize(asked).is_ok_and(|asked| asked == own))
            .await
            .unwrap_or(false)
}

fn mcp_notice(servers: &[McpServer]) -> Option<Notice> {
    let names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        Notice::warning(format!(
            "MCP servers of the client are not passed on to the agent yet: {}.",
            names.join(", ")
        ))
    })
}

fn session_info(session: &SessionSummary) -> serde_json::Value {
    let updated = jiff::Timestamp::try_from(session.updated).ok();
    let mut info = json!({
        "sessionId": session.id,
        "cwd": session.cwd,
        "_meta": { "hostler": { "harness": session.harness, "busy": session.busy } },
    });
    if let Some(members) = info.as_object_mut() {
        members.extend(
            session
                .title
                .as_ref()
                .map(|title| ("title".to_owned(), json!(title))),
        );
        members.extend(
            updated.map(|updated| ("updatedAt".to_owned(), json!(format!("{updated:.3}")))),
        );
    }
    info
}

//! Sessions are viewed again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use hostler_auth::{Identity, Scope};
use hostler_replay::Position;
use hostler_session::{Attach as How, Found, Notice, Router, SessionHandle};
use hostler_wire::{Fault, RawValue, codes};
use hostler_workspace::Roots;
use serde::Deserialize;

use super::{
    Connection,
    adopting::Adoption,
    mcp::{self, McpServer},
    params::{self, bad},
    pinned::Pinned,
    request::Request,
    sessions::{blocking, check_number, open, resolved},
};

/// The params of requests that name a session and its folder.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attach {
    pub(super) session_id: String,
    pub(super) cwd: PathBuf,
    #[serde(default)]
    pub(super) additional_directories: Vec<PathBuf>,
    #[serde(default)]
    pub(super) mcp_servers: Vec<McpServer>,
    #[serde(rename = "_meta")]
    pub(super) meta: Option<Meta>,
}

/// `_meta` of requests that come back to a session.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    hostler: Option<Pinned>,
}

/// What a request that comes back must find.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) cwd: Option<PathBuf>,
    pub(super) meta: Option<Meta>,
}

impl Expected {
    fn pinned(&self) -> Option<&Pinned> {
        self.meta.as_ref().and_then(|meta| meta.hostler.as_ref())
    }

    pub(super) fn harness(&self) -> Option<&str> {
        self.pinned().and_then(|pinned| pinned.harness.as_deref())
    }

    /// Blocks.
    pub(super) fn check(
        &self,
        cwd: &Path,
        harness: &str,
        devices: Option<&[String]>,
    ) -> Result<(), Fault> {
        if let Some(asked) = &self.cwd {
            check_folder(asked, cwd)?;
        }
        let pinned = self.pinned();
        pinned.map_or(Ok(()), |pinned| pinned.check(harness, devices))
    }
}

/// Which session a client wants to view.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) id: String,
    pub(super) expected: Arc<Expected>,
    pub(super) how: Viewing,
}

#[derive(Debug)]
pub(super) enum Viewing {
    /// `session/load`, which replays, or `session/resume`.
    Plain {
        replay: bool,
        /// The folders that the client asks for.
        additional: Vec<PathBuf>,
        notices: Vec<Notice>,
    },
    /// `_hostler/session/attach`.
    From {
        after: Option<Position>,
        replay: bool,
    },
}

impl Connection {
    /// `session/load` and `session/resume`. A stored session becomes a live one,
    /// without its harness.
    pub(super) async fn attach(&self, request: Request, params: Option<&RawValue>, replay: bool) {
        match read_attach(params, replay) {
            Ok(wish) => self.view(request, wish).await,
            Err(fault) => request.fault(&fault),
        }
    }

    /// The session may have to be taken up from the journal, or made of a
    /// conversation that an agent has: that takes as long as it takes, and nothing
    /// waits for it but what comes for the same session.
    pub(super) async fn view(&self, request: Request, wish: Wish) {
        match self.find_or_take_up(&wish.id, &wish.expected).await {
            Err(unknown)
                if unknown.name == codes::UNKNOWN_SESSION.name
                    && self.may(Scope::Shell).is_ok() =>
            {
                self.adopting.begin(Adoption::new(request, wish, unknown));
            }
            found => self.viewed_as(request, found, wish.how).await,
        }
    }

    /// The session was found, or not.
    pub(super) async fn viewed_as(
        &self,
        request: Request,
        found: Result<SessionHandle, Fault>,
        how: Viewing,
    ) {
        let ready = async {
            let session = found?;
            let how = how_to_attach(&session, how).await?;
            Ok::<_, Fault>((session, how))
        };
        match ready.await {
            Ok((session, how)) => {
                self.views(&session);
                let client = self.client(&session);
                session.attach(client, how, request.reply()).await;
            }
            Err(fault) => request.fault(&fault),
        }
    }
}

fn read_attach(params: Option<&RawValue>, replay: bool) -> Result<Wish, Fault> {
    let attach: Attach = params::read(params)?;
    check_number(&attach.additional_directories)?;
    let expected = Expected {
        cwd: Some(attach.cwd),
        meta: attach.meta,
    };
    Ok(Wish {
        id: attach.session_id,
        expected: Arc::new(expected),
        how: Viewing::Plain {
            replay,
            additional: attach.additional_directories,
            notices: mcp::too_late(&attach.mcp_servers).into_iter().collect(),
        },
    })
}

async fn how_to_attach(session: &SessionHandle, how: Viewing) -> Result<How, Fault> {
    match how {
        Viewing::Plain {
            replay,
            additional,
            mut notices,
        } => {
            let own = session.additional_directories();
            let notice = blocking(move || Ok(additional_notice(additional, &own))).await?;
            notices.extend(notice);
            Ok(if replay {
                How::Load(notices)
            } else {
                How::Resume(notices)
            })
        }
        Viewing::From { after, replay } => Ok(How::From { after, replay }),
    }
}

/// Nothing is taken up for a request that does not fit. Blocks.
pub(super) fn find_or_take_up(
    router: &Router,
    roots: &Roots,
    caller: &Identity,
    id: &str,
    expected: &Expected,
) -> Result<SessionHandle, Fault> {
    match router.find(caller, id)? {
        Found::Live(session) => {
            let devices = session.devices();
            expected.check(&session.cwd(), &session.harness(), devices.as_deref())?;
            Ok(session)
        }
        Found::Stored(stored) => {
            let record = &stored.record;
            expected.check(&record.cwd, &record.harness, record.devices.as_deref())?;
            let folders = open(roots, &record.cwd, &record.additional_directories)?;
            Ok(router.take_up(caller, &stored, folders)?)
        }
    }
}

/// Blocks.
fn check_folder(asked: &Path, own: &Path) -> Result<(), Fault> {
    if asked == own || resolved(asked.to_owned()) == own {
        return Ok(());
    }
    Err(bad(&format!(
        "`cwd` is {}, but this session works in {}: load it with that",
        asked.display(),
        own.display()
    )))
}

/// To a client that asks for others than the session has. Blocks.
fn additional_notice(asked: Vec<PathBuf>, own: &[PathBuf]) -> Option<Notice> {
    if asked.is_empty() {
        return None;
    }
    let asked: BTreeSet<_> = asked.into_iter().map(resolved).collect();
    let own: BTreeSet<_> = own.iter().cloned().collect();
    (asked != own).then(|| {
        let own: Vec<_> = own.iter().map(|path| path.display().to_string()).collect();
        let has = if own.is_empty() {
            "none".to_owned()
        } else {
            own.join(", ")
        };
        Notice::warning(format!(
            "The additional directories of a session cannot be changed. This one has: {has}."
        ))
    })
}

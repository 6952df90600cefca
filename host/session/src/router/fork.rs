//! A conversation goes on twice: a new session begins with what another one has
//! said so far, and its agent with what the other's knows.

use std::sync::Arc;

use hostler_auth::Principal;
use hostler_replay::Position;
use hostler_runtime::SessionOrigin;
use hostler_store::{Entry, Journal, SessionKey};
use tokio::task::spawn_blocking;

use super::{NewSession, Router, begin::Begun, journal_error};
use crate::{
    Access, Client, Folders, Happening, McpServer, Reply, SessionError, SessionEvent,
    SessionHandle, frames,
    unit::{Creation, ForkPoint, stream::Kept},
};

/// What a session begins with that is a copy.
#[derive(Debug)]
pub(crate) struct Copied {
    /// Where its agent's conversation comes from.
    pub(crate) conversation: SessionOrigin,
    pub(crate) title: Option<String>,
}

/// The original of a copy, for whoever is told that there is one.
#[derive(Debug)]
pub(crate) struct CopyOf {
    session: String,
    owner: Principal,
    title: Option<String>,
}

impl CopyOf {
    /// The copy is there, and its client knows of it.
    pub(crate) fn forked(&self, by: &Principal, copy: &str) -> SessionEvent<'_> {
        SessionEvent {
            session: &self.session,
            owner: &self.owner,
            title: self.title.as_deref(),
            what: Happening::Forked {
                by: by.clone(),
                copy: copy.to_owned(),
            },
        }
    }
}

/// What becomes of the place that a copy has.
struct Forking {
    begun: Begun,
    kept: Kept,
    folders: Arc<Folders>,
    servers: Vec<McpServer>,
    creation: Creation,
}

impl Router {
    /// Begins a session with the conversation that `original` has had: as
    /// [`create`](Self::create), and the history is there without being sent,
    /// since whoever forks a session knows it. No turn of the original begins
    /// until the copy is ready.
    ///
    /// A right to view is not enough: whoever talks to the copy's agent learns
    /// what it knows, also what was shown to nobody.
    pub fn fork(
        &self,
        original: &SessionHandle,
        new: NewSession,
        client: Client,
        reply: Reply,
    ) -> Option<SessionHandle> {
        let begun = original.may_drive().and_then(|()| self.begin(&new));
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => {
                reply.send(Err(error));
                return None;
            }
        };
        let kept = Kept {
            _held: self.journal().hold_new(begun.key),
            journal: self.journal().clone(),
            key: begun.key,
        };
        let handle = SessionHandle::new(begun.sender.clone(), begun.info.clone(), Access::Owner);
        let forking = Forking {
            begun,
            kept,
            folders: new.folders,
            servers: new.mcp_servers,
            creation: Creation {
                client,
                notices: new.notices,
                reply,
                known: None,
                copy_of: None,
                hold: None,
            },
        };
        tokio::spawn(self.clone().run_fork(original.clone(), forking));
        Some(handle)
    }

    async fn run_fork(self, original: SessionHandle, forking: Forking) {
        let Forking {
            begun,
            kept,
            folders,
            servers,
            mut creation,
        } = forking;
        let copied = self.copy(&original, &begun, &mut creation).await;
        // It would keep the original in memory.
        drop(original);
        match copied {
            Ok((copied, head)) => {
                let mut unit = self.unit(
                    begun.record,
                    folders,
                    kept,
                    head,
                    begun.info,
                    Some(creation),
                );
                unit.add_servers(servers);
                unit.begin_as(copied);
                drop(begun.sender);
                unit.run(begun.mailbox, begun.registration).await;
            }
            Err(error) => {
                let key = kept.key;
                let removed = spawn_blocking(move || kept.journal.remove(key)).await;
                if let Ok(Err(error)) = removed {
                    tracing::warn!(%error, "a copy that did not begin stays in the journal");
                }
                drop(begun.registration);
                creation.reply.send(Err(error));
            }
        }
    }

    async fn copy(
        &self,
        original: &SessionHandle,
        begun: &Begun,
        creation: &mut Creation,
    ) -> Result<(Copied, Position), SessionError> {
        let harness = original.harness();
        if !self.launcher().describe(&harness).await?.fork {
            return Err(SessionError::CannotFork { harness });
        }
        let ForkPoint {
            key,
            head,
            conversation,
            title,
            open_tools,
            hold,
        } = original.fork_point().await?;
        creation.hold = Some(hold);
        let (journal, copy) = (self.journal().clone(), begun.key);
        let ends = open_tools.iter().map(|tool| frames::tool_left(tool));
        let ends = ends.collect();
        let copied = spawn_blocking(move || copy_frames(&journal, key, head, copy, ends)).await;
        let seq = copied.map_err(|error| SessionError::Journal(error.to_string()))??;
        let head = Position {
            seq,
            ..self.beginning()
        };
        creation.known = Some(head);
        creation.copy_of = Some(CopyOf {
            session: original.id(),
            owner: original.owner(),
            title: title.clone(),
        });
        let copied = Copied {
            conversation,
            title,
        };
        Ok((copied, head))
    }
}

/// The history up to `end`, and what else there is to say; how many frames that
/// is. Page by page, so that others append meanwhile. Blocks.
fn copy_frames(
    journal: &Journal,
    from: SessionKey,
    end: Position,
    to: SessionKey,
    more: Vec<String>,
) -> Result<u64, SessionError> {
    let mut pages = journal.pages(from, None).map_err(journal_error)?.until(end);
    let mut seq = 0;
    let mut append = |updates: Vec<String>| {
        let frame = |update| {
            seq += 1;
            Entry::Frame { seq, update }
        };
        let frames: Vec<_> = updates.into_iter().map(frame).collect();
        journal.append(to, &frames).map_err(journal_error)
    };
    loop {
        let page = pages.next_page().map_err(journal_error)?;
        if page.is_empty() {
            break;
        }
        append(page.into_iter().map(|placed| placed.update).collect())?;
    }
    append(more)?;
    Ok(seq)
}

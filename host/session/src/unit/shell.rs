//! Terminals of the session: who opens them, types, and is sent what they show.

use std::{
    collections::HashMap,
    ffi::OsString,
    fmt::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use hostler_terminal::{
    Exit, Limits, Piece, Size, Spawner, Terminal, TerminalError, Terminals, View, ViewerId,
};
use hostler_wire::{compose, methods::hostler};
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::{
    Access, Client, ClientId, Outlet, Reply, SessionError, router::lock, shell::shell_program,
    unit::Unit,
};

/// What is asked of a session's terminals.
#[derive(Debug)]
pub enum TerminalRequest {
    /// A new one; without a command the user's shell.
    Open {
        /// The program and its arguments.
        command: Vec<String>,
        /// Columns and rows, if the client has a wish.
        size: Option<(u16, u16)>,
    },
    /// All there are.
    List,
    /// To be sent what one shows, from a byte offset on or from its screen.
    Attach {
        /// Which.
        terminal: String,
        /// The offset that the client has reached.
        after: Option<u64>,
    },
    /// To be sent nothing more of it.
    Detach {
        /// Which.
        terminal: String,
    },
    /// To type into it.
    Input {
        /// Which.
        terminal: String,
        /// What.
        bytes: Vec<u8>,
    },
    /// The size that the client wishes.
    Resize {
        /// Which.
        terminal: String,
        /// Columns and rows.
        size: (u16, u16),
    },
    /// To end its program.
    Close {
        /// Which.
        terminal: String,
    },
}

/// The terminals of one session.
#[derive(Debug)]
pub(crate) struct Shells {
    session: Arc<str>,
    cwd: PathBuf,
    terminals: Arc<Terminals>,
    views: Views,
}

/// Who views which. The tasks that send to them end by themselves with their
/// terminal or their connection.
type Views = Arc<Mutex<HashMap<(ClientId, String), Viewing>>>;

#[derive(Debug)]
struct Viewing {
    client: Client,
    task: AbortHandle,
}

impl Shells {
    pub(crate) fn new(
        session: Arc<str>,
        cwd: PathBuf,
        spawner: Arc<dyn Spawner>,
        limits: Limits,
    ) -> Self {
        Self {
            session,
            cwd,
            terminals: Arc::new(Terminals::new(spawner, limits)),
            views: Views::default(),
        }
    }

    /// A program runs in one of them.
    pub(super) fn are_busy(&self) -> bool {
        self.terminals.list().iter().any(|one| one.exit.is_none())
    }

    pub(super) fn to_json(&self) -> Value {
        let all = self.terminals.list();
        all.iter()
            .map(|terminal| {
                json!({
                    "terminalId": terminal.id,
                    "title": terminal.command,
                    "cols": terminal.size.cols(),
                    "rows": terminal.size.rows(),
                    "exit": terminal.exit.map(exit_json),
                })
            })
            .collect()
    }

    /// A client is gone, or views the session no more.
    pub(super) fn leave(&mut self, client: ClientId) {
        lock(&self.views).retain(|(viewer, _), viewing| {
            if *viewer == client {
                viewing.task.abort();
            }
            *viewer != client && !viewing.task.is_finished()
        });
        self.terminals.leave(viewer(client));
    }

    /// Who may not drive any more is sent nothing more, also one that views
    /// nothing else of the session.
    pub(super) fn revoke(&mut self, may_drive: impl Fn(&Client) -> bool) {
        let gone: Vec<_> = lock(&self.views)
            .values()
            .filter(|viewing| !may_drive(&viewing.client))
            .map(|viewing| viewing.client.id)
            .collect();
        for client in gone {
            self.leave(client);
        }
    }

    fn open(&self, client: Client, command: Vec<String>, size: Size, reply: Reply) {
        let (terminals, views) = (self.terminals.clone(), self.views.clone());
        let session = self.session.clone();
        let command: Vec<_> = command.into_iter().map(OsString::from).collect();
        let command = Some(command).filter(|command| !command.is_empty());
        let program = shell_program(command, self.cwd.clone());
        tokio::spawn(async move {
            match terminals.open(program, viewer(client.id), size).await {
                Ok((id, terminal)) => {
                    let answer = json!({ "terminalId": id }).to_string();
                    if reply.send(Ok(answer)) {
                        show(&views, &client, session, id, terminal.view(None));
                    }
                }
                Err(error) => {
                    reply.send(Err(terminal_error(&error)));
                }
            }
        });
    }

    fn attach(&self, client: &Client, id: String, terminal: &Terminal, after: Option<u64>) {
        let session = self.session.clone();
        show(&self.views, client, session, id, terminal.view(after));
    }

    fn detach(&self, client: ClientId, id: &str) {
        if let Some(viewing) = lock(&self.views).remove(&(client, id.to_owned())) {
            viewing.task.abort();
        }
        if let Ok(terminal) = self.terminals.get(id) {
            terminal.leave(viewer(client));
        }
    }

    fn get(&self, id: &str) -> Result<Terminal, TerminalError> {
        self.terminals.get(id)
    }
}

/// A client that views the terminal already begins anew.
fn show(views: &Views, client: &Client, session: Arc<str>, id: String, view: View) {
    let outlet = client.outlet.clone();
    let task = tokio::spawn(forward(view, session, id.clone(), outlet)).abort_handle();
    let viewing = Viewing {
        client: client.clone(),
        task,
    };
    if let Some(before) = lock(views).insert((client.id, id), viewing) {
        before.task.abort();
    }
}

fn viewer(client: ClientId) -> ViewerId {
    ViewerId(client.number())
}

fn exit_json(exit: Exit) -> Value {
    json!({ "code": exit.code, "signal": exit.signal })
}

/// Sends what a terminal shows, as fast as the connection takes it: one that is
/// behind finds a screen instead of what it missed.
async fn forward(mut view: View, session: Arc<str>, id: String, outlet: Arc<dyn Outlet>) {
    while outlet.room().await
        && let Some(piece) = view.next().await
        && outlet.send(frame(&session, &id, piece))
    {}
}

fn frame(session: &str, id: &str, piece: Piece) -> Bytes {
    // Neither has a character that would need escaping.
    let mut params = format!(r#"{{"sessionId":"{session}","terminalId":"{id}""#);
    let method = match piece {
        Piece::Output { offset, bytes } => {
            let _ = write!(params, r#","offset":{offset},"data":""#);
            BASE64.encode_string(&bytes, &mut params);
            params.push('"');
            hostler::TERMINAL_OUTPUT
        }
        Piece::Screen { offset, size, dump } => {
            let (cols, rows) = (size.cols(), size.rows());
            let _ = write!(
                params,
                r#","offset":{offset},"cols":{cols},"rows":{rows},"data":""#
            );
            BASE64.encode_string(dump, &mut params);
            params.push('"');
            hostler::TERMINAL_SCREEN
        }
        Piece::Resized { offset, size } => {
            let (cols, rows) = (size.cols(), size.rows());
            let _ = write!(params, r#","offset":{offset},"cols":{cols},"rows":{rows}"#);
            hostler::TERMINAL_RESIZED
        }
        Piece::Exited(exit) => {
            let write = |name: &str, number: Option<i32>| {
                number.map_or_else(String::new, |number| format!(r#","{name}":{number}"#))
            };
            params.push_str(&write("code", exit.code));
            params.push_str(&write("signal", exit.signal));
            hostler::TERMINAL_EXITED
        }
    };
    params.push('}');
    compose::notification(method, &params).into()
}

impl Unit {
    pub(super) fn terminal(&mut self, client: Client, request: TerminalRequest, reply: Reply) {
        if let Err(error) = self.may_use(&client, &request) {
            reply.send(Err(error));
            return;
        }
        let shells = &self.shells;
        let id = viewer(client.id);
        let done = match request {
            TerminalRequest::Open { command, size } => {
                let size =
                    size.map_or_else(Size::default, |(cols, rows)| Size::clamped(cols, rows));
                return shells.open(client, command, size, reply);
            }
            TerminalRequest::List => {
                reply.send(Ok(json!({ "terminals": shells.to_json() }).to_string()));
                return;
            }
            TerminalRequest::Attach { terminal, after } => {
                // Its answer comes before what the terminal shows.
                match shells.get(&terminal) {
                    Ok(shown) => {
                        if reply.send(Ok("{}".to_owned())) {
                            shells.attach(&client, terminal, &shown, after);
                        }
                    }
                    Err(error) => {
                        reply.send(Err(terminal_error(&error)));
                    }
                }
                return;
            }
            TerminalRequest::Detach { terminal } => {
                shells.detach(client.id, &terminal);
                Ok(())
            }
            TerminalRequest::Input { terminal, bytes } => shells
                .get(&terminal)
                .and_then(|terminal| terminal.write(id, &bytes)),
            TerminalRequest::Resize {
                terminal,
                size: (cols, rows),
            } => shells.get(&terminal).map(|terminal| {
                terminal.resize(id, Size::clamped(cols, rows));
            }),
            TerminalRequest::Close { terminal } => shells.terminals.close(&terminal),
        };
        let answer = done.map(|()| "{}".to_owned());
        reply.send(answer.map_err(|error| terminal_error(&error)));
    }

    /// To look on, it is enough that one might drive; to act is driving.
    fn may_use(&mut self, client: &Client, request: &TerminalRequest) -> Result<(), SessionError> {
        match request {
            TerminalRequest::List
            | TerminalRequest::Attach { .. }
            | TerminalRequest::Detach { .. } => {
                if client.access < Access::Drive {
                    return Err(SessionError::ViewOnly);
                }
                Ok(())
            }
            TerminalRequest::Open { .. }
            | TerminalRequest::Input { .. }
            | TerminalRequest::Resize { .. }
            | TerminalRequest::Close { .. } => self.drive(client),
        }
    }
}

fn terminal_error(error: &TerminalError) -> SessionError {
    match error {
        TerminalError::Unknown { .. } => SessionError::UnknownTerminal(error.to_string()),
        other => SessionError::Terminal(other.to_string()),
    }
}

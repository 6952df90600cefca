//! Methods of the extension about a session's terminals.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hostler_auth::Scope;
use hostler_session::{SessionHandle, TerminalRequest};
use hostler_wire::{Fault, RawValue, methods::hostler};
use serde::Deserialize;

use super::{
    Connection,
    params::{self, bad},
    request::Request,
    unknown_method,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    #[serde(default)]
    command: Vec<String>,
    cols: Option<u16>,
    rows: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    terminal_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attach {
    terminal_id: String,
    after: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    terminal_id: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resize {
    terminal_id: String,
    cols: u16,
    rows: u16,
}

impl Connection {
    pub(super) async fn terminal(&self, request: Request, method: &str, params: Option<&RawValue>) {
        match self.read_terminal(method, params) {
            Ok((session, asked)) => {
                self.touches(&session);
                let client = self.client(&session);
                session.terminal(client, asked, request.reply()).await;
            }
            Err(fault) => request.fault(&fault),
        }
    }

    fn read_terminal(
        &self,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(SessionHandle, TerminalRequest), Fault> {
        self.may(Scope::Shell)?;
        let session = self.named(params)?;
        let asked = match method.strip_prefix(hostler::TERMINAL).unwrap_or_default() {
            "open" => open(params::read(params)?),
            "list" => TerminalRequest::List,
            "attach" => {
                let Attach { terminal_id, after } = params::read(params)?;
                TerminalRequest::Attach {
                    terminal: terminal_id,
                    after,
                }
            }
            "detach" => TerminalRequest::Detach {
                terminal: params::read::<Named>(params)?.terminal_id,
            },
            "input" => {
                let Input { terminal_id, data } = params::read(params)?;
                let bytes = BASE64
                    .decode(data)
                    .map_err(|error| bad(&format!("`data` must be base64: {error}")))?;
                TerminalRequest::Input {
                    terminal: terminal_id,
                    bytes,
                }
            }
            "resize" => {
                let Resize {
                    terminal_id,
                    cols,
                    rows,
                } = params::read(params)?;
                TerminalRequest::Resize {
                    terminal: terminal_id,
                    size: (cols, rows),
                }
            }
            "close" => TerminalRequest::Close {
                terminal: params::read::<Named>(params)?.terminal_id,
            },
            _ => return Err(unknown_method(method)),
        };
        Ok((session, asked))
    }
}

fn open(asked: Open) -> TerminalRequest {
    TerminalRequest::Open {
        command: asked.command,
        size: asked.cols.zip(asked.rows),
    }
}

//! Methods of the extension: `docs/extension.md`. Those about a session are here.

use std::sync::Arc;

use hostler_auth::{Principal, Scope};
use hostler_replay::Position;
use hostler_session::{SessionHandle, Shares};
use hostler_wire::{Fault, RawValue, methods::hostler};
use serde::Deserialize;
use serde_json::json;

use super::{
    Connection,
    attach::{Expected, Meta, Viewing, Wish},
    params::{self, bad},
    request::Request,
    sessions::blocking,
    unknown_method,
};

/// The longest name of a principal that a session is shared with.
const PRINCIPAL: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct From {
    session_id: String,
    after: Option<After>,
    replay: Option<bool>,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct After {
    epoch: u64,
    seq: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Share {
    session_id: String,
    to: String,
    scope: Option<String>,
}

impl Connection {
    pub(super) async fn extension(
        &self,
        request: Request,
        method: &str,
        params: Option<&RawValue>,
    ) {
        match method {
            hostler::SESSION_ATTACH => self.attach_from(request, params).await,
            hostler::AGENTS => self.agents(request, params),
            hostler::SESSION_DETACH => self.detach(request, params).await,
            hostler::SESSION_SHARE => self.share(request, params).await,
            // The harness answers, as with the settings of a session.
            hostler::SESSION_STEER => match self.may(Scope::Drive) {
                Ok(()) => self.call(request, method, params).await,
                Err(fault) => request.fault(&fault),
            },
            hostler::CONTROL_TAKE | hostler::CONTROL_RELEASE => {
                self.control(request, method, params).await;
            }
            _ if method.starts_with(hostler::TERMINAL) => {
                self.terminal(request, method, params).await;
            }
            _ if method.starts_with(hostler::WORKSPACE) => self.workspace(request, method, params),
            _ => request.fault(&unknown_method(method)),
        }
    }

    async fn attach_from(&self, request: Request, params: Option<&RawValue>) {
        let from: From = match params::read(params) {
            Ok(from) => from,
            Err(fault) => return request.fault(&fault),
        };
        let expected = Expected {
            cwd: None,
            meta: from.meta,
        };
        let after = from.after.map(|after| Position {
            epoch: after.epoch,
            seq: after.seq,
        });
        let how = Viewing::From {
            after,
            replay: from.replay.unwrap_or(true),
        };
        let wish = Wish {
            id: from.session_id,
            expected: Arc::new(expected),
            how,
        };
        self.view(request, wish).await;
    }

    async fn detach(&self, request: Request, params: Option<&RawValue>) {
        match self.named(params) {
            Ok(session) => {
                self.left(&session);
                session.detach(self.id, false).await;
                request.result("{}");
            }
            Err(fault) => request.fault(&fault),
        }
    }

    /// The live session that the params name.
    pub(super) fn named(&self, params: Option<&RawValue>) -> Result<SessionHandle, Fault> {
        let named: Named = params::read(params)?;
        self.session(&named.session_id)
    }

    async fn share(&self, request: Request, params: Option<&RawValue>) {
        match self.shared_now(params).await {
            Ok(shares) => request.result(&json!({ "shares": shares_json(&shares) }).to_string()),
            Err(fault) => request.fault(&fault),
        }
    }

    async fn shared_now(&self, params: Option<&RawValue>) -> Result<Shares, Fault> {
        let share: Share = params::read(params)?;
        if share.to.is_empty() || share.to.len() > PRINCIPAL {
            return Err(bad(&format!(
                "`to` must name a principal, with 1 to {PRINCIPAL} bytes"
            )));
        }
        let to = Principal::new(share.to);
        let scope = share.scope.map(|scope| scope.parse()).transpose();
        let scope = scope.map_err(|error: String| bad(&error))?;
        let (router, caller) = (self.shared.config.router.clone(), self.identity.clone());
        blocking(move || Ok(router.share(&caller, &share.session_id, &to, scope)?)).await
    }

    async fn control(&self, request: Request, method: &str, params: Option<&RawValue>) {
        match self.named(params) {
            Ok(session) => {
                self.touches(&session);
                let client = self.client(&session);
                if method == hostler::CONTROL_TAKE {
                    session.take_control(client, request.reply()).await;
                } else {
                    session.release_control(client, request.reply()).await;
                }
            }
            Err(fault) => request.fault(&fault),
        }
    }
}

pub(super) fn shares_json(shares: &Shares) -> serde_json::Value {
    shares
        .iter()
        .map(|(to, scope)| json!({ "to": to.as_str(), "scope": scope.name() }))
        .collect()
}

//! Driving a session.

use hostler_session::{Prompt, SessionHandle};
use hostler_wire::{Fault, Id, RawValue, without_session_id};
use serde::Deserialize;

use super::{
    Connection,
    params::{self, bad},
    request::{Cancels, Request},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptParams<'a> {
    session_id: String,
    #[serde(borrow)]
    prompt: &'a RawValue,
    #[serde(rename = "_meta")]
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    hostler: Option<Key>,
}

#[derive(Deserialize)]
struct Key {
    key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelRequest<'a> {
    #[serde(borrow)]
    request_id: &'a RawValue,
}

impl Connection {
    /// The answer comes when the turn has ended, however long it takes.
    pub(super) async fn prompt(&self, request: Request, params: Option<&RawValue>) {
        match self.read_prompt(params).await {
            Ok((session, prompt)) => {
                request.belongs_to(&session);
                let id = request.id().clone();
                self.views(&session);
                let client = self.client(&session);
                session.prompt(client, id, prompt, request.reply()).await;
            }
            Err(fault) => request.fault(&fault),
        }
    }

    async fn read_prompt(
        &self,
        params: Option<&RawValue>,
    ) -> Result<(SessionHandle, Prompt), Fault> {
        let asked: PromptParams<'_> = params::read(params)?;
        let session = self.live(&asked.session_id).await?;
        session.may_drive()?;
        let prompt = Prompt::new(asked.prompt)?;
        let meta = asked.meta.and_then(|meta| meta.hostler);
        let prompt = match meta.and_then(|meta| meta.key) {
            Some(key) => prompt.with_key(key)?,
            None => prompt,
        };
        Ok((session, prompt))
    }

    /// `session/set_mode` and `session/set_config_option`: the harness answers.
    pub(super) async fn call(&self, request: Request, method: &str, params: Option<&RawValue>) {
        match self.read_call(params).await {
            Ok((session, params)) => {
                self.touches(&session);
                let client = self.client(&session);
                session.call(client, method, params, request.reply()).await;
            }
            Err(fault) => request.fault(&fault),
        }
    }

    async fn read_call(&self, params: Option<&RawValue>) -> Result<(SessionHandle, String), Fault> {
        let named: Named = params::read(params)?;
        let session = self.live(&named.session_id).await?;
        let params = params.ok_or_else(|| bad("`params` are missing"))?;
        Ok((session, without_session_id(params)?))
    }

    pub(super) async fn cancel(&self, params: Option<&RawValue>) {
        let session = params::read(params).and_then(|named: Named| self.session(&named.session_id));
        match session {
            Ok(session) => {
                self.touches(&session);
                session.cancel(self.client(&session)).await;
            }
            Err(fault) => tracing::debug!(client = %self.id, %fault, "a cancel was ignored"),
        }
    }

    pub(super) async fn cancel_request(&self, params: Option<&RawValue>) {
        let Ok(asked) = params::read::<CancelRequest<'_>>(params) else {
            return;
        };
        let Some(id) = Id::from_raw(asked.request_id) else {
            return;
        };
        match self.open.cancels(&id) {
            Cancels::Prompt(session) => session.cancel_request(self.id, id).await,
            Cancels::Query(cancel) => cancel.cancel(),
            Cancels::Token(token) => token.cancel(),
            Cancels::Not => {}
        }
    }
}

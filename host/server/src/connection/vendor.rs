//! Methods of extensions that are not this host's, such as `_vendor/thing`: what
//! they mean, clients and agents know. Those of agents come from their sessions.

use hostler_session::SessionHandle;
use hostler_wire::{Fault, RawValue, check_object, session_id};

use super::{Connection, params::bad, request::Request, unknown_method};

/// What they are without.
const NO_PARAMS: &str = "{}";

impl Connection {
    /// A request, for the agent of the session that it names. One that names none
    /// is for the agent of the connection's only session: with an agent of its own
    /// a connection would have only that one too.
    pub(super) async fn ask_agent(
        &self,
        request: Request,
        method: &str,
        params: Option<&RawValue>,
    ) {
        match self.asked_agent(method, params).await {
            Ok((session, params)) => {
                self.touches(&session);
                let client = self.client(&session);
                session.call(client, method, params, request.reply()).await;
            }
            Err(fault) => request.fault(&fault),
        }
    }

    async fn asked_agent(
        &self,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(SessionHandle, String), Fault> {
        let (named, text) = read(params)?;
        if let Some(id) = named {
            return Ok((self.live(&id).await?, text));
        }
        let mut viewed = self.viewed_now();
        match (viewed.pop(), viewed.is_empty()) {
            (Some(only), true) => Ok((only, text)),
            (Some(_), false) => Err(bad(&format!(
                "{method} must name one of the connection's sessions in `sessionId`: each has an \
                 agent of its own"
            ))),
            (None, _) => Err(unknown_method(method)),
        }
    }

    /// A notification, for the agent of the session that it names, or for those of
    /// all sessions that the connection views.
    pub(super) async fn tell_agents(&self, method: &str, params: Option<&RawValue>) {
        let told = self.admit(method).and_then(|()| read(params));
        let told = told.and_then(|(named, text)| {
            let sessions = match named {
                Some(id) => vec![self.session(&id)?],
                None => self.viewed_now(),
            };
            Ok((sessions, text))
        });
        match told {
            Ok((sessions, params)) => {
                for session in sessions {
                    let client = self.client(&session);
                    session.notify(client, method, params.clone()).await;
                }
            }
            Err(fault) => {
                tracing::debug!(client = %self.id, method, %fault, "a notification was ignored");
            }
        }
    }

    /// The sessions that it views. What it may do in them may have changed.
    fn viewed_now(&self) -> Vec<SessionHandle> {
        let viewed: Vec<_> = {
            let viewed = self.viewed();
            let viewing = viewed.iter().filter(|(_, handle)| handle.is_some());
            viewing.map(|(id, _)| id.clone()).collect()
        };
        let live = viewed.iter().filter_map(|id| self.session(id).ok());
        live.collect()
    }
}

/// The session that the params name, and the params.
fn read(params: Option<&RawValue>) -> Result<(Option<String>, String), Fault> {
    let Some(params) = params else {
        return Ok((None, NO_PARAMS.to_owned()));
    };
    let object = check_object(params.get())?;
    let named = session_id(object)?.map(std::borrow::Cow::into_owned);
    Ok((named, object.get().to_owned()))
}

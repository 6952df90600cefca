//! A host that is asked a few things.

use agent_client_protocol_schema::v1::{ListSessionsResponse, SessionInfo};
use anyhow::Context as _;
use hostler_wire::{Id, methods};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    args::HostArgs,
    client::{answer::RpcError, connection::Connection, place::Place, text::one_line},
    exit::{Exit, Failure},
    link::names,
    serve::VERSION,
};

/// Pages that are asked for; a host that has more goes round in a circle.
const PAGES: u64 = 1000;

/// Ids that an ambiguous beginning is answered with.
const EXAMPLES: usize = 5;

/// What a client says of itself: it is positioned.
pub(super) fn hello() -> Value {
    json!({
        "protocolVersion": 1,
        "clientInfo": {"name": "hostler-session", "version": VERSION},
        "clientCapabilities": {
            "session": {"notices": {}},
            "_meta": {"hostler": {"client": Uuid::new_v4().to_string()}},
        },
    })
}

/// Whoever can be asked.
pub(crate) trait Ask {
    async fn raw(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<Result<String, RpcError>, Failure>;

    async fn ask<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<T, Failure> {
        let answer = self.raw(method, params).await?;
        let answer = answer.map_err(|error| refused(method, &error))?;
        let read = serde_json::from_str(&answer)
            .with_context(|| format!("the host's answer to {method} is odd"))?;
        Ok(read)
    }

    /// Those that fit `hostler` of the request's `_meta`.
    async fn sessions_that(&mut self, hostler: Value) -> Result<Vec<SessionInfo>, Failure> {
        let mut sessions = Vec::new();
        let meta = json!({ "hostler": hostler });
        let mut params = json!({ "_meta": meta });
        for _ in 0..PAGES {
            let page: ListSessionsResponse = self.ask(methods::SESSION_LIST, &params).await?;
            sessions.extend(page.sessions);
            match page.next_cursor {
                Some(cursor) => params = json!({ "cursor": cursor, "_meta": meta }),
                None => break,
            }
        }
        Ok(sessions)
    }

    /// The session with this id, or the only one whose id begins so.
    async fn find(&mut self, id: &str) -> Result<SessionInfo, Failure> {
        choose(self.sessions_that(json!({"outside": false})).await?, id)
    }

    /// The same, also of conversations that were begun outside of the host: what is
    /// done with it adopts it.
    async fn find_or_adopt(&mut self, id: &str) -> Result<SessionInfo, Failure> {
        choose(self.sessions_that(json!({})).await?, id)
    }
}

fn choose(sessions: Vec<SessionInfo>, id: &str) -> Result<SessionInfo, Failure> {
    let begins = |info: &SessionInfo| !id.is_empty() && info.session_id.0.starts_with(id);
    let mut found: Vec<_> = sessions.into_iter().filter(begins).collect();
    if let Some(at) = found.iter().position(|info| *info.session_id.0 == *id) {
        return Ok(found.swap_remove(at));
    }
    let mut left = found.into_iter();
    match (left.next(), left.len()) {
        (Some(only), 0) => Ok(only),
        (Some(first), more) => {
            let all = std::iter::once(first).chain(left);
            let ids = all
                .take(EXAMPLES)
                .map(|info| one_line(&info.session_id.0, 80));
            let ids = ids.collect::<Vec<_>>().join(", ");
            let and_more = if more >= EXAMPLES { ", …" } else { "" };
            let message = format!("{} sessions begin with {id:?}: {ids}{and_more}", more + 1);
            Err(Failure::new(Exit::Usage, message))
        }
        (None, _) => Err(Failure::new(
            Exit::Refused,
            format!(
                "there is no session {id:?} that you may see; `hostler session list` shows those \
                 that there are"
            ),
        )),
    }
}

/// Why, and what to do about it.
pub(crate) fn refused(method: &str, error: &RpcError) -> Failure {
    let hint = match error.name() {
        Some("UNKNOWN_SESSION") => "; `hostler session list` shows the sessions that there are",
        Some("NOT_CONTROLLER") => {
            "; another client drives this session: /take in `hostler session attach` takes it over \
             where the host allows it"
        }
        Some("UNKNOWN_METHOD") if method.starts_with(names::PREFIX) => {
            "; this host is older than this program and cannot do that"
        }
        _ => "",
    };
    Failure::new(
        Exit::Refused,
        format!("the host refused {method}: {error}{hint}"),
    )
}

/// A connection of a command that asks and goes.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) connection: Connection,
    last_id: u64,
}

impl Host {
    pub(super) async fn open(args: &HostArgs) -> Result<Self, Failure> {
        let connection = Place::of(args)?.dial(None).await?;
        let mut host = Self {
            connection,
            last_id: 0,
        };
        let _: Value = host.ask(methods::INITIALIZE, &hello()).await?;
        Ok(host)
    }

    pub(super) async fn send(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<Id, Failure> {
        self.last_id += 1;
        let id = Id::number(self.last_id);
        let params = serde_json::to_string(params).context("a message cannot be JSON")?;
        let request = hostler_wire::compose::request(&id, method, &params);
        self.connection.send(request).await?;
        Ok(id)
    }

    pub(super) async fn close(self) {
        self.connection.close().await;
    }
}

impl Ask for Host {
    async fn raw(
        &mut self,
        method: &str,
        params: &Value,
    ) -> Result<Result<String, RpcError>, Failure> {
        self.last_id += 1;
        let id = Id::number(self.last_id);
        self.connection.call(&id, method, params).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(id: &str) -> SessionInfo {
        serde_json::from_value(json!({"sessionId": id, "cwd": "/"})).unwrap()
    }

    #[test]
    fn a_session_is_found_by_its_id_or_the_only_beginning() {
        let all = || vec![info("ab"), info("abc"), info("abd"), info("x")];
        let id = |id| choose(all(), id).map(|info| info.session_id.to_string());
        assert_eq!(id("ab").unwrap(), "ab", "the whole id counts");
        assert_eq!(id("x").unwrap(), "x");
        assert_eq!(id("abc").unwrap(), "abc");
        let two = id("a").unwrap_err();
        assert_eq!(two.exit, Exit::Usage);
        assert_eq!(
            two.error.to_string(),
            r#"3 sessions begin with "a": ab, abc, abd"#
        );
        for none in ["", "y"] {
            let none = id(none).unwrap_err();
            assert!(none.error.to_string().contains("session list"));
        }
    }
}

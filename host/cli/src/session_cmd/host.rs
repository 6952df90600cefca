//! A host that is asked a few things.

use agent_client_protocol_schema::v1::{ListSessionsResponse, SessionInfo};
use anyhow::Context as _;
use hostler_wire::{Id, methods};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
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

/// Sessions that a host has.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) sessions: Vec<SessionInfo>,
    /// The harnesses that have not said which conversations their agents have.
    pub(crate) left_out: Vec<String>,
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
    async fn sessions_that(&mut self, hostler: Value) -> Result<Listed, Failure> {
        let mut all = Listed::default();
        let meta = json!({ "hostler": hostler });
        let mut params = json!({ "_meta": meta });
        for _ in 0..PAGES {
            let page: ListSessionsResponse = self.ask(methods::SESSION_LIST, &params).await?;
            all.sessions.extend(page.sessions);
            all.left_out.extend(left_out(page.meta.as_ref()));
            match page.next_cursor {
                Some(cursor) => params = json!({ "cursor": cursor, "_meta": meta }),
                None => break,
            }
        }
        Ok(all)
    }

    /// The session with this id, or the only one whose id begins so.
    async fn find(&mut self, id: &str) -> Result<SessionInfo, Failure> {
        let listed = self.sessions_that(json!({"outside": false})).await?;
        choose(listed.sessions, id)
    }

    /// The same, also of conversations that were begun outside of the host: what is
    /// done with it adopts it.
    async fn find_or_adopt(&mut self, id: &str) -> Result<SessionInfo, Failure> {
        let mut known = self.sessions_that(json!({})).await?;
        let named = |info: &SessionInfo| !id.is_empty() && info.session_id.0.starts_with(id);
        if !known.left_out.is_empty() && !known.sessions.iter().any(named) {
            // It may be one of an agent whose plugin still loads: those are waited for.
            let more = self.sessions_that(json!({"outside": true})).await?;
            known.sessions.extend(more.sessions);
        }
        choose(known.sessions, id)
    }
}

fn left_out(meta: Option<&Map<String, Value>>) -> Vec<String> {
    let left_out = meta.and_then(|meta| meta.get("hostler")?.get("leftOut")?.as_array());
    let ids = left_out.into_iter().flatten().filter_map(Value::as_str);
    ids.map(str::to_owned).collect()
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

    #[tokio::test]
    async fn one_of_an_agent_that_loads_is_waited_for() {
        /// That knows of conversations only when it is asked for them alone.
        struct Loading;

        impl Ask for Loading {
            async fn raw(
                &mut self,
                _: &str,
                params: &Value,
            ) -> Result<Result<String, RpcError>, Failure> {
                let list = if params["_meta"]["hostler"]["outside"] == true {
                    json!({"sessions": [{"sessionId": "ab", "cwd": "/"}]})
                } else {
                    let meta = json!({"hostler": {"leftOut": ["codex"]}});
                    json!({"sessions": [{"sessionId": "x", "cwd": "/"}], "_meta": meta})
                };
                Ok(Ok(list.to_string()))
            }
        }
        for (id, found) in [("a", Some("ab")), ("x", Some("x")), ("y", None)] {
            let info = Loading.find_or_adopt(id).await.ok();
            assert_eq!(info.map(|it| it.session_id.to_string()).as_deref(), found);
        }
        assert!(Loading.find("a").await.is_err());
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

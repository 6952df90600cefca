//! What the agents of sessions are given, heard on the way.

use std::sync::{Arc, Mutex};

use hostler_auth::Principal;
use hostler_session::{BoxFuture, Endpoint, Endpoints, McpTransport};

/// The address and the token of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) url: String,
    pub(crate) token: String,
}

/// For each session that began, what its agent was given, if anything.
#[derive(Debug)]
pub(crate) struct Overheard {
    inner: Arc<dyn Endpoints>,
    all: Mutex<Vec<Option<Given>>>,
}

impl Overheard {
    pub(crate) fn new(inner: Arc<dyn Endpoints>) -> Self {
        let all = Mutex::default();
        Self { inner, all }
    }

    pub(crate) fn all(&self) -> Vec<Option<Given>> {
        self.all.lock().unwrap().clone()
    }
}

impl Endpoints for Overheard {
    fn open<'a>(
        &'a self,
        owner: &'a Principal,
        session: &'a str,
        devices: Option<&'a [String]>,
    ) -> BoxFuture<'a, Option<Endpoint>> {
        Box::pin(async move {
            let opened = self.inner.open(owner, session, devices).await;
            let given = opened.as_ref().map(Given::of);
            self.all.lock().unwrap().push(given);
            opened
        })
    }
}

impl Given {
    fn of(endpoint: &Endpoint) -> Self {
        let McpTransport::Http { url, headers } = &endpoint.server.transport else {
            panic!("agents reach their host over HTTP");
        };
        let (name, value) = &headers[0];
        assert_eq!(name, "Authorization");
        let token = value.expose().strip_prefix("Bearer ").unwrap();
        Given {
            url: url.clone(),
            token: token.to_owned(),
        }
    }
}

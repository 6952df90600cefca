//! Conversations that were begun outside of this host, as sessions that can be
//! loaded: in lists, and when one is asked for. For those who could read them in a
//! terminal: they are of the host's user, whoever began them.

use std::sync::Arc;

use hostler_session::{Outside, SessionHandle};
use hostler_wire::Fault;
use serde_json::{Value, json};

use super::{
    Connection,
    attach::{Expected, find_or_take_up},
    sessions::{blocking, open, set_heading},
};

impl Connection {
    /// The session of this id, which may have to be taken up from the journal.
    pub(super) async fn find_or_take_up(
        &self,
        id: &str,
        expected: &Arc<Expected>,
    ) -> Result<SessionHandle, Fault> {
        let router = self.shared.config.router.clone();
        let roots = self.shared.config.roots.clone();
        let caller = self.identity.clone();
        let (id, expected) = (id.to_owned(), expected.clone());
        blocking(move || find_or_take_up(&router, &roots, &caller, &id, &expected)).await
    }

    /// Makes a stored session of the conversation that an agent has under this id;
    /// `false`: none has it. Nothing is made for a request that does not fit.
    pub(super) async fn adopt(&self, id: &str, expected: &Arc<Expected>) -> Result<bool, Fault> {
        let router = self.shared.config.router.clone();
        let (taken, asked) = (router.clone(), id.to_owned());
        // Nothing is told of a session of somebody else.
        if blocking(move || Ok(taken.is_taken(&asked)?)).await? {
            return Ok(false);
        }
        let past = router.past(id, expected.harness()).await?;
        let Some((harness, past)) = past else {
            return Ok(false);
        };
        let roots = self.shared.config.roots.clone();
        let (caller, expected) = (self.identity.clone(), expected.clone());
        blocking(move || {
            let folders = open(&roots, &past.conversation.cwd, &[])?;
            expected.check(folders.root(), &harness, None)?;
            router.adopt(&caller, &harness, folders.root().to_owned(), &past)?;
            Ok(true)
        })
        .await
    }
}

/// As `session/list` has it.
pub(super) fn outside_info(outside: &Outside) -> Value {
    let Outside {
        harness,
        conversation,
    } = outside;
    let mut info = json!({
        "sessionId": conversation.id,
        "cwd": conversation.cwd,
        "_meta": { "hostler": {
            "harness": harness,
            "outside": true,
            "inUse": conversation.in_use,
            "size": conversation.size,
        } },
    });
    set_heading(
        &mut info,
        conversation.title.as_deref(),
        conversation.updated,
    );
    info
}

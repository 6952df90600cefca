//! Sessions are copied.

use hostler_session::{Access, NewSession, SessionHandle};
use hostler_wire::{Fault, RawValue};

use super::{
    Connection,
    attach::{Attach, Expected, find_or_take_up},
    mcp, params,
    request::Request,
    sessions::{blocking, check_number, open},
};

impl Connection {
    /// `session/fork`: the copy has the agent, the folder and the devices of the
    /// original, and further folders and MCP servers of its own.
    pub(super) async fn fork(&self, request: Request, params: Option<&RawValue>) {
        match self.read_fork(params).await {
            Ok((original, new)) => {
                let client = self.client_with(Access::Owner);
                let router = &self.shared.config.router;
                if let Some(copy) = router.fork(&original, new, client, request.reply()) {
                    self.views(&copy);
                }
            }
            Err(fault) => request.fault(&fault),
        }
    }

    async fn read_fork(
        &self,
        params: Option<&RawValue>,
    ) -> Result<(SessionHandle, NewSession), Fault> {
        let fork: Attach = params::read(params)?;
        check_number(&fork.additional_directories)?;
        let notices = mcp::unusable(&fork.mcp_servers).into_iter().collect();
        let mcp_servers = mcp::usable(fork.mcp_servers)?;
        let router = self.shared.config.router.clone();
        let roots = self.shared.config.roots.clone();
        let caller = self.identity.clone();
        let (original, folders) = blocking(move || {
            let expected = Expected {
                cwd: Some(fork.cwd),
                meta: fork.meta,
            };
            let original = find_or_take_up(&router, &roots, &caller, &fork.session_id, &expected)?;
            let folders = open(&roots, &original.cwd(), &fork.additional_directories)?;
            Ok((original, folders))
        })
        .await?;
        let new = NewSession {
            owner: self.identity.principal.clone(),
            harness: original.harness(),
            devices: original.devices(),
            folders,
            notices,
            mcp_servers,
        };
        Ok((original, new))
    }
}

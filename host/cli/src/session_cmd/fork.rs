//! `hostler session fork`.

use agent_client_protocol_schema::v1::ForkSessionResponse;
use anyhow::Context as _;
use hostler_wire::methods;
use serde_json::{Value, json};

use super::host::{Ask as _, Host};
use crate::{
    args::SessionFork,
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

pub(crate) async fn run(args: SessionFork) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let found = host.find(&args.session.id).await?;
    let params = json!({
        "sessionId": found.session_id,
        "cwd": found.cwd,
        "additionalDirectories": found.additional_directories,
        "mcpServers": [],
    });
    let answer: Value = host.ask(methods::SESSION_FORK, &params).await?;
    host.close().await;
    if args.json {
        print(&serde_json::to_string_pretty(&answer).context("the answer as JSON")?);
        return Ok(Exit::Done);
    }
    let copy: ForkSessionResponse =
        serde_json::from_value(answer).context("the host's answer to session/fork is odd")?;
    let copy = one_line(&copy.session_id.0, usize::MAX);
    print(&format!(
        "{copy}\n`hostler session attach {copy}` goes on with it."
    ));
    Ok(Exit::Done)
}

//! `hostler session share`, `close`, `delete`: what an owner decides.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use agent_client_protocol_schema::v1::SessionInfo;
use anyhow::Context as _;
use hostler_wire::methods;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    host::{Ask as _, Host},
    people::Share,
};
use crate::{
    args::{Scope, SessionClose, SessionDelete, SessionShare},
    client::text::one_line,
    exit::{Exit, Failure},
    link::names,
    plugin_cmd::print,
};

/// Longest title in a question, in characters.
const TITLE: usize = 60;

pub(crate) async fn share(args: SessionShare) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let id = host.find(&args.session.id).await?.session_id;
    let scope = match args.scope {
        Scope::View => Some("view"),
        Scope::Drive => Some("drive"),
        Scope::None => None,
    };
    let params = json!({"sessionId": id, "to": args.to, "scope": scope});
    let answer: Shared = host.ask(names::SHARE, &params).await?;
    host.close().await;
    if args.json {
        print(&serde_json::to_string_pretty(&answer).context("the answer as JSON")?);
    } else {
        print(&shares(&answer));
    }
    Ok(Exit::Done)
}

/// The answer to a share.
#[derive(Debug, Deserialize, Serialize)]
struct Shared {
    shares: Vec<Share>,
}

fn shares(shared: &Shared) -> String {
    if shared.shares.is_empty() {
        return "The session is shared with nobody.".to_owned();
    }
    let lines: Vec<_> = shared.shares.iter().map(Share::shown).collect();
    lines.join("\n")
}

pub(crate) async fn close(args: SessionClose) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let found = host.find(&args.session.id).await?;
    let params = json!({
        "sessionId": found.session_id,
        "_meta": {"hostler": {"end": true}},
    });
    let _: Value = host.ask(methods::SESSION_CLOSE, &params).await?;
    host.close().await;
    print(&format!("Closed {}; its history stays.", called(&found)));
    Ok(Exit::Done)
}

pub(crate) async fn delete(args: SessionDelete) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let found = host.find(&args.session.id).await?;
    if !args.yes && !sure(&found)? {
        host.close().await;
        print("Nothing was deleted.");
        return Ok(Exit::Done);
    }
    let params = json!({"sessionId": found.session_id});
    let _: Value = host.ask(names::DELETE, &params).await?;
    host.close().await;
    print(&format!("Deleted {}.", called(&found)));
    Ok(Exit::Done)
}

fn called(info: &SessionInfo) -> String {
    let id = one_line(&info.session_id.0, usize::MAX);
    match &info.title {
        Some(title) => format!("{id} ({})", one_line(title, TITLE)),
        None => id,
    }
}

fn sure(info: &SessionInfo) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        let message = "nobody is at a terminal to ask; --yes deletes without asking";
        return Err(Failure::new(Exit::Usage, message));
    }
    eprint!("Delete {} and all its history? [y/N] ", called(info));
    let _ = io::stderr().flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.context("the answer cannot be read")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

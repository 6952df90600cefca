//! `hostler session attach` and `watch`: a session as it goes on.
//!
//! - [`remote`]: the way to the host, which outlives connections. [`session`]:
//!   the loop. [`told`]: what the host tells, shown. [`typed`]: what somebody
//!   types, done.
//! - [`input`]: lines, and what they mean. [`history`]: the past.

mod history;
mod input;
mod remote;
mod session;
mod told;
mod typed;

use std::io::{self, IsTerminal as _};

use hostler_wire::methods;
use serde_json::{Value, json};

use crate::{
    args::{History, SessionAttach, SessionId, SessionWatch},
    client::{
        ask::{Asks, Decider},
        place::Place,
        prompt::renderer,
        terminal::Terminal,
    },
    exit::{Exit, Failure},
    link::names,
    session_cmd::host::{Ask as _, hello, refused},
};
use input::Input;
use remote::Remote;
use session::{Live, Purpose};

pub(crate) async fn attach(args: SessionAttach) -> Result<Exit, Failure> {
    // Questions are shown on stderr.
    let person = io::stdin().is_terminal() && io::stderr().is_terminal();
    let terminal = person.then(Terminal::open).flatten();
    let (asks, input) = match terminal {
        Some(terminal) => (Asks::new(Decider::Person(terminal)), Input::Terminal),
        None => (Asks::new(Decider::Nobody), Input::lines()),
    };
    take_part(args.session, args.history, asks, input, false).await
}

pub(crate) async fn watch(args: SessionWatch) -> Result<Exit, Failure> {
    let asks = Asks::new(Decider::Nobody);
    take_part(args.session, args.history, asks, Input::Nothing, args.json).await
}

async fn take_part(
    session: SessionId,
    history: History,
    asks: Asks,
    input: Input,
    json: bool,
) -> Result<Exit, Failure> {
    let mut remote = Remote::<Purpose>::open(Place::of(&session.host)?).await?;
    let hello = hello();
    let me = hello.pointer("/clientCapabilities/_meta/hostler/client");
    let me = me.and_then(Value::as_str).unwrap_or_default().to_owned();
    let answer: Value = remote.ask(methods::INITIALIZE, &hello).await?;
    if answer.pointer("/agentCapabilities/_meta/hostler/attach") != Some(&json!(true)) {
        let message = "this host is older than this program: its sessions cannot be attached to";
        return Err(Failure::new(Exit::Refused, message));
    }
    let found = match input {
        // Whoever only looks adopts nothing.
        Input::Nothing => remote.find(&session.id).await?,
        _ => remote.find_or_adopt(&session.id).await?,
    };
    let id = found.session_id.to_string();
    let params = json!({"sessionId": id, "replay": history != History::Last(0)});
    let attached = remote.raw(names::ATTACH, &params).await?;
    let attached = attached.map_err(|error| refused(names::ATTACH, &error))?;
    let mut live = Live::new(remote, id, me, asks, input, renderer(), json)?;
    let outcome = live.run(&attached, history).await;
    live.finish().await;
    outcome
}

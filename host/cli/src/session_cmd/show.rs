//! `hostler session show`.

use std::time::Duration;

use anyhow::Context as _;
use hostler_wire::{Message, methods};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    host::{Ask as _, Host},
    people::{Person, Queued, Scene, Share, Terminal},
};
use crate::{
    args::SessionShow,
    client::text::one_line,
    exit::{Exit, Failure},
    link::{names, parts::string},
    plugin_cmd::print,
};

/// How long the host may take to repeat the open questions.
const QUESTIONS: Duration = Duration::from_secs(2);

/// Longest value in the text, in characters.
const CHARS: usize = 160;

/// An open question, and what it is about if the caller may answer it: only then
/// it is told.
#[derive(Debug, Serialize)]
struct Ask {
    id: Value,
    title: Option<String>,
}

pub(crate) async fn run(args: SessionShow) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let found = host.find(&args.session.id).await?;
    let id = found.session_id.to_string();
    let params = json!({"sessionId": id, "replay": false});
    let mut all: Map<String, Value> = host.ask(names::ATTACH, &params).await?;
    let scene = Value::Object(all.clone());
    let scene = serde_json::from_value(scene).context("the host's answer to an attach is odd")?;
    let open = all.get("openPermissions").and_then(Value::as_array);
    let asks = questions(&mut host, open.cloned().unwrap_or_default()).await;
    host.close().await;
    let listed = found.meta.as_ref().and_then(|meta| meta.get("hostler"));
    let shares = listed.and_then(|listed| listed.get("shares"));
    let shares: Vec<Share> = shares
        .and_then(|shares| Deserialize::deserialize(shares).ok())
        .unwrap_or_default();
    if args.json {
        all.insert("shares".into(), json!(shares));
        all.insert("sessionId".into(), json!(id));
        all.insert("openPermissions".into(), json!(asks));
        all.remove("reset");
        print(&serde_json::to_string_pretty(&all).context("the report as JSON")?);
    } else {
        print(&text(&id, &scene, &asks, &shares));
    }
    Ok(Exit::Done)
}

async fn questions(host: &mut Host, open: Vec<Value>) -> Vec<Ask> {
    let title = None;
    let asks = open.into_iter().map(|id| Ask {
        id,
        title: title.clone(),
    });
    let mut asks: Vec<_> = asks.collect();
    let mut missing = asks.len();
    let hear = async {
        while missing > 0 {
            let Ok(text) = host.connection.receive().await else {
                return;
            };
            let Ok(Message::Request { id, method, params }) = Message::parse(&text) else {
                continue;
            };
            let title = match method.as_ref() {
                methods::SESSION_REQUEST_PERMISSION => string(params, &["toolCall", "title"]),
                methods::ELICITATION_CREATE => string(params, &["message"]),
                other => Some(other.to_owned()),
            };
            let id: Value = serde_json::from_str(id.as_json()).unwrap_or_default();
            for ask in asks.iter_mut().filter(|ask| ask.id == id) {
                ask.title.clone_from(&title);
                missing -= 1;
            }
        }
    };
    let _ = timeout(QUESTIONS, hear).await;
    asks
}

fn text(id: &str, scene: &Scene, asks: &[Ask], shares: &[Share]) -> String {
    let or_dash = |text: &Option<String>| one_line(text.as_deref().unwrap_or("-"), CHARS);
    let asks = asks.iter().map(|ask| {
        let title = ask.title.as_deref().or(ask.id.as_str());
        one_line(title.unwrap_or("?"), CHARS)
    });
    let state = if scene.busy {
        "busy: a turn runs"
    } else {
        "idle"
    };
    let access = match scene.access.as_deref() {
        Some("view") => " (shared with you: you may look)",
        Some("drive") => " (shared with you: you may take part)",
        _ => "",
    };
    let mut lines = vec![or_dash(&scene.title)];
    let mut line = |name: &str, value: &str| lines.push(format!("  {name:<9} {value}"));
    line("session", &one_line(id, CHARS));
    line("owner", &format!("{}{access}", or_dash(&scene.owner)));
    line("harness", &or_dash(&scene.harness));
    line("folder", &or_dash(&scene.cwd));
    line("state", state);
    line("drives", &scene.control.shown());
    let mut all_of = |name: &str, values: Vec<String>| {
        for (at, value) in values.iter().enumerate() {
            line(if at == 0 { name } else { "" }, value);
        }
    };
    all_of("here", scene.clients.iter().map(Person::shown).collect());
    all_of("queue", scene.queue.iter().map(Queued::shown).collect());
    all_of("asks", asks.collect());
    all_of("shared", shares.iter().map(Share::shown).collect());
    all_of(
        "terminals",
        scene.terminals.iter().map(Terminal::shown).collect(),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_shown_and_nothing_acts_upon_the_terminal() {
        let scene = json!({
            "title": "Fix\u{1b}[2J it", "owner": "alice", "access": "owner",
            "harness": "claude-code", "cwd": "/work", "busy": true,
            "control": {"mode": "lease", "you": false, "controlEpoch": 3,
                        "holder": {"client": "c", "principal": "bob", "name": "phone"}},
            "clients": [
                {"client": "c", "principal": "bob", "name": "phone", "drives": true},
                {"principal": "alice", "name": "zed", "drives": false},
            ],
            "queue": [{"by": {"principal": "bob", "name": "phone"}, "text": "then\nthis"}],
            "terminals": [{"terminalId": "t1", "title": "bash", "exit": null}],
        });
        let asks = [("s-1/4", Some("rm -r x")), ("s-1/5", None)].map(|(id, title)| Ask {
            id: json!(id),
            title: title.map(str::to_owned),
        });
        let share = serde_json::from_value(json!({"to": "carol", "scope": "view"})).unwrap();
        let scene = serde_json::from_value(scene).unwrap();
        let text = text("s-1", &scene, &asks, &[share]);
        let expected = r"Fix\u{1b}[2J it
  session   s-1
  owner     alice
  harness   claude-code
  folder    /work
  state     busy: a turn runs
  drives    phone (bob)
  here      phone (bob), who drives
            zed (alice)
  queue     phone (bob): then this
  asks      rm -r x
            s-1/5
  shared    carol may view
  terminals t1 bash";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_missing_is_a_dash() {
        let text = text("s", &Scene::default(), &[], &[]);
        assert!(
            text.starts_with("-\n  session   s\n  owner     -\n"),
            "{text}"
        );
        assert!(text.ends_with("drives    everybody who may"), "{text}");
    }
}

//! `hostler session show`.

use std::time::Duration;

use anyhow::Context as _;
use hostler_wire::{Message, methods};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    host::{Ask as _, Host},
    people::{Control, Person, Queued},
};
use crate::{
    args::SessionShow,
    client::text::one_line,
    exit::{Exit, Failure},
    link::names,
    plugin_cmd::print,
};

/// How long the host may take to repeat the open questions.
const QUESTIONS: Duration = Duration::from_secs(2);

/// Longest value in the text, in characters.
const CHARS: usize = 160;

pub(crate) async fn run(args: SessionShow) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.session.host).await?;
    let found = host.find(&args.session.id).await?;
    let id = found.session_id.to_string();
    let params = json!({"sessionId": id, "replay": false});
    let mut all: Map<String, Value> = host.ask(names::ATTACH, &params).await?;
    let open = all.get("openPermissions").and_then(Value::as_array);
    let open = open.cloned().unwrap_or_default();
    let asks = questions(&mut host, &open).await;
    host.close().await;
    let listed = found.meta.as_ref().and_then(|meta| meta.get("hostler"));
    let shares = listed.and_then(|listed| listed.get("shares"));
    all.insert("shares".into(), shares.cloned().unwrap_or(json!([])));
    all.insert("sessionId".into(), json!(id));
    all.insert("openPermissions".into(), json!(asks));
    all.remove("reset");
    if args.json {
        print(&serde_json::to_string_pretty(&all).context("the report as JSON")?);
    } else {
        print(&text(&Value::Object(all)));
    }
    Ok(Exit::Done)
}

/// The open questions: id, and what it is about if the caller may answer it, for
/// only then it is told.
async fn questions(host: &mut Host, open: &[Value]) -> Vec<Value> {
    let mut asks: Vec<_> = open
        .iter()
        .map(|id| json!({"id": id, "title": null}))
        .collect();
    let mut missing = asks.len();
    let hear = async {
        while missing > 0 {
            let Ok(text) = host.connection.receive().await else {
                return;
            };
            let Ok(Message::Request { id, method, params }) = Message::parse(&text) else {
                continue;
            };
            if method != methods::SESSION_REQUEST_PERMISSION {
                continue;
            }
            let params: Option<Value> =
                params.and_then(|params| serde_json::from_str(params.get()).ok());
            let title = params.and_then(|params| params.pointer("/toolCall/title").cloned());
            for ask in &mut asks {
                if ask["id"].to_string() == id.as_json() {
                    ask["title"] = title.clone().unwrap_or_default();
                    missing -= 1;
                }
            }
        }
    };
    let _ = timeout(QUESTIONS, hear).await;
    asks
}

fn text(all: &Value) -> String {
    let string = |name: &str| {
        all[name]
            .as_str()
            .map_or("-".into(), |text| one_line(text, CHARS))
    };
    let list = |name: &str| all[name].as_array().cloned().unwrap_or_default();
    let people = list("clients")
        .into_iter()
        .map(|one| Person::of(one).shown());
    let queue = list("queue").into_iter().map(|one| Queued::of(one).shown());
    let asks = list("openPermissions").into_iter().map(|ask| {
        let title = ask["title"].as_str().or(ask["id"].as_str());
        one_line(title.unwrap_or("?"), CHARS)
    });
    let shares = list("shares").into_iter().map(|share| {
        let part = |name: &str| one_line(share[name].as_str().unwrap_or("?"), CHARS);
        format!("{} may {}", part("to"), part("scope"))
    });
    let terminals = list("terminals").into_iter().map(|terminal| {
        let part = |name: &str| one_line(terminal[name].as_str().unwrap_or("?"), CHARS);
        let ended = if terminal["exit"].is_null() {
            ""
        } else {
            " (ended)"
        };
        format!("{} {}{ended}", part("terminalId"), part("title"))
    });
    let state = match all["busy"].as_bool() {
        Some(true) => "busy: a turn runs",
        _ => "idle",
    };
    let access = match all["access"].as_str() {
        Some("view") => " (shared with you: you may look)",
        Some("drive") => " (shared with you: you may take part)",
        _ => "",
    };
    let control = Control::of(all["control"].clone());
    let mut lines = vec![string("title")];
    let mut line = |name: &str, value: &str| lines.push(format!("  {name:<9} {value}"));
    line("session", &string("sessionId"));
    line("owner", &format!("{}{access}", string("owner")));
    line("harness", &string("harness"));
    line("folder", &string("cwd"));
    line("state", state);
    line("drives", &control.shown());
    let mut all_of = |name: &str, values: Vec<String>| {
        for (at, value) in values.iter().enumerate() {
            line(if at == 0 { name } else { "" }, value);
        }
    };
    all_of("here", people.collect());
    all_of("queue", queue.collect());
    all_of("asks", asks.collect());
    all_of("shared", shares.collect());
    all_of("terminals", terminals.collect());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_shown_and_nothing_acts_upon_the_terminal() {
        let text = text(&json!({
            "sessionId": "s-1", "title": "Fix\u{1b}[2J it", "owner": "alice", "access": "owner",
            "harness": "claude-code", "cwd": "/work", "busy": true,
            "control": {"mode": "lease", "you": false, "controlEpoch": 3,
                        "holder": {"client": "c", "principal": "bob", "name": "phone"}},
            "clients": [
                {"client": "c", "principal": "bob", "name": "phone", "drives": true},
                {"principal": "alice", "name": "zed", "drives": false},
            ],
            "queue": [{"by": {"principal": "bob", "name": "phone"}, "text": "then\nthis"}],
            "openPermissions": [{"id": "s-1/4", "title": "rm -r x"}, {"id": "s-1/5", "title": null}],
            "shares": [{"to": "carol", "scope": "view"}],
            "terminals": [{"terminalId": "t1", "title": "bash", "exit": null}],
        }));
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
        let text = text(&json!({"sessionId": "s"}));
        assert!(
            text.starts_with("-\n  session   s\n  owner     -\n"),
            "{text}"
        );
        assert!(text.ends_with("drives    everybody who may"), "{text}");
    }
}

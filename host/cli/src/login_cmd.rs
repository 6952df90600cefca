//! `hostler login`: somebody logs in to an agent of a host.

use std::fmt::Write as _;

use hostler_server::AgentsView;
use hostler_session::{Agent, AgentAuthMethod};
use hostler_wire::{Id, Message, RawValue, compose, methods};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::signal::ctrl_c;

use crate::{
    args,
    client::{
        answer::{RpcError, answer},
        connection::Connection,
        hidden,
        place::Place,
        text::{clean, one_line},
    },
    exit::{Exit, Failure, OrExit as _},
    plugin_cmd::print,
    serve::VERSION,
};

/// The way to log in that wants a key: as `_meta` has it, the same as with other
/// adapters.
const API_KEY: &str = "api-key";

/// Longest name, in characters.
const NAME: usize = 80;

/// Longest sentence, in characters.
const SENTENCE: usize = 400;

/// What has to be opened.
#[derive(Deserialize)]
struct Page {
    url: String,
    message: String,
}

pub(crate) async fn run(args: args::Login) -> Result<Exit, Failure> {
    let place = Place::of(&args.host)?;
    let view = agents(&place).await?;
    let Some(id) = &args.agent else {
        print(&listed(&view.agents));
        return Ok(Exit::Done);
    };
    let agent = view.agents.iter().find(|agent| agent.id == *id);
    let agent = agent.ok_or_else(|| {
        let known: Vec<_> = view.agents.iter().map(|agent| agent.id.as_str()).collect();
        usage(format!(
            "there is no agent {id:?}; this host has: {}",
            known.join(", ")
        ))
    })?;
    let method = chosen(agent, args.method.as_deref())?;
    let mut params = json!({"methodId": method.id});
    if method.id == API_KEY
        && let Some(params) = params.as_object_mut()
    {
        params.insert(
            "_meta".into(),
            json!({API_KEY: {"apiKey": key(agent, args.stdin)?}}),
        );
    } else if args.stdin {
        return Err(usage(format!("--stdin is for the method {API_KEY}")));
    }
    let mut connection = place.dial(Some(id)).await?;
    let done = log_in(&mut connection, &params).await;
    connection.close().await;
    if let Err(error) = done? {
        let message = format!("nobody was logged in to {}: {error}", agent.title);
        return Err(Failure::new(Exit::Refused, message));
    }
    let view = agents(&place).await?;
    let now = view.agents.iter().find(|agent| agent.id == *id);
    let now = now.unwrap_or(agent);
    let detail = one_line(now.detail.as_deref().unwrap_or_default(), SENTENCE);
    print(&format!("{}: {detail}", now.state));
    Ok(Exit::Done)
}

async fn agents(place: &Place) -> Result<AgentsView, Failure> {
    place
        .target()?
        .call(Method::GET, "/v1/agents?refresh=true", None)
        .await
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

/// Which ways there are to log in, or what else mends an agent.
fn listed(agents: &[Agent]) -> String {
    let mut out = String::new();
    for agent in agents {
        let name = one_line(&agent.title, NAME);
        let _ = writeln!(
            out,
            "{} ({name}): {}",
            one_line(&agent.id, NAME),
            agent.state
        );
        out.push_str(&ways(agent));
    }
    out
}

fn ways(agent: &Agent) -> String {
    let mut out = String::new();
    for method in &agent.auth_methods {
        let (agent, id) = (one_line(&agent.id, NAME), one_line(&method.id, NAME));
        let text = one_line(&method.description, SENTENCE);
        let _ = writeln!(out, "  hostler login {agent} {id}\n      {text}");
    }
    if agent.auth_methods.is_empty() {
        let _ = writeln!(out, "  {}", otherwise(agent));
    }
    out
}

/// What to do about one that no client can log in to.
fn otherwise(agent: &Agent) -> String {
    match (agent.ready, agent.fix.as_deref(), agent.state.as_str()) {
        (true, ..) if agent.local => {
            "nothing to do; its own program, on the host, logs in to another account".to_owned()
        }
        (true, ..) => "nothing to do; its key is a secret of the host: `hostler secret set NAME` \
                       with the name that its configuration has"
            .to_owned(),
        (false, Some(fix), _) => format!("on the host: {}", one_line(fix, SENTENCE)),
        (false, None, "loading" | "checking") => {
            "it is being looked for: ask again in a moment".to_owned()
        }
        (false, None, _) => {
            let detail = agent.detail.as_deref().unwrap_or("it cannot be used");
            let detail = one_line(detail, SENTENCE);
            format!("a login would not help: {detail}; `hostler doctor` says more")
        }
    }
}

fn chosen<'a>(agent: &'a Agent, wanted: Option<&str>) -> Result<&'a AgentAuthMethod, Failure> {
    let methods = &agent.auth_methods;
    let found = match (wanted, methods.as_slice()) {
        (Some(wanted), _) => methods.iter().find(|method| method.id == wanted),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    found.ok_or_else(|| {
        let ways = ways(agent);
        usage(match wanted {
            Some(wanted) => format!(
                "there is no way {wanted:?} to log in to {}:\n{ways}",
                agent.id
            ),
            None => format!("say how to log in to {}:\n{ways}", agent.id),
        })
    })
}

/// Never an argument, and never kept by the host: the agent keeps it.
fn key(agent: &Agent, stdin: bool) -> Result<String, Failure> {
    let value = hidden::read(
        &format!("API key for {}", one_line(&agent.title, NAME)),
        stdin,
    )?;
    let key = String::from_utf8(value).map_err(|_| usage("the key is no text".into()))?;
    let key = key.trim();
    if key.is_empty() {
        return Err(usage("the key is empty".into()));
    }
    Ok(key.to_owned())
}

async fn log_in(
    connection: &mut Connection,
    params: &Value,
) -> Result<Result<String, RpcError>, Failure> {
    let hello = json!({
        "protocolVersion": 1,
        "clientInfo": {"name": "hostler-login", "version": VERSION},
        "clientCapabilities": {"elicitation": {"url": {}}},
    });
    let told = connection
        .call(&Id::number(1), methods::INITIALIZE, &hello)
        .await?;
    if let Err(error) = told {
        return Ok(Err(error));
    }
    let id = Id::number(2);
    let request = compose::request(&id, methods::AUTHENTICATE, &params.to_string());
    connection.send(request).await?;
    let mut leaving = false;
    loop {
        let text = tokio::select! {
            text = connection.receive() => text?,
            pressed = ctrl_c(), if !leaving => {
                pressed.or_exit(Exit::Failed)?;
                leaving = true;
                connection.send(compose::cancel_request(&id)).await?;
                continue;
            }
        };
        match Message::parse(&text) {
            Ok(Message::Response {
                id: answered,
                outcome,
            }) if answered == id => {
                return answer(outcome);
            }
            Ok(Message::Request { id, method, params }) => {
                let outcome = if method == methods::ELICITATION_CREATE {
                    shown(params)
                } else {
                    None
                };
                let answer = outcome.map_or_else(
                    || json!({"action": "decline"}),
                    |()| json!({"action": "accept"}),
                );
                let answer = compose::response(&id, &answer.to_string());
                connection.send(answer).await?;
            }
            _ => {}
        }
    }
}

/// Says what has to be opened, on standard error: the result is what the agent is
/// afterwards.
fn shown(params: Option<&RawValue>) -> Option<()> {
    let page: Page = serde_json::from_str(params?.get()).ok()?;
    eprintln!("{}\n\n  {}\n", clean(&page.message), clean(&page.url));
    eprintln!("Waiting for it; Ctrl-C gives up.");
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(methods: &[&str], fix: Option<&str>) -> Agent {
        let methods: Vec<_> = methods
            .iter()
            .map(|id| json!({"id": id, "name": id, "description": "By\u{1b} it"}))
            .collect();
        serde_json::from_value(json!({
            "id": "codex", "title": "Codex", "local": true, "ready": false,
            "state": "not-logged-in", "fix": fix, "tiers": [], "modes": [],
            "authMethods": methods,
        }))
        .unwrap()
    }

    #[test]
    fn the_only_way_needs_no_name_and_of_several_one_must_be_said() {
        let one = agent(&["api-key"], None);
        assert_eq!(chosen(&one, None).unwrap().id, "api-key");
        let two = agent(&["api-key", "chatgpt"], None);
        assert_eq!(chosen(&two, Some("chatgpt")).unwrap().id, "chatgpt");
        for wanted in [None, Some("face")] {
            let failure = chosen(&two, wanted).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            let message = failure.error.to_string();
            assert!(message.contains("hostler login codex chatgpt"), "{message}");
            assert!(!message.contains('\u{1b}'), "{message}");
        }
    }

    #[test]
    fn where_no_client_can_log_in_it_is_said_what_can() {
        let text = listed(&[agent(&[], Some("claude auth login"))]);
        assert!(text.contains("on the host: claude auth login"), "{text}");
        assert!(chosen(&agent(&[], Some("x")), None).is_err());
        let text = ways(&agent(&[], Some("hostler secret set decopilot")));
        assert!(
            text.contains("on the host: hostler secret set decopilot"),
            "{text}"
        );
    }

    #[test]
    fn what_is_ready_broken_or_loading_says_so_and_a_service_has_no_program() {
        let at = |ready, local, state: &str, detail: Option<&str>| {
            let agent = Agent {
                ready,
                local,
                state: state.into(),
                detail: detail.map(str::to_owned),
                ..agent(&[], None)
            };
            ways(&agent)
        };
        let service = at(true, false, "ready", None);
        assert!(service.contains("`hostler secret set NAME`"), "{service}");
        assert!(!service.contains("program"), "{service}");
        let program = at(true, true, "ready", None);
        assert!(program.contains("its own program"), "{program}");
        let loading = at(false, true, "loading", None);
        assert!(loading.contains("in a moment"), "{loading}");
        let broken = at(false, true, "broken", Some("it\u{1b} crashed"));
        assert!(broken.contains("crashed; `hostler doctor`"), "{broken}");
        assert!(!broken.contains('\u{1b}'), "{broken}");
    }
}

//! Somebody logs in to an agent: `authenticate`, and what a person has to open
//! for it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use agent_client_protocol_schema::v1::{AuthMethod, AuthMethodAgent};
use hostler_auth::{Principal, Scope};
use hostler_session::{Agent, BoxFuture, Failure, Guide, Login, Outlet};
use hostler_store::AuditRecord;
use hostler_wire::{Fault, Id, RawValue, codes, compose, methods};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Connection,
    params::{self, bad},
    request::Request,
};

/// The longest address that a person is shown: those of OAuth have some hundred
/// characters.
const ADDRESS: usize = 8 * 1024;

/// How long the answer to `initialize` may wait for the first look at an agent,
/// after the host's own start. A look takes about half of that.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// Begins the ids of the host's questions to a client that belong to no session.
/// Not like the id of a question in a session (`SESSION/NUMBER`), which goes to
/// that session's stream.
const ID: &str = "hostler-login-";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    method_id: String,
    #[serde(rename = "_meta")]
    meta: Option<Map<String, Value>>,
}

/// `_meta.hostler`.
#[derive(Default, Deserialize)]
struct Wish {
    /// Another agent than the connection's.
    harness: Option<String>,
}

/// What the client was asked to show and has not answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown(Arc<Mutex<HashMap<Id, Waiting>>>);

type Waiting = oneshot::Sender<Result<String, Failure>>;

impl Shown {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer of the client. `false`: to something else.
    pub(super) fn answered(&self, id: &Id, outcome: Result<&RawValue, &RawValue>) -> bool {
        let Some(waiting) = self.lock().remove(id) else {
            return false;
        };
        let outcome = match outcome {
            Ok(result) => Ok(result.get().to_owned()),
            Err(error) => Err(failure(&format!("the client refused: {}", error.get()))),
        };
        // It may have given up meanwhile.
        let _ = waiting.send(outcome);
        true
    }
}

impl Connection {
    /// How the client can log in to the connection's agent. Who may not is offered
    /// nothing.
    pub(super) async fn auth_methods(&self) -> Vec<AuthMethod> {
        if self.may(Scope::Shell).is_err() {
            return Vec::new();
        }
        let agent = self.shared.config.agents.get(&self.harness);
        let methods = agent.into_iter().flat_map(|agent| agent.auth_methods);
        methods
            .map(|method| {
                let text = Some(method.description).filter(|text| !text.is_empty());
                AuthMethod::Agent(AuthMethodAgent::new(method.id, method.name).description(text))
            })
            .collect()
    }

    /// Waits until something is known of the connection's agent, for a moment: ACP
    /// tells a client once of ways to log in, and of what prompts may hold.
    pub(super) async fn first_look(&self) {
        let agents = &self.shared.config.agents;
        let mut changes = agents.changes();
        let looked = async {
            while agents
                .get(&self.harness)
                .is_some_and(|agent| !is_known(&agent))
            {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(FIRST_LOOK, looked).await;
    }

    /// Nothing else of the connection waits for it.
    pub(super) fn authenticate(&self, request: Request, params: Option<&RawValue>) {
        let login = match self.read_login(params) {
            Ok(login) => login,
            Err(fault) => return request.fault(&fault),
        };
        let guide = Arc::new(Asking {
            outbox: self.outbox.clone(),
            shown: self.shown.clone(),
            request: request.id().clone(),
            able: self.peer.get().is_some_and(|peer| peer.opens_addresses),
            opened: Mutex::default(),
        });
        let cancelled = request.ends_with();
        let shared = self.shared.clone();
        let by = self.identity.principal.clone();
        tokio::spawn(async move {
            let harness = login.harness.clone();
            let method = login.method.clone();
            let logged_in = tokio::select! {
                () = cancelled.cancelled() => {
                    Err(Fault::new(codes::CANCELLED, "the login was cancelled"))
                }
                done = shared.config.router.log_in(login, guide.clone()) => {
                    done.map_err(Fault::from)
                }
            };
            guide.done();
            let agents = &shared.config.agents;
            // Of one that loads when it begins it is not known yet what it offers.
            let before = agents.get(&harness);
            // Also one that failed may have changed something.
            agents.look_again(&harness).await;
            let known = [before, agents.get(&harness)];
            if let Some(record) = record(&by, &harness, &method, &logged_in, &known) {
                shared.config.access.audit().add(record);
            }
            request.answer(logged_in);
        });
    }

    fn read_login(&self, params: Option<&RawValue>) -> Result<Login, Fault> {
        let mut asked: Asked = params::read(params)?;
        let wish = asked.meta.as_mut().and_then(|meta| meta.remove("hostler"));
        let wish = wish.map_or_else(|| Ok(Wish::default()), Wish::deserialize);
        let wish = wish.map_err(|error| bad(&format!("`_meta.hostler` does not fit: {error}")))?;
        let harness = wish.harness.unwrap_or_else(|| self.harness.clone());
        if let Some(agent) = self.shared.config.agents.get(&harness) {
            check(&agent, &asked.method_id)?;
        }
        let roots = self.shared.config.roots.paths();
        let folder = roots.first().cloned();
        Ok(Login {
            harness,
            folder: folder.ok_or_else(|| bad("this host has no workspace root"))?,
            method: asked.method_id,
            meta: asked.meta.filter(|meta| !meta.is_empty()),
        })
    }
}

fn is_known(agent: &Agent) -> bool {
    !matches!(agent.state.as_str(), "loading" | "checking")
}

/// One of which nothing is known yet may have any.
fn check(agent: &Agent, method: &str) -> Result<(), Fault> {
    if !is_known(agent) || agent.auth_methods.iter().any(|known| known.id == method) {
        return Ok(());
    }
    if agent.auth_methods.is_empty() {
        let fix = agent.fix.as_deref();
        let fix = fix.map(|fix| format!("; on the host: {fix}"));
        return Err(bad(&format!(
            "{} ({}) has no authentication methods that a client can use{}",
            agent.title,
            agent.state,
            fix.unwrap_or_default()
        )));
    }
    let known: Vec<_> = agent.auth_methods.iter().map(|it| it.id.as_str()).collect();
    Err(bad(&format!(
        "{} has no authentication method {method:?}; there are: {}",
        agent.title,
        known.join(", ")
    )))
}

/// What is kept of a login: nothing that a client has made up, which could be a
/// secret that stands in a wrong place.
fn record(
    by: &Principal,
    harness: &str,
    method: &str,
    outcome: &Result<String, Fault>,
    known: &[Option<Agent>],
) -> Option<AuditRecord> {
    let mut known = known.iter().flatten().peekable();
    known.peek()?;
    let mut offered = known.flat_map(|agent| &agent.auth_methods);
    let method = offered.find(|offered| offered.id == method);
    let outcome = outcome.as_ref().map_or_else(|fault| fault.name, |_| "done");
    let detail = json!({ "method": method.map(|it| it.id.as_str()), "outcome": outcome });
    let by = by.as_str();
    Some(AuditRecord::now(
        by,
        "agent.login",
        harness,
        detail.to_string(),
    ))
}

/// Has the client show a person what there is to open.
#[derive(Debug)]
struct Asking {
    outbox: Arc<dyn Outlet>,
    shown: Shown,
    /// The client's own id of `authenticate`.
    request: Id,
    /// It can.
    able: bool,
    /// The questions that were sent, and the ids of the elicitations in them.
    opened: Mutex<Vec<(Id, Value)>>,
}

impl Asking {
    fn lock(&self) -> MutexGuard<'_, Vec<(Id, Value)>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, params: &str) -> Result<oneshot::Receiver<Result<String, Failure>>, Failure> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if !self.able {
            return Err(failure(
                "this client cannot show the address that has to be opened (it does not announce \
                 `elicitation.url`): use `hostler login`",
            ));
        }
        let mut asked = address(params).map_err(|why| failure(&why))?;
        let elicitation = asked.get("elicitationId").cloned().unwrap_or_default();
        let request = serde_json::from_str(self.request.as_json()).unwrap_or_default();
        asked.insert("requestId".to_owned(), request);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = Id::string(&format!("{ID}{number}"));
        let (answer, waiting) = oneshot::channel();
        self.shown.lock().insert(id.clone(), answer);
        self.lock().push((id.clone(), elicitation));
        let asked = Value::Object(asked).to_string();
        let frame = compose::request(&id, methods::ELICITATION_CREATE, &asked);
        if self.outbox.send(frame.into()) {
            Ok(waiting)
        } else {
            Err(failure("the client is gone"))
        }
    }

    /// The login has ended: nothing is to be opened any more.
    fn done(&self) {
        for (id, elicitation) in self.lock().drain(..) {
            let unanswered = self.shown.lock().remove(&id).is_some();
            let frame = if unanswered {
                compose::cancel_request(&id)
            } else {
                let done = json!({ "elicitationId": elicitation }).to_string();
                compose::notification(methods::ELICITATION_COMPLETE, &done)
            };
            self.outbox.send(frame.into());
        }
    }
}

impl Guide for Asking {
    fn show(&self, params: String) -> BoxFuture<'static, Result<String, Failure>> {
        let asked = self.ask(&params);
        Box::pin(async move {
            let gone = |_| Err(failure("the client is gone"));
            asked?.await.unwrap_or_else(gone)
        })
    }
}

/// What the plugin wants opened: an address of the web, and nothing else.
fn address(params: &str) -> Result<Map<String, Value>, String> {
    let asked: Map<String, Value> =
        serde_json::from_str(params).map_err(|error| format!("`params` do not fit: {error}"))?;
    let text = |name| asked.get(name).and_then(Value::as_str);
    if text("mode") != Some("url") {
        return Err("while somebody logs in only elicitations of the mode `url` are shown".into());
    }
    let fits = |url: &str| {
        url.len() <= ADDRESS
            && (url.starts_with("https://") || url.starts_with("http://"))
            && !url.contains(char::is_control)
    };
    if !text("url").is_some_and(fits) {
        return Err("`url` must be an address of http or https".into());
    }
    if text("elicitationId").is_none() || text("message").is_none() {
        return Err("`elicitationId` and `message` must be texts".into());
    }
    let known = ["mode", "url", "elicitationId", "message", "_meta"];
    let known = |(name, _): &(String, Value)| known.contains(&name.as_str());
    Ok(asked.into_iter().filter(known).collect())
}

fn failure(message: &str) -> Failure {
    Failure {
        code: codes::NUMBER_INTERNAL,
        message: message.to_owned(),
        data: None,
    }
}

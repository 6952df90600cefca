//! What a client is told when something did not work, in the shape that
//! agent-device's client reads: a code that it knows, our stable reason in
//! `details`, and what to do.

use axum::http::StatusCode;
use hostler_device::{Refusal, query::QueryError};
use hostler_lease::{Busy, Condition, Refused};
use hostler_provider::{DeviceError, PolicyError};
use serde_json::{Map, Value, json};

/// Why a request was not answered.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Of HTTP. The client goes by what is in the body.
    pub(crate) status: StatusCode,
    /// Of JSON-RPC.
    rpc: i32,
    /// One of the codes that the client knows.
    code: &'static str,
    /// Stable; the same everywhere in this host.
    reason: &'static str,
    message: String,
    hint: Option<String>,
    retriable: bool,
    /// Boxed: a fault is returned everywhere, and is small without them.
    details: Box<Map<String, Value>>,
}

/// Errors of the command itself, as JSON-RPC counts them.
const COMMAND: i32 = -32000;

impl Fault {
    pub(crate) fn new(
        code: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status: status_of(code),
            rpc: COMMAND,
            code,
            reason,
            message: message.into(),
            hint: None,
            retriable: false,
            details: Box::default(),
        }
    }

    /// The arguments of a command cannot be.
    pub(crate) fn args(message: impl Into<String>) -> Self {
        Self::new("INVALID_ARGS", "INVALID_ARGS", message)
    }

    /// The body is no JSON.
    pub(crate) fn parse(why: String) -> Self {
        let message = format!("the body is no JSON: {why}");
        Self {
            rpc: -32700,
            ..Self::new("INVALID_ARGS", "BAD_JSON", message)
        }
    }

    /// The body is no request.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self {
            rpc: -32600,
            ..Self::new("INVALID_ARGS", "BAD_REQUEST", message)
        }
    }

    /// There is no such method.
    pub(crate) fn method(name: &str) -> Self {
        let shown: String = name.chars().take(80).collect();
        let message = format!(
            "there is no method {shown:?}; there are agent_device.command and \
             agent_device.lease.allocate, .heartbeat and .release"
        );
        Self {
            rpc: -32601,
            ..Self::new("NOT_IMPLEMENTED", "UNKNOWN_METHOD", message)
        }
    }

    /// No token that counts.
    pub(crate) fn token(message: &str) -> Self {
        Self {
            rpc: -32001,
            ..Self::new("UNAUTHORIZED", "UNAUTHENTICATED", message)
        }
        .hint("Set AGENT_DEVICE_DAEMON_AUTH_TOKEN to a token of this host.")
    }

    /// The device, or this host, does not do that.
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::new("UNSUPPORTED_OPERATION", "UNSUPPORTED", what)
            .hint("`agent-device capabilities` shows what this device does.")
    }

    /// The session has no device.
    pub(crate) fn no_session(session: &str) -> Self {
        let shown: String = session.chars().take(80).collect();
        let message = format!("the session {shown:?} has no device");
        Self::new("SESSION_NOT_FOUND", "SESSION_NOT_FOUND", message)
            .hint("Run `agent-device open` first.")
    }

    /// Something in the host itself; the log has more.
    pub(crate) fn internal(what: &str, error: &dyn std::error::Error) -> Self {
        tracing::error!("{what}: {error}");
        let message = format!("{what}; the host's log says why");
        Self::new("COMMAND_FAILED", "INTERNAL", message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the element that was looked for was not there.
    pub(crate) fn is_no_match(&self) -> bool {
        self.reason == "ELEMENT_NOT_FOUND"
    }

    /// What stands in `data` of an error of JSON-RPC.
    fn data(&self, record: Option<(&str, &str)>) -> Value {
        let mut details = Map::clone(&self.details);
        details.insert("reason".into(), self.reason.into());
        let mut data = json!({
            "code": self.code, "message": self.message, "retriable": self.retriable,
        });
        if let Some(map) = data.as_object_mut() {
            if let Some(hint) = &self.hint {
                details.insert("hint".into(), hint.clone().into());
                map.insert("hint".into(), hint.clone().into());
            }
            if let Some((session, request)) = record {
                let record = json!({ "session": session, "requestId": request });
                map.insert("diagnosticsRecord".into(), record);
            }
            map.insert("details".into(), details.into());
        }
        data
    }

    /// An answer of JSON-RPC. With `record` the client may fetch diagnostics.
    pub(crate) fn answer(&self, id: &Value, record: Option<(&str, &str)>) -> Value {
        let error = json!({
            "code": self.rpc, "message": self.message, "data": self.data(record),
        });
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }

    /// An answer outside JSON-RPC.
    pub(crate) fn plain(&self) -> Value {
        json!({
            "ok": false, "error": self.message, "code": self.code,
            "reason": self.reason, "hint": self.hint,
        })
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let reason = refusal.code();
        let mut fault = Self::new(code_of(&refusal), reason, refusal.to_string());
        fault.retriable = refusal.retriable();
        if let Some(hint) = hint_of(&refusal) {
            fault.hint = Some(hint.to_owned());
        }
        if let Refusal::Lease(refused) = &refusal {
            match refused {
                Refused::Busy(busy) => busy_details(&mut fault.details, busy),
                Refused::QueueFull { .. } => fault.status = StatusCode::CONFLICT,
                Refused::LeaseUnknown | Refused::LeaseEnded(_) | Refused::NotYet => {
                    fault.status = StatusCode::UNAUTHORIZED;
                }
                _ => {}
            }
        }
        fault
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Refusal::from(error).into()
    }
}

/// What the client calls it.
fn code_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Lease(refused) => match refused {
            Refused::Busy(_) | Refused::QueueFull { .. } | Refused::NoReaders { .. } => {
                "DEVICE_IN_USE"
            }
            Refused::UnknownDevice(_) | Refused::UnknownPool(_) | Refused::NobodyHolds(_) => {
                "DEVICE_NOT_FOUND"
            }
            Refused::Ambiguous { .. } => "AMBIGUOUS_MATCH",
            Refused::LeaseUnknown
            | Refused::LeaseEnded(_)
            | Refused::NotYet
            | Refused::SessionHasOne { .. }
            | Refused::NotYourSession(_) => "UNAUTHORIZED",
            Refused::ReaderNeedsOneDevice | Refused::CommandTooLong => "INVALID_ARGS",
            _ => "COMMAND_FAILED",
        },
        Refusal::Device(error) => match error {
            DeviceError::Unsupported(_) => "UNSUPPORTED_OPERATION",
            DeviceError::Invalid(_) => "INVALID_ARGS",
            DeviceError::Lost(_) => "DEVICE_NOT_FOUND",
            DeviceError::Fenced => "UNAUTHORIZED",
            _ => "COMMAND_FAILED",
        },
        Refusal::Query(error) => match error {
            QueryError::Malformed { .. } => "INVALID_ARGS",
            QueryError::Several { .. } => "AMBIGUOUS_MATCH",
            _ => "COMMAND_FAILED",
        },
        Refusal::Policy(PolicyError::Denied(_)) | Refusal::ReaderOnly(_) | Refusal::AdminOnly => {
            "UNAUTHORIZED"
        }
        Refusal::Terms(_)
        | Refusal::Label(_)
        | Refusal::LeaseId(_)
        | Refusal::Selector(_)
        | Refusal::UnknownPolicy { .. } => "INVALID_ARGS",
        Refusal::NoDevice(_) | Refusal::WrongPlatform { .. } | Refusal::NoProvider { .. } => {
            "DEVICE_NOT_FOUND"
        }
        _ => "COMMAND_FAILED",
    }
}

fn hint_of(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::Lease(Refused::Busy(_) | Refused::QueueFull { .. }) => {
            "Retry after the lease expires, open another device, or ask the holder to run \
             `agent-device close`. `agent-device devices` shows what is free."
        }
        Refusal::Lease(Refused::UnknownDevice(_) | Refused::Ambiguous { .. }) => {
            "`agent-device devices` lists the devices with their ids."
        }
        Refusal::Lease(Refused::LeaseUnknown | Refused::LeaseEnded(_)) => {
            "Run `agent-device open` to lease the device again."
        }
        Refusal::Device(DeviceError::StaleRef(_)) | Refusal::Query(QueryError::NoSnapshot(_)) => {
            "Run `agent-device snapshot -i` and use a ref from there."
        }
        Refusal::Query(QueryError::NoMatch(_)) => {
            "Run `agent-device snapshot -i` to see the elements; `find` also matches parts of texts."
        }
        Refusal::Query(QueryError::Several { .. }) => {
            "Add terms (role=button label=\"Sign in\"), or use an @ref."
        }
        Refusal::Device(DeviceError::AlertOpen(_)) => {
            "Run `agent-device alert accept` or `agent-device alert dismiss`."
        }
        Refusal::Device(DeviceError::Unsupported(_)) => {
            "`agent-device capabilities` shows what this device does."
        }
        _ => return None,
    })
}

/// Who is in the way and for how long, as far as the caller may know.
fn busy_details(details: &mut Map<String, Value>, busy: &Busy) {
    details.insert("waiting".into(), busy.waiting.into());
    let Some(device) = &busy.device else { return };
    let condition = match device.condition {
        Condition::Free => "free",
        Condition::HandingOver => "handing-over",
        Condition::Held => "held",
        Condition::TearingDown => "tearing-down",
        Condition::Absent => "absent",
    };
    details.insert("deviceKey".into(), device.key.as_str().into());
    details.insert("condition".into(), condition.into());
    if let Some(holder) = &device.holder {
        let holder = json!({
            "principal": holder.principal.as_str(), "session": holder.session.as_str(),
            "client": holder.client.as_ref().map(|client| client.as_str()),
        });
        details.insert("holder".into(), holder);
    }
    if let Some(left) = device.ends_in {
        let at = crate::clock::unix_ms() + left.as_millis() as u64;
        details.insert("expiresAt".into(), at.into());
    }
    if let Some(idle) = device.idle_for {
        details.insert("idleMs".into(), (idle.as_millis() as u64).into());
    }
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "INVALID_ARGS" | "AMBIGUOUS_MATCH" => StatusCode::BAD_REQUEST,
        "UNAUTHORIZED" => StatusCode::UNAUTHORIZED,
        "DEVICE_NOT_FOUND" | "SESSION_NOT_FOUND" | "APP_NOT_INSTALLED" => StatusCode::NOT_FOUND,
        "DEVICE_IN_USE" => StatusCode::CONFLICT,
        "UNSUPPORTED_OPERATION" | "NOT_IMPLEMENTED" => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

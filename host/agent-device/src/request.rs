//! What a client sends to `POST /rpc`, read into values. Nothing is looked up
//! here, and nothing is trusted.

use serde_json::{Map, Value};

use crate::{caller::label, fault::Fault};

/// Requests of a method have at most so many positional arguments; the longest
/// that the CLI sends has 8.
const MAX_POSITIONALS: usize = 64;

/// The longest name of a command that is looked at: names are kept and logged,
/// and the longest known one has 17 bytes.
const MAX_NAME: usize = 64;

/// A JSON object with members of known kinds. A member of another kind is an
/// error, and `null` is as if it were not there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object, or nothing at all.
    pub(crate) fn of(name: &str, value: Option<Value>) -> Result<Self, Fault> {
        match value {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::Object(map)) => Ok(Self(map)),
            Some(_) => Err(Fault::args(format!("`{name}` must be a JSON object"))),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(Fault::args(format!("`{name}` must be a string"))),
        }
    }

    /// Whether it is `true`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// A number that is one.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Fault> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let number = value.as_f64().filter(|number| number.is_finite());
        let message = || Fault::args(format!("`{name}` must be a number"));
        number.map(Some).ok_or_else(message)
    }

    /// A whole number, not negative.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(number) = self.number(name)? else {
            return Ok(None);
        };
        if number < 0.0 || number.fract() != 0.0 || number > 9e15 {
            return Err(Fault::args(format!(
                "`{name}` must be a whole number from 0 on"
            )));
        }
        Ok(Some(number as u64))
    }

    /// An object in it.
    pub(crate) fn object(&self, name: &str) -> Result<Fields, Fault> {
        Fields::of(name, self.get(name).cloned())
    }

    /// A list in it.
    pub(crate) fn list(&self, name: &str) -> Result<&[Value], Fault> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Fault::args(format!("`{name}` must be a list"))),
        }
    }
}

/// A body that is no request, and the id to answer it under.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) id: Value,
    pub(crate) fault: Box<Fault>,
}

impl Unread {
    fn new(id: Value, fault: Fault) -> Self {
        let fault = Box::new(fault);
        Self { id, fault }
    }
}

/// One message of JSON-RPC.
#[derive(Debug)]
pub(crate) struct Rpc {
    /// As it came: a string, a number or `null`.
    pub(crate) id: Value,
    /// What is asked.
    pub(crate) method: String,
    /// With what.
    pub(crate) params: Fields,
}

impl Rpc {
    /// Reads a body.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Unread> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| Unread::new(Value::Null, Fault::parse(error.to_string())))?;
        let Value::Object(mut map) = value else {
            let message = "the body must be one JSON-RPC request, an object";
            return Err(Unread::new(Value::Null, Fault::request(message)));
        };
        let id = match map.remove("id") {
            Some(id @ (Value::String(_) | Value::Number(_))) => id,
            _ => Value::Null,
        };
        let Some(Value::String(method)) = map.remove("method") else {
            let message = "`method` is missing; it is for example `agent_device.command`";
            return Err(Unread::new(id, Fault::request(message)));
        };
        match Fields::of("params", map.remove("params")) {
            Ok(params) => Ok(Self { id, method, params }),
            Err(fault) => Err(Unread::new(id, fault)),
        }
    }
}

/// What a client says of itself and of its lease. None of it is authority but
/// the lease id, and that only together with the token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) tenant: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) backend: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) device_key: Option<String>,
    pub(crate) lease_id: Option<String>,
    pub(crate) ttl_ms: Option<u64>,
}

impl Claims {
    /// Of a lease call, whose members stand in `params`.
    pub(crate) fn of_lease_call(params: &Fields) -> Result<Self, Fault> {
        Self::read(params, "backend", "ttlMs")
    }

    /// Of a command, whose members stand in `meta`.
    pub(crate) fn of_command(meta: &Fields) -> Result<Self, Fault> {
        Self::read(meta, "leaseBackend", "leaseTtlMs")
    }

    fn read(fields: &Fields, backend: &str, ttl: &str) -> Result<Self, Fault> {
        let text = |name| Ok::<_, Fault>(fields.text(name)?.map(str::to_owned));
        Ok(Self {
            tenant: text("tenantId")?,
            run: text("runId")?,
            client: text("clientId")?,
            backend: text(backend)?,
            provider: text("leaseProvider")?,
            device_key: text("deviceKey")?,
            lease_id: text("leaseId")?,
            ttl_ms: fields.whole(ttl)?,
        })
    }
}

/// One command.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// The name of the client's session.
    pub(crate) session: String,
    /// Which.
    pub(crate) name: String,
    /// What stands behind it.
    pub(crate) positionals: Vec<String>,
    /// Its options.
    pub(crate) flags: Fields,
    /// The arguments of those commands that have them structured.
    pub(crate) input: Fields,
    /// About the request.
    pub(crate) meta: Fields,
    /// Who asks, in the client's words.
    pub(crate) claims: Claims,
}

/// The session of a client that names none.
pub(crate) const DEFAULT_SESSION: &str = "default";

impl Command {
    /// Of the parameters of `agent_device.command`.
    pub(crate) fn read(params: &Fields) -> Result<Self, Fault> {
        let name = params.text("command")?;
        let name = named(name.ok_or_else(|| Fault::args("`command` is missing"))?)?;
        let session = params.text("session")?.unwrap_or(DEFAULT_SESSION);
        let meta = params.object("meta")?;
        Ok(Self {
            session: label(session)?.as_str().to_owned(),
            name,
            positionals: positionals(params.list("positionals")?)?,
            flags: params.object("flags")?,
            input: params.object("input")?,
            claims: Claims::of_command(&meta)?,
            meta,
        })
    }

    /// A step of this one, a `batch`: the same session and the same claims.
    pub(crate) fn step(&self, step: &Value) -> Result<Self, Fault> {
        let fields = Fields::of("a step of the batch", Some(step.clone()))?;
        let name = fields.text("command")?;
        let missing = || Fault::args("a step of the batch has no `command`");
        Ok(Self {
            session: self.session.clone(),
            name: named(name.ok_or_else(missing)?)?,
            positionals: positionals(fields.list("positionals")?)?,
            flags: fields.object("flags")?,
            input: fields.object("input")?,
            meta: self.meta.clone(),
            claims: self.claims.clone(),
        })
    }

    /// The argument at that place.
    pub(crate) fn at(&self, place: usize) -> Option<&str> {
        self.positionals.get(place).map(String::as_str)
    }

    /// The client's name of this request, where it has one.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.meta.text("requestId").ok().flatten()
    }

    /// Whether the client reads progress while it waits.
    pub(crate) fn wants_progress(&self) -> bool {
        matches!(
            self.meta.text("requestProgress"),
            Ok(Some("command" | "replay-test"))
        )
    }
}

/// The name of a command, known or not.
fn named(name: &str) -> Result<String, Fault> {
    if name.len() > MAX_NAME {
        let message = format!("the name of a command has at most {MAX_NAME} bytes");
        return Err(Fault::args(message));
    }
    Ok(name.to_owned())
}

fn positionals(items: &[Value]) -> Result<Vec<String>, Fault> {
    if items.len() > MAX_POSITIONALS {
        let message = format!("a command has at most {MAX_POSITIONALS} positional arguments");
        return Err(Fault::args(message));
    }
    let text = |item: &Value| match item {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Fault::args("`positionals` must be a list of strings")),
    };
    items.iter().map(text).collect()
}

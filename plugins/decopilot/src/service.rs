//! The service: where it is, and the requests that it takes.

use std::time::Duration;

use hostler_sdk::{
    Error, Result, config,
    exchange::{Framing, Request},
    http,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::settings::MODES;

/// How long it may take to answer a request: a cold cluster needs some seconds.
const HEAD: Duration = Duration::from_secs(30);

/// How long the stream may be silent before it is opened again: the service says
/// something every 10 to 30 seconds.
const SILENCE: Duration = Duration::from_secs(90);

/// How long the probe waits.
const PROBE: Duration = Duration::from_secs(10);

/// `[plugins.decopilot.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where the service is, such as `https://studio.example`.
    base_url: String,
    /// The organization, as it stands in the service's addresses.
    org: String,
    /// The agent: the id of a virtual MCP of the organization.
    agent: String,
    /// The name of the secret that holds the API key.
    secret: String,
    /// The tier of sessions that have chosen none.
    pub tier: String,
    /// Their mode.
    pub mode: String,
    /// How freely the model chooses its words; none is the service's own.
    pub temperature: Option<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            org: String::new(),
            agent: String::new(),
            secret: "decopilot".into(),
            tier: "smart".into(),
            mode: "readonly".into(),
            temperature: None,
        }
    }
}

/// What is not configured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unset(pub &'static str);

/// One agent of one organization.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub base: String,
    pub org: String,
    pub agent: String,
    pub secret: String,
}

impl Config {
    /// # Errors
    /// `Invalid` for a key or a value that makes no sense, with what does.
    pub(crate) fn read() -> Result<Self> {
        let config: Self = config::get()?;
        let invalid = |what: &str, value: &str, known: Vec<&str>| {
            let known = known.join(", ");
            Err(Error::Invalid(format!(
                "[plugins.decopilot.config]: there is no {what} \"{value}\"; there are {known}"
            )))
        };
        if !crate::settings::TIERS
            .iter()
            .any(|tier| tier.id == config.tier)
        {
            let known = crate::settings::TIERS.iter().map(|tier| tier.id);
            return invalid("tier", &config.tier, known.collect());
        }
        if !MODES.iter().any(|mode| mode.id == config.mode) {
            let known = MODES.iter().map(|mode| mode.id);
            return invalid("mode", &config.mode, known.collect());
        }
        let base = &config.base_url;
        let is_url = base.starts_with("https://") || base.starts_with("http://");
        if !base.is_empty() && !is_url {
            return Err(Error::Invalid(format!(
                "[plugins.decopilot.config]: base_url \"{base}\" does not begin with https://"
            )));
        }
        Ok(config)
    }

    /// # Errors
    /// The first key that is missing.
    pub(crate) fn service(&self) -> Result<Service, Unset> {
        let set = |name: &'static str, value: &str| match value {
            "" => Err(Unset(name)),
            value => Ok(value.to_owned()),
        };
        Ok(Service {
            base: set("base_url", self.base_url.trim_end_matches('/'))?,
            org: set("org", &self.org)?,
            agent: set("agent", &self.agent)?,
            secret: set("secret", &self.secret)?,
        })
    }
}

impl Service {
    /// Below `/api/ORG/`.
    fn url(&self, path: &str) -> String {
        format!("{}/api/{}/{path}", self.base, segment(&self.org))
    }

    /// The value is a handle: the host fills the key in.
    fn key(&self) -> String {
        format!("Bearer {{{{secret:{}}}}}", self.secret)
    }

    fn request(&self, method: &str, path: &str) -> Request {
        Request::new(method, self.url(path))
            .header("authorization", self.key())
            .head_timeout(HEAD)
    }

    /// Which models this key may use: asked to see that the key is taken.
    pub(crate) fn models(&self) -> Request {
        self.request("GET", MODELS)
            .header("accept", "application/json")
    }

    /// The same, waited for.
    pub(crate) fn probe(&self) -> http::Request<'static> {
        http::Request::get(self.url(MODELS))
            .header("authorization", self.key())
            .timeout(PROBE)
    }

    /// A tool of the organization.
    ///
    /// # Errors
    /// `Invalid` when the input cannot be written as JSON.
    pub(crate) fn tool(&self, name: &str, input: &Value) -> Result<Request> {
        self.request("POST", &format!("tools/{name}")).json(input)
    }

    pub(crate) fn create_thread(&self) -> Result<Request> {
        let data = json!({"virtual_mcp_id": self.agent});
        self.tool("COLLECTION_THREADS_CREATE", &json!({"data": data}))
    }

    pub(crate) fn thread(&self, id: &str) -> Result<Request> {
        self.tool("COLLECTION_THREADS_GET", &json!({"id": id}))
    }

    /// The newest messages of a thread, the last one first.
    pub(crate) fn messages(&self, thread: &str) -> Result<Request> {
        let newest = json!({"field": ["created_at"], "direction": "desc"});
        let input = json!({"thread_id": thread, "limit": NEWEST, "orderBy": [newest]});
        self.tool("COLLECTION_THREAD_MESSAGES_LIST", &input)
    }

    /// A message of either side.
    pub(crate) fn post(&self, thread: &str, body: &Value) -> Result<Request> {
        let path = format!("decopilot/threads/{}/messages", segment(thread));
        self.request("POST", &path).json(body)
    }

    pub(crate) fn stream(&self, thread: &str) -> Request {
        let path = format!("decopilot/threads/{}/stream", segment(thread));
        self.request("GET", &path)
            .header("accept", "text/event-stream")
            .framing(Framing::Events)
            .idle_timeout(SILENCE)
    }

    pub(crate) fn cancel(&self, thread: &str) -> Result<Request> {
        let path = format!("decopilot/cancel/{}", segment(thread));
        self.request("POST", &path).json(&json!({}))
    }
}

/// How many messages are asked for: the run of the moment and its prompt are among
/// the newest, and a whole conversation may be larger than a response can be.
const NEWEST: u32 = 10;

const MODELS: &str = "decopilot/allowed-models";

/// A segment of a path: nothing in it ends the segment.
fn segment(text: &str) -> String {
    let mut path = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                path.push(char::from(byte));
            }
            byte => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(base_url: &str) -> Service {
        let config = Config {
            base_url: base_url.into(),
            org: "a/b".into(),
            agent: "vir_1".into(),
            ..Config::default()
        };
        config.service().unwrap()
    }

    #[test]
    fn the_key_is_a_handle_and_no_name_leaves_its_segment() {
        let request = service("https://deco.example/").stream("thrd_1/..");
        let url = "https://deco.example/api/a%2Fb/decopilot/threads/thrd_1%2F../stream";
        assert_eq!(request.url, url);
        let key = (
            "authorization".to_owned(),
            "Bearer {{secret:decopilot}}".to_owned(),
        );
        assert!(request.headers.contains(&key));
    }

    #[test]
    fn what_is_not_configured_is_named() {
        let missing = Config::default().service().unwrap_err();
        assert_eq!(missing, Unset("base_url"));
    }
}

//! Decopilot, against a server of ours that speaks its routes.
//!
//! - [`prompts`]: what a turn can hold. [`ends`]: how it can end.
//! - [`lost`]: a stream that breaks, a host that is killed.
//! - [`there`]: is the service there, and is its key kept out of everything?

mod ends;
mod lost;
mod prompts;
mod there;

use agent_client_protocol::v1::schema::SessionId;
use decopilot_server::{AGENT, DecopilotServer, KEY, ORG};
use hostler_e2e::{Client, Host};
use hostler_test_support::Need;
use libtest_mimic::Trial;
use serde_json::Value;

pub(crate) const NEEDS: &[Need] = &[Need::Built("hostler"), Need::Component("plugins/decopilot")];

pub(crate) fn trials() -> Vec<Trial> {
    [
        prompts::trials(),
        ends::trials(),
        lost::trials(),
        there::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) struct Setup {
    pub host: Host,
    /// Ends with the test.
    pub service: DecopilotServer,
}

pub(crate) async fn setup() -> Setup {
    let service = DecopilotServer::start().await.unwrap();
    let host = start(&service.url(), KEY);
    Setup { host, service }
}

/// A host with the service at this address, and this key.
pub(crate) fn start(url: &str, key: &str) -> Host {
    Host::start(&settings(url), &[("DECOPILOT_KEY", key)])
}

pub(crate) fn settings(url: &str) -> String {
    format!(
        r#"
[workspace]
roots = ["$WORK"]
[session]
harness = "decopilot"
[secrets.decopilot]
env = "DECOPILOT_KEY"
[plugins.decopilot.config]
base_url = "{url}"
org = "{ORG}"
agent = "{AGENT}"
[[plugins.decopilot.grants.http]]
hosts = ["{url}"]
addresses = ["127.0.0.1/32"]
secrets = ["decopilot"]
"#
    )
}

pub(crate) async fn session(client: &Client, host: &Host) -> SessionId {
    let session = client.new_session(host, "decopilot").await;
    session.unwrap().session_id
}

/// The permissions that were asked for.
pub(crate) fn asked(client: &Client) -> Vec<Value> {
    let seen = client.seen().into_iter();
    seen.filter(|message| message["sessionUpdate"] == "permission")
        .collect()
}

/// The one tool call.
pub(crate) fn call(client: &Client) -> Value {
    let [call] = client.tool_calls().try_into().unwrap();
    client.tool_call(&call)
}

/// What was said, without the notices that the host says for itself to clients
/// that know none.
pub(crate) fn said<'a>(updates: impl IntoIterator<Item = &'a Value>) -> String {
    let chunks = updates.into_iter();
    let chunks = chunks.filter(|update| update["sessionUpdate"] == "agent_message_chunk");
    let texts = chunks.filter_map(|update| update["content"]["text"].as_str());
    texts.filter(|text| !text.starts_with(NOTICE)).collect()
}

/// How the host's own words begin.
pub(crate) const NOTICE: &str = "[hostler] ";

/// What `[[slow N …]]` says.
pub(crate) fn words(count: u32) -> String {
    (0..count).map(|index| format!("word{index} ")).collect()
}

//! Servers of the Model Context Protocol that an agent is given, and the secrets
//! in them: the plugin gets handles, and the host fills in what they stand for
//! when they are written to a child.

use std::{collections::HashMap, fmt};

use crate::bindings::exports::hostler::harness::harness as guest;

/// What a handle begins and ends with.
const BEGIN: &[u8] = b"{{token:";
const END: &[u8] = b"}}";

/// Random bytes of a handle: nobody who writes a prompt guesses one.
const RANDOM_BYTES: usize = 16;

/// A server that the agent is to use.
#[derive(Debug, Clone)]
pub struct McpServer {
    /// Unique among those of the session.
    pub name: String,
    /// How it is reached.
    pub transport: McpTransport,
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub enum McpTransport {
    /// Streamable HTTP.
    Http {
        /// Its address.
        url: String,
        /// Names and values.
        headers: Vec<(String, Secret)>,
    },
    /// A program that the agent starts.
    Stdio {
        /// A name or a path.
        command: String,
        /// What it is called with.
        args: Vec<String>,
        /// Names and values.
        env: Vec<(String, Secret)>,
    },
}

/// A value that no plugin has and no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// That value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for whoever hands it on.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The handles of one instance, and what they stand for as it is written inside
/// a string of JSON.
#[derive(Default)]
pub(crate) struct Handles(HashMap<String, String>);

impl Handles {
    /// The servers as the plugin sees them.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub(crate) fn hide(
        &mut self,
        servers: &[McpServer],
    ) -> Result<Vec<guest::McpServer>, getrandom::Error> {
        servers.iter().map(|server| self.hide_one(server)).collect()
    }

    fn hide_one(&mut self, server: &McpServer) -> Result<guest::McpServer, getrandom::Error> {
        let transport = match &server.transport {
            McpTransport::Http { url, headers } => guest::McpTransport::Http(guest::McpHttp {
                url: url.clone(),
                headers: self.hide_all(headers)?,
            }),
            McpTransport::Stdio { command, args, env } => {
                guest::McpTransport::Stdio(guest::McpStdio {
                    command: command.clone(),
                    args: args.clone(),
                    env: self.hide_all(env)?,
                })
            }
        };
        Ok(guest::McpServer {
            name: server.name.clone(),
            transport,
        })
    }

    fn hide_all(
        &mut self,
        values: &[(String, Secret)],
    ) -> Result<Vec<(String, String)>, getrandom::Error> {
        let hide = |(name, value): &(String, Secret)| {
            let mut bytes = [0; RANDOM_BYTES];
            getrandom::fill(&mut bytes)?;
            let id = format!("{:032x}", u128::from_be_bytes(bytes));
            let handle = format!("{{{{token:{id}}}}}");
            self.0.insert(id, in_json(&value.0));
            Ok((name.clone(), handle))
        };
        values.iter().map(hide).collect()
    }

    /// What a child gets for what the plugin wrote.
    pub(crate) fn fill(&self, data: Vec<u8>) -> Vec<u8> {
        if self.0.is_empty() || find(&data, BEGIN).is_none() {
            return data;
        }
        let mut filled = Vec::with_capacity(data.len());
        let mut rest = data.as_slice();
        while let Some((before, after)) = split(rest, BEGIN) {
            filled.extend_from_slice(before);
            let known = split(after, END).and_then(|(id, behind)| {
                let value = self.0.get(std::str::from_utf8(id).ok()?)?;
                Some((value, behind))
            });
            rest = match known {
                Some((value, behind)) => {
                    filled.extend_from_slice(value.as_bytes());
                    behind
                }
                None => {
                    filled.extend_from_slice(BEGIN);
                    after
                }
            };
        }
        filled.extend_from_slice(rest);
        filled
    }
}

fn find(data: &[u8], what: &[u8]) -> Option<usize> {
    data.windows(what.len()).position(|window| window == what)
}

fn split<'a>(data: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, behind) = data.split_at_checked(find(data, at)?)?;
    Some((before, behind.get(at.len()..)?))
}

/// Without the quotes around it.
fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(value: &str) -> (Handles, String) {
        let mut handles = Handles::default();
        let server = McpServer {
            name: "one".into(),
            transport: McpTransport::Http {
                url: "http://127.0.0.1:1/mcp".into(),
                headers: vec![("authorization".into(), Secret::new(value))],
            },
        };
        let mut shown = handles.hide(&[server]).unwrap();
        let guest::McpTransport::Http(http) = shown.remove(0).transport else {
            panic!("another transport");
        };
        (handles, http.headers[0].1.clone())
    }

    #[test]
    fn a_plugin_gets_handles_and_its_child_the_values() {
        let (handles, handle) = hidden("Bearer \"x\"");
        assert!(!handle.contains("Bearer"));
        let written = format!(r#"{{"h":"{handle}","again":"{handle}"}}"#);
        let filled = handles.fill(written.into_bytes());
        let filled: serde_json::Value = serde_json::from_slice(&filled).unwrap();
        assert_eq!(filled["h"], "Bearer \"x\"");
        assert_eq!(filled["again"], "Bearer \"x\"");
    }

    #[test]
    fn what_is_no_handle_of_this_instance_stays_as_it_is() {
        let (handles, _) = hidden("a");
        let (_, other) = hidden("b");
        for text in [
            "{{token:",
            "{{token:0}}",
            "{{token:{{token:}}",
            "{{",
            &other,
        ] {
            assert_eq!(handles.fill(text.as_bytes().to_vec()), text.as_bytes());
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::new("abc")).contains("abc"));
    }
}

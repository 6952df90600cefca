//! Servers of the Model Context Protocol that an agent is given, and the secrets
//! in them: the plugin gets handles, and the host fills in what they stand for
//! when they are written to a child.

use std::{collections::HashMap, fmt};

use memchr::memmem;

use crate::bindings::exports::hostler::harness::harness as guest;

/// What a handle begins and ends with.
const BEGIN: &[u8] = b"{{token:";
const END: &[u8] = b"}}";

/// Random bytes of a handle: nobody who writes a prompt guesses one.
const RANDOM_BYTES: usize = 16;

/// Its digits.
const ID_CHARS: usize = 2 * RANDOM_BYTES;

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
        let hide =
            |(name, value): &(String, Secret)| Ok((name.clone(), self.hide_value(&value.0)?));
        values.iter().map(hide).collect()
    }

    fn hide_value(&mut self, value: &str) -> Result<String, getrandom::Error> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        let id = format!("{:032x}", u128::from_be_bytes(bytes));
        let handle = format!("{{{{token:{id}}}}}");
        self.0.insert(id, in_json(value));
        Ok(handle)
    }

    /// Puts handles in the place of all texts but the names of members.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub(crate) fn hide_texts(
        &mut self,
        value: &mut serde_json::Value,
    ) -> Result<(), getrandom::Error> {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.hide_value(text)?,
            Value::Array(values) => {
                for value in values {
                    self.hide_texts(value)?;
                }
            }
            Value::Object(members) => {
                for value in members.values_mut() {
                    self.hide_texts(value)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }

    /// What a child gets for what the plugin wrote: at most `most` bytes, or
    /// nothing. Takes time in the length of what comes and goes, whatever it is.
    pub(crate) fn fill(&self, data: Vec<u8>, most: usize) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return Some(data);
        }
        let mut begins = memmem::find_iter(&data, BEGIN).peekable();
        if begins.peek().is_none() {
            drop(begins);
            return Some(data);
        }
        let mut filled = Vec::with_capacity(data.len());
        let mut taken = 0;
        for begin in begins {
            let id = begin + BEGIN.len();
            let Some(value) = self.value(data.get(id..id + ID_CHARS + END.len())) else {
                continue;
            };
            filled.extend_from_slice(data.get(taken..begin)?);
            filled.extend_from_slice(value.as_bytes());
            taken = id + ID_CHARS + END.len();
            if filled.len() > most {
                return None;
            }
        }
        filled.extend_from_slice(data.get(taken..)?);
        Some(filled)
    }

    /// What an id and what ends its handle stand for.
    fn value(&self, id: Option<&[u8]>) -> Option<&str> {
        let id = id?.strip_suffix(END)?;
        self.0
            .get(std::str::from_utf8(id).ok()?)
            .map(String::as_str)
    }
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
        let filled = handles.fill(written.into_bytes(), 1000).unwrap();
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
            let filled = handles.fill(text.as_bytes().to_vec(), 1000).unwrap();
            assert_eq!(filled, text.as_bytes());
        }
    }

    #[test]
    fn handles_do_not_multiply_without_bound() {
        let (handles, handle) = hidden(&"x".repeat(100));
        let written = handle.repeat(10).into_bytes();
        assert_eq!(handles.fill(written.clone(), 1000).unwrap().len(), 1000);
        assert_eq!(handles.fill(written, 999), None);
    }

    #[test]
    fn megabytes_of_beginnings_take_no_time() {
        let (handles, _) = hidden("a");
        for end in ["", "}}"] {
            let text = "{{token:".repeat(1024 * 1024) + end;
            let filled = handles.fill(text.clone().into_bytes(), usize::MAX).unwrap();
            assert_eq!(filled.len(), text.len());
        }
    }

    #[test]
    fn texts_at_any_depth_are_handles() {
        let mut handles = Handles::default();
        let mut meta =
            serde_json::json!({ "key": { "apiKey": "sk-1", "more": ["sk-2", 3, true] } });
        let given = meta.to_string();
        handles.hide_texts(&mut meta).unwrap();
        let hidden = meta.to_string();
        assert!(
            !hidden.contains("sk-") && hidden.contains("apiKey"),
            "{hidden}"
        );
        let filled = handles.fill(hidden.into_bytes(), 1000).unwrap();
        assert_eq!(filled, given.as_bytes());
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::new("abc")).contains("abc"));
    }
}

//! An ACP client that does as little as possible between a byte's arrival and
//! the look at the clock: blocking reads, no tasks.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
    process::{ChildStdin, ChildStdout},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use hostler_bench::monotonic;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, ClientRequestBuilder, Message, Utf8Bytes, WebSocket};

use crate::process::Running;

/// How long nothing may come: a host that hangs is an error.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Client {
    link: Link,
    calls: u64,
}

/// Messages, one a frame or a line.
#[derive(Debug)]
pub(crate) enum Link {
    Socket(Box<WebSocket<TcpStream>>),
    Pipes(ChildStdin, BufReader<ChildStdout>),
}

impl Client {
    /// Over WebSocket, initialised; `positioned`: it asks for the extension.
    pub(crate) fn connect(address: &str, token: &str, positioned: bool) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let request = ClientRequestBuilder::new(format!("ws://{address}/acp").parse()?)
            .with_header("Authorization", format!("Bearer {token}"));
        let (socket, _) = tungstenite::client(request, stream)
            .map_err(|error| anyhow::anyhow!("cannot connect to the host: {error}"))?;
        Self::initialised(Link::Socket(Box::new(socket)), positioned)
    }

    /// Over an agent's standard streams, initialised.
    pub(crate) fn talk(agent: &mut Running) -> Result<Self> {
        Self::initialised(Link::pipes(agent)?, false)
    }

    fn initialised(link: Link, positioned: bool) -> Result<Self> {
        let mut client = Self { link, calls: 0 };
        let meta = if positioned {
            json!({"hostler": {}})
        } else {
            json!({})
        };
        let params = json!({"protocolVersion": 1, "clientCapabilities": {"_meta": meta}});
        client.call("initialize", params, |_, _| {})?;
        Ok(client)
    }

    /// A new session; its id. Only a host has more than one harness.
    pub(crate) fn open(&mut self, cwd: &Path, harness: &str) -> Result<String> {
        let params = json!({
            "cwd": cwd, "mcpServers": [], "_meta": {"hostler": {"harness": harness}},
        });
        let session = self.call("session/new", params, |_, _| {})?;
        let id = session["sessionId"].as_str().context("no session id")?;
        Ok(id.to_owned())
    }

    /// One turn. `piece` gets every piece of text and when it arrived, on the
    /// clock of [`monotonic`].
    pub(crate) fn prompt(
        &mut self,
        session: &str,
        text: &str,
        mut piece: impl FnMut(Duration, &str),
    ) -> Result<()> {
        let params = json!({
            "sessionId": session, "prompt": [{"type": "text", "text": text}],
        });
        let ended = self.call("session/prompt", params, |at, update| {
            if update["sessionUpdate"] == "agent_message_chunk"
                && let Some(text) = update["content"]["text"].as_str()
            {
                piece(at, text);
            }
        })?;
        match ended["stopReason"].as_str() {
            Some("end_turn") => Ok(()),
            _ => bail!("the turn ended with {ended}"),
        }
    }

    /// A request whose answer is not waited for.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Result<u64> {
        self.calls += 1;
        let id = self.calls;
        self.link.send(
            &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        )?;
        Ok(id)
    }

    /// The next message as it came: reading what is in it takes longer than
    /// sending it. Only of a host.
    pub(crate) fn text(&mut self) -> Result<Utf8Bytes> {
        match &mut self.link {
            Link::Socket(socket) => loop {
                if let Message::Text(text) = socket.read()? {
                    return Ok(text);
                }
            },
            Link::Pipes(..) => bail!("a peer's messages are lines"),
        }
    }

    pub(crate) fn call(
        &mut self,
        method: &str,
        params: Value,
        mut update: impl FnMut(Duration, &Value),
    ) -> Result<Value> {
        let id = self.ask(method, &params)?;
        loop {
            let (at, mut message) = self.link.receive().with_context(|| method.to_owned())?;
            if message["method"] == "session/update" {
                update(at, &message["params"]["update"]);
            } else if message["id"] == id && message.get("method").is_none() {
                if let Some(error) = message.get("error") {
                    bail!("{method} was answered with {error}");
                }
                return Ok(message["result"].take());
            } else if message.get("method").is_some() && message.get("id").is_some() {
                bail!("nothing should be asked here, but it was: {message}");
            }
        }
    }
}

impl Link {
    /// The standard streams of a process that was started with pipes for them.
    pub(crate) fn pipes(process: &mut Running) -> Result<Self> {
        let (stdin, stdout) = (process.0.stdin.take(), process.0.stdout.take());
        let stdout = BufReader::new(stdout.context("no pipe")?);
        Ok(Self::Pipes(stdin.context("no pipe")?, stdout))
    }

    pub(crate) fn send(&mut self, message: &str) -> Result<()> {
        match self {
            Self::Socket(socket) => socket.send(Message::text(message))?,
            Self::Pipes(stdin, _) => {
                stdin.write_all(format!("{message}\n").as_bytes())?;
                stdin.flush()?;
            }
        }
        Ok(())
    }

    /// The next message and when it was there.
    pub(crate) fn receive(&mut self) -> Result<(Duration, Value)> {
        match self {
            Self::Socket(socket) => loop {
                if let Message::Text(text) = socket.read()? {
                    return Ok((monotonic(), serde_json::from_str(text.as_str())?));
                }
            },
            Self::Pipes(_, stdout) => {
                let mut line = Vec::new();
                while line.last() != Some(&b'\n') {
                    if stdout.buffer().is_empty() {
                        speaks(stdout.get_ref())?;
                    }
                    let came = stdout.fill_buf()?;
                    if came.is_empty() {
                        bail!("the agent ended");
                    }
                    let end = memchr::memchr(b'\n', came);
                    let used = end.map_or(came.len(), |end| end + 1);
                    line.extend(came.iter().take(used));
                    stdout.consume(used);
                }
                Ok((monotonic(), serde_json::from_slice(&line)?))
            }
        }
    }
}

/// Waits until there is something to read, or until it has been silent too long.
fn speaks(pipe: &ChildStdout) -> Result<()> {
    let limit = Timespec::try_from(SILENCE)?;
    let mut wanted = [PollFd::new(pipe, PollFlags::IN)];
    match poll(&mut wanted, Some(&limit))? {
        0 => bail!("nothing came for {} s", SILENCE.as_secs()),
        _ => Ok(()),
    }
}

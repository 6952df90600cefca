//! `hostler prompt`: one session, one turn.

use std::{
    io::{self, IsTerminal as _, Read as _, Stderr, Stdout},
    path::PathBuf,
    time::Duration,
};

use agent_client_protocol_schema::{
    ProtocolVersion,
    v1::{
        ClientCapabilities, ClientSessionCapabilities, CloseSessionRequest, ContentBlock,
        Implementation, InitializeRequest, InitializeResponse, NewSessionRequest,
        NewSessionResponse, NoticeCapabilities, PromptRequest, PromptResponse,
        ResumeSessionRequest, ResumeSessionResponse, SessionId, StopReason,
    },
};
use anyhow::{Context as _, anyhow};
use hostler_wire::methods;
use tokio::time::timeout;

use super::{
    answer::RpcError,
    ask::{Asks, Decider},
    place::Place,
    render::{Renderer, Style},
    terminal::Terminal,
    turn::Client,
};
use crate::{
    args::Prompt,
    exit::{Exit, Failure, OrExit as _},
    logging,
    serve::VERSION,
    session_cmd::host::Ask as _,
};

/// The longest prompt that is read from stdin, in bytes: far above what a model
/// reads, and below what the host takes as one message.
const MAX_PROMPT_BYTES: u64 = 8 * 1024 * 1024;

/// How long closing the session may take; the host goes on with it anyway.
const CLOSING: Duration = Duration::from_secs(5);

/// The same when something went wrong or someone wants to leave.
const LEAVING: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: Prompt) -> Result<Exit, Failure> {
    let text = text(args.text).or_exit(Exit::Usage)?;
    let cwd = cwd(args.cwd).or_exit(Exit::Usage)?;
    let target = Place::of(&args.host)?;
    let connection = target.dial(args.harness.as_deref()).await?;
    let asks = Asks::new(decider(args.yes));
    let mut client = Client::new(connection, asks, renderer(), args.json)?;

    let outcome = match &args.session {
        Some(id) => go_on(&mut client, id, text).await,
        None => converse(&mut client, cwd, text).await,
    };
    client.finish().await;
    outcome
}

async fn converse(client: &mut Client, cwd: PathBuf, text: String) -> Result<Exit, Failure> {
    initialize(client).await?;
    let request = NewSessionRequest::new(cwd);
    let created = client.call(methods::SESSION_NEW, &request).await?;
    let created: NewSessionResponse = accepted(methods::SESSION_NEW, created)?;
    let session = created.session_id;
    client.begin_turn(&session);
    let exit = turn(client, &session, text).await;
    client.end_turn();
    // A session that nobody will come back to keeps its agent running.
    let close = CloseSessionRequest::new(session);
    match exit {
        Ok(exit) => {
            let closing = client.call(methods::SESSION_CLOSE, &close);
            let _ = timeout(CLOSING, closing).await;
            Ok(exit)
        }
        Err(failure) => {
            let leaving = client.call_blindly(methods::SESSION_CLOSE, &close);
            let _ = timeout(LEAVING, leaving).await;
            Err(failure)
        }
    }
}

/// A turn of a session that is there. It stays when the turn has ended.
async fn go_on(client: &mut Client, id: &str, text: String) -> Result<Exit, Failure> {
    initialize(client).await?;
    let found = client.find_or_adopt(id).await?;
    let session = found.session_id;
    // Without the history, and answered like a load.
    let request = ResumeSessionRequest::new(session.clone(), found.cwd);
    let resumed = client.call(methods::SESSION_RESUME, &request).await?;
    let _: ResumeSessionResponse = accepted(methods::SESSION_RESUME, resumed)?;
    client.begin_turn(&session);
    let exit = turn(client, &session, text).await;
    client.end_turn();
    exit
}

async fn initialize(client: &mut Client) -> Result<(), Failure> {
    let session = ClientSessionCapabilities::new().notices(NoticeCapabilities::new());
    let request = InitializeRequest::new(ProtocolVersion::V1)
        .client_capabilities(ClientCapabilities::new().session(session))
        .client_info(Implementation::new("hostler-prompt", VERSION));
    let answer = client.call(methods::INITIALIZE, &request).await?;
    let answer: InitializeResponse = accepted(methods::INITIALIZE, answer)?;
    if answer.protocol_version == ProtocolVersion::V1 {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "the host speaks version {} of the protocol and this program version 1",
            answer.protocol_version
        ),
    ))
}

async fn turn(client: &mut Client, session: &SessionId, text: String) -> Result<Exit, Failure> {
    let request = PromptRequest::new(session.clone(), vec![ContentBlock::from(text)]);
    let answer = client.call(methods::SESSION_PROMPT, &request).await?;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let message = format!("the turn failed: {error}");
            return Err(Failure::new(Exit::TurnFailed, message));
        }
    };
    let answer: PromptResponse = read(methods::SESSION_PROMPT, &answer)?;
    let why = match answer.stop_reason {
        StopReason::EndTurn => return Ok(Exit::Done),
        StopReason::Cancelled => "it was cancelled",
        StopReason::Refusal => "the model refused to go on",
        StopReason::MaxTokens => "the model reached its limit of tokens",
        StopReason::MaxTurnRequests => "the agent reached its limit of requests",
        _ => "it ended in a way that this program does not know",
    };
    Err(Failure::new(
        Exit::TurnStopped,
        format!("the turn was stopped: {why}"),
    ))
}

/// The result of a request without which there is no turn.
fn accepted<T: serde::de::DeserializeOwned>(
    method: &str,
    answer: Result<String, RpcError>,
) -> Result<T, Failure> {
    match answer {
        Ok(answer) => Ok(read(method, &answer)?),
        Err(error) => Err(Failure::new(Exit::Refused, error.to_string())),
    }
}

fn read<T: serde::de::DeserializeOwned>(method: &str, answer: &str) -> anyhow::Result<T> {
    serde_json::from_str(answer).with_context(|| format!("the host's answer to {method} is odd"))
}

fn text(given: String) -> anyhow::Result<String> {
    let text = if given == "-" {
        let mut text = String::new();
        io::stdin()
            .lock()
            .take(MAX_PROMPT_BYTES + 1)
            .read_to_string(&mut text)
            .context("the prompt cannot be read from stdin")?;
        text
    } else {
        given
    };
    if text.len() as u64 > MAX_PROMPT_BYTES {
        return Err(anyhow!(
            "the prompt is longer than {MAX_PROMPT_BYTES} bytes"
        ));
    }
    if text.trim().is_empty() {
        return Err(anyhow!("the prompt is empty"));
    }
    Ok(text)
}

fn cwd(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match given {
        Some(path) => std::path::absolute(&path)
            .with_context(|| format!("--cwd {} is no path", path.display())),
        None => std::env::current_dir()
            .context("the current folder cannot be found; name one with --cwd"),
    }
}

/// A question is shown on stderr: without someone who sees it nobody is asked.
fn decider(yes: bool) -> Decider {
    if yes {
        return Decider::Yes;
    }
    if !io::stderr().is_terminal() {
        return Decider::Nobody;
    }
    Terminal::open().map_or(Decider::Nobody, Decider::Person)
}

pub(crate) fn renderer() -> Renderer<Stdout, Stderr> {
    let style = Style {
        out_terminal: io::stdout().is_terminal(),
        err_terminal: io::stderr().is_terminal(),
        colour: logging::colour_wanted(),
    };
    Renderer::new(io::stdout(), io::stderr(), style)
}

//! Calls of the host to a [`Harness`].

use std::{cell::RefCell, marker::PhantomData};

use super::log_panics;
use crate::bindings::{
    exports::hostler::harness::harness as wit,
    hostler::{harness::events, host::process, types::types},
};
use crate::event::deliver;
use crate::exchange::ExchangeId;
use crate::process::{Child, Stdio, millis};
use crate::{
    AuthMethod, Choices, Conversation, Description, Event, Harness, McpServer, McpTransport, Mode,
    OpenParams, Origin, PromptCapabilities, Readiness, RequestId, Result, Status, Tier, TierKind,
};

/// The plugin as the contract sees it.
#[derive(Debug)]
pub struct Component<H>(PhantomData<H>);

/// The session resource: the contract's methods take `&self`.
#[derive(Debug)]
pub struct Session<H>(RefCell<H>);

impl<H: Harness> wit::Guest for Component<H> {
    type Session = Session<H>;

    fn describe() -> Result<wit::Description, types::Error> {
        log_panics();
        Ok(H::describe().into())
    }

    fn probe() -> Result<wit::Status, types::Error> {
        log_panics();
        Ok(H::probe()?.into())
    }

    fn offer() -> Result<wit::Choices, types::Error> {
        log_panics();
        Ok(H::offer()?.into())
    }

    fn conversations(cwd: Option<String>) -> Result<Vec<wit::Conversation>, types::Error> {
        log_panics();
        let found = H::conversations(cwd.as_deref())?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    fn history(id: String) -> Result<wit::Conversation, types::Error> {
        log_panics();
        Ok(H::history(&id)?.into())
    }
}

impl<H: Harness> wit::GuestSession for Session<H> {
    fn open(
        request: u64,
        params: wit::OpenParams,
        origin: wit::Origin,
    ) -> Result<wit::Session, types::Error> {
        log_panics();
        let harness = H::open(RequestId(request), params.into(), origin.into())?;
        Ok(wit::Session::new(Self(RefCell::new(harness))))
    }

    fn prompt(&self, request: u64, prompt: String) -> Result<(), types::Error> {
        let prompt = crate::Prompt::from_json(prompt);
        Ok(self.0.borrow_mut().prompt(RequestId(request), prompt)?)
    }

    fn call(&self, request: u64, method: String, params: String) -> Result<(), types::Error> {
        let request = RequestId(request);
        Ok(self.0.borrow_mut().call(request, &method, &params)?)
    }

    fn cancel(&self) -> Result<(), types::Error> {
        Ok(self.0.borrow_mut().cancel()?)
    }

    fn on_events(&self, batch: Vec<events::Event>) -> Result<(), types::Error> {
        let batch = batch.into_iter().map(Event::from);
        Ok(deliver(&mut *self.0.borrow_mut(), batch)?)
    }

    fn close(&self) -> Result<(), types::Error> {
        Ok(self.0.borrow_mut().close()?)
    }
}

impl From<Description> for wit::Description {
    fn from(description: Description) -> Self {
        Self {
            title: description.title,
            version: description.version,
            prompt: description.prompt.into(),
            fork: description.fork,
        }
    }
}

impl From<PromptCapabilities> for wit::PromptCapabilities {
    fn from(prompt: PromptCapabilities) -> Self {
        let PromptCapabilities {
            image,
            audio,
            embedded_context,
        } = prompt;
        Self {
            image,
            audio,
            embedded_context,
        }
    }
}

impl From<Status> for wit::Status {
    fn from(status: Status) -> Self {
        Self {
            readiness: match status.readiness {
                Readiness::Ready => wit::Readiness::Ready,
                Readiness::Missing => wit::Readiness::Missing,
                Readiness::NotLoggedIn => wit::Readiness::NotLoggedIn,
                Readiness::Broken => wit::Readiness::Broken,
            },
            version: status.version,
            detail: status.detail,
            fix: status.fix,
        }
    }
}

impl From<Choices> for wit::Choices {
    fn from(offer: Choices) -> Self {
        Self {
            local: offer.local,
            tiers: offer.tiers.into_iter().map(Into::into).collect(),
            modes: offer.modes.into_iter().map(Into::into).collect(),
            auth_methods: offer.auth_methods.into_iter().map(Into::into).collect(),
            prompt: offer.prompt.map(Into::into),
        }
    }
}

impl From<AuthMethod> for wit::AuthMethod {
    fn from(method: AuthMethod) -> Self {
        Self {
            id: method.id,
            name: method.name,
            description: method.description,
        }
    }
}

impl From<Tier> for wit::Tier {
    fn from(tier: Tier) -> Self {
        Self {
            kind: match tier.kind {
                TierKind::Fast => wit::TierKind::Fast,
                TierKind::Smart => wit::TierKind::Smart,
                TierKind::Thinking => wit::TierKind::Thinking,
            },
            model: tier.model,
            name: tier.name,
            description: tier.description,
        }
    }
}

impl From<Mode> for wit::Mode {
    fn from(mode: Mode) -> Self {
        Self {
            id: mode.id,
            name: mode.name,
            description: mode.description,
        }
    }
}

impl From<Conversation> for wit::Conversation {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id,
            cwd: conversation.cwd,
            title: conversation.title,
            updated: millis(conversation.updated),
            size: conversation.size,
            in_use: conversation.in_use,
        }
    }
}

impl From<wit::Origin> for Origin {
    fn from(origin: wit::Origin) -> Self {
        match origin {
            wit::Origin::Fresh => Self::Fresh,
            wit::Origin::Resume(state) => Self::Resume(state),
            wit::Origin::Fork(state) => Self::Fork(state),
            wit::Origin::Outside(id) => Self::Outside(id),
        }
    }
}

impl From<wit::OpenParams> for OpenParams {
    fn from(params: wit::OpenParams) -> Self {
        Self {
            session: params.session,
            cwd: params.cwd,
            additional_directories: params.additional_directories,
            mcp_servers: params
                .mcp_servers
                .into_iter()
                .map(McpServer::from)
                .collect(),
        }
    }
}

impl From<wit::McpServer> for McpServer {
    fn from(server: wit::McpServer) -> Self {
        Self {
            name: server.name,
            transport: match server.transport {
                wit::McpTransport::Http(http) => McpTransport::Http {
                    url: http.url,
                    headers: http.headers,
                },
                wit::McpTransport::Stdio(stdio) => McpTransport::Stdio {
                    command: stdio.command,
                    args: stdio.args,
                    env: stdio.env,
                },
            },
        }
    }
}

impl From<events::Event> for Event {
    fn from(event: events::Event) -> Self {
        match event {
            events::Event::Started(child) => Self::Started(Child(child)),
            events::Event::StartFailed(failure) => Self::StartFailed {
                child: Child(failure.child),
                message: failure.message,
            },
            events::Event::Line(line) => Self::Line {
                child: Child(line.child),
                source: match line.source {
                    process::Stdio::Out => Stdio::Out,
                    process::Stdio::Err => Stdio::Err,
                },
                text: line.text,
                lossy: line.lossy,
            },
            events::Event::Exited(end) => Self::Exited {
                child: Child(end.child),
                exit: end.exit.into(),
            },
            events::Event::WriteDrained(child) => Self::WriteDrained(Child(child)),
            events::Event::AskAnswered(answer) => Self::AskAnswered {
                id: answer.id,
                outcome: answer.outcome.map_err(Into::into),
            },
            events::Event::Timer(id) => Self::Timer(id),
            events::Event::HttpHead(head) => Self::HttpHead {
                exchange: ExchangeId(head.exchange),
                status: head.status,
                headers: head.headers,
            },
            events::Event::HttpPiece(piece) => Self::HttpPiece {
                exchange: ExchangeId(piece.exchange),
                text: piece.text,
                name: piece.name,
                id: piece.id,
                lossy: piece.lossy,
            },
            events::Event::HttpEnd(exchange) => Self::HttpEnd(ExchangeId(exchange)),
            events::Event::HttpFailed(failure) => Self::HttpFailed {
                exchange: ExchangeId(failure.exchange),
                error: failure.error.into(),
            },
            events::Event::Notified(notification) => Self::Notified {
                method: notification.method,
                params: notification.params,
            },
        }
    }
}

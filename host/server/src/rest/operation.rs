use std::sync::Arc;

use axum::routing::MethodRouter;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::serve::Shared;

type Make = fn(&mut SchemaGenerator) -> Schema;

/// Whether an operation takes the header `hostler-lease`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseHeader {
    None,
    /// It goes on with an ask.
    Optional,
    /// It is about that lease.
    Required,
}

/// One thing that can be asked for.
pub(crate) struct Operation {
    /// `get`, `post`, `delete`.
    pub(crate) method: &'static str,
    /// With `{name}` for what varies.
    pub(crate) path: &'static str,
    /// What it does, in a sentence.
    pub(crate) about: &'static str,
    /// The scope that a token needs; `None`: nobody is asked for a token.
    pub(crate) scope: Option<&'static str>,
    /// What the header `hostler-lease` is to it.
    pub(crate) lease: LeaseHeader,
    pub(crate) query: Option<Make>,
    pub(crate) body: Option<Make>,
    /// The status of success.
    pub(crate) status: u16,
    /// Its body, as JSON.
    pub(crate) answer: Option<Make>,
    /// It may come as a stream of events instead.
    pub(crate) events: bool,
    /// It is a stream of events with that as their data, which goes on after the
    /// one that the caller names.
    pub(crate) stream: Option<Make>,
    /// It may be bytes instead.
    pub(crate) bytes: bool,
    /// It is a word instead.
    pub(crate) text: bool,
    /// `None`: another crate has the route.
    pub(crate) handler: Option<MethodRouter<Arc<Shared>>>,
}

impl Operation {
    pub(crate) fn new(
        method: &'static str,
        path: &'static str,
        scope: &'static str,
        about: &'static str,
        handler: MethodRouter<Arc<Shared>>,
    ) -> Self {
        Self {
            method,
            path,
            about,
            scope: Some(scope),
            lease: LeaseHeader::None,
            query: None,
            body: None,
            status: 200,
            answer: None,
            events: false,
            stream: None,
            bytes: false,
            text: false,
            handler: Some(handler),
        }
    }

    /// For everybody who can reach the host.
    pub(crate) fn open(
        method: &'static str,
        path: &'static str,
        about: &'static str,
        handler: Option<MethodRouter<Arc<Shared>>>,
    ) -> Self {
        Self {
            scope: None,
            handler,
            ..Self::new(method, path, "", about, MethodRouter::new())
        }
    }

    /// It is about the lease of the header.
    pub(crate) fn of_lease(mut self) -> Self {
        self.lease = LeaseHeader::Required;
        self
    }

    /// It may go on with the ask of the header.
    pub(crate) fn or_goes_on(mut self) -> Self {
        self.lease = LeaseHeader::Optional;
        self
    }

    /// With these members in the address.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    /// Takes that.
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// Answers that.
    pub(crate) fn gives<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.answer = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// As a stream, too.
    pub(crate) fn or_events(mut self) -> Self {
        self.events = true;
        self
    }

    /// Is a stream of that and nothing else.
    pub(crate) fn streams<T: JsonSchema>(mut self) -> Self {
        self.stream = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// A word, and no JSON.
    pub(crate) fn gives_text(mut self) -> Self {
        self.text = true;
        self
    }

    /// As bytes, too.
    pub(crate) fn or_bytes(mut self) -> Self {
        self.bytes = true;
        self
    }
}

//! `POST /rpc`.

use std::{convert::Infallible, future::Future, pin::Pin, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use hostler_device::Granted;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{answer, auth, body};
use crate::{
    caller::Caller,
    commands,
    fault::Fault,
    lease,
    progress::Progress,
    request::{Command, Rpc},
    state::Shared,
};

pub(super) async fn rpc(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let bytes = match body::read(body).await {
        Ok(bytes) => bytes,
        Err(fault) => return refused(&Value::Null, &fault),
    };
    let read = Rpc::read(&bytes);
    let token = match &read {
        Ok(rpc) => rpc.params.text("token").ok().flatten(),
        Err(_) => None,
    };
    // Before anything is said about what was asked.
    let caller = match auth::caller(&shared.tokens, &headers, token) {
        Ok(caller) => caller,
        Err(fault) => {
            let id = read.map_or_else(|unread| unread.id, |rpc| rpc.id);
            return refused(&id, &fault);
        }
    };
    let rpc = match read {
        Ok(rpc) => rpc,
        Err(unread) => return refused(&unread.id, &unread.fault),
    };
    match rpc.method.as_str() {
        "agent_device.lease.allocate" => {
            let asking = lease::allocate(&shared, &caller, &rpc.params);
            match caller.while_valid(asking).await {
                Ok((granted, data)) => keeping(granted, done(&rpc.id, &data)),
                Err(fault) => refused(&rpc.id, &fault),
            }
        }
        "agent_device.lease.heartbeat" => {
            said(&rpc.id, lease::heartbeat(&shared, &caller, &rpc.params))
        }
        "agent_device.lease.release" => {
            said(&rpc.id, lease::release(&shared, &caller, &rpc.params).await)
        }
        "agent_device.command" => match Command::read(&rpc.params) {
            Ok(command) => run(shared, caller, command, rpc.id).await,
            Err(fault) => refused(&rpc.id, &fault),
        },
        other => refused(&rpc.id, &Fault::method(other)),
    }
}

fn done(id: &Value, data: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "ok": true, "data": data } })
}

fn refused(id: &Value, fault: &Fault) -> Response {
    answer(fault.status, &fault.answer(id, None))
}

fn said(id: &Value, outcome: Result<Value, Fault>) -> Response {
    match outcome {
        Ok(data) => answer(StatusCode::OK, &done(id, &data)),
        Err(fault) => refused(id, &fault),
    }
}

/// An answer that hands over a lease: it is the client's when the bytes are
/// taken to be sent. If nobody takes them, the lease is free again.
fn keeping(granted: Granted, value: Value) -> Response {
    let bytes = async move {
        granted.keep();
        Ok::<_, Infallible>(Bytes::from(value.to_string()))
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let body = Body::from_stream(stream::once(bytes));
    (StatusCode::OK, headers, body).into_response()
}

/// A command on its way: its answer, and whether it is an error's.
type Running = Pin<Box<dyn Future<Output = (StatusCode, Value)> + Send>>;

async fn run(shared: Arc<Shared>, caller: Caller, command: Command, id: Value) -> Response {
    if !command.wants_progress() {
        let (status, value) = act(shared, caller, command, id, Progress::default()).await;
        return answer(status, &value);
    }
    let (progress, mut heard) = Progress::heard();
    let mut running: Running = Box::pin(act(shared, caller, command, id, progress));
    // What has nothing to tell on its way is answered plainly.
    tokio::select! {
        biased;
        (status, value) = &mut running => answer(status, &value),
        Some(first) = heard.recv() => lines(first, heard, running),
    }
}

async fn act(
    shared: Arc<Shared>,
    caller: Caller,
    command: Command,
    id: Value,
    progress: Progress,
) -> (StatusCode, Value) {
    let began = Instant::now();
    let running = commands::run(&shared, &caller, &command, &progress);
    match caller.while_valid(running).await {
        Ok(data) => (StatusCode::OK, done(&id, &data)),
        Err(fault) => {
            let ms = began.elapsed().as_millis() as u64;
            tracing::info!(
                command = command.name,
                reason = fault.reason(),
                "a command of agent-device failed"
            );
            let owner = &caller.who.principal;
            let noted = shared.records.note(owner, &command, &fault, ms);
            let request = command.request_id().filter(|_| noted);
            let record = request.map(|request| (command.session.as_str(), request));
            (fault.status, fault.answer(&id, record))
        }
    }
}

/// Progress as lines of JSON, and the answer as the last.
fn lines(first: Value, heard: mpsc::Receiver<Value>, running: Running) -> Response {
    let line = |value: &Value| Ok::<_, Infallible>(Bytes::from(format!("{value}\n")));
    let start = (Some(first), heard, Some(running));
    let lines = stream::unfold(start, move |(first, mut heard, running)| async move {
        if let Some(first) = first {
            return Some((line(&first), (None, heard, running)));
        }
        let mut running = running?;
        tokio::select! {
            biased;
            Some(event) = heard.recv() => Some((line(&event), (None, heard, Some(running)))),
            (_, value) = &mut running => {
                let response = json!({ "type": "response", "response": value });
                Some((line(&response), (None, heard, None)))
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::OK, headers, Body::from_stream(lines)).into_response()
}

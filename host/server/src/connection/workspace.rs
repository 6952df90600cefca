//! Methods of the extension about a session's files. They are answered beside the
//! session, to the asker alone.

use std::sync::Arc;

use hostler_session::{Folders, SessionHandle};
use hostler_wire::{Fault, RawValue, codes, methods::hostler};
use hostler_workspace::{Cancel, EditParams, Edited, QueryError, QueryErrorKind, Tree};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{Connection, params, request::Request, unknown_method};

/// Queries of one connection at a time; more wait for their turn. Each has a
/// thread of its own while it runs.
pub(super) const AT_ONCE: usize = 4;

/// A query, apart from which it is.
type Query = Box<dyn FnOnce(&Tree, &Cancel) -> Result<String, QueryError> + Send>;

impl Connection {
    pub(super) fn workspace(&self, request: Request, method: &str, params: Option<&RawValue>) {
        let asked = self.named(params).and_then(|session| {
            let query = query(method, params)?;
            Ok((session, query))
        });
        match asked {
            Ok((session, Asked::Query(query))) => {
                let (cancel, places) = (request.cancelled_by(), self.queries.clone());
                let folders = session.folders();
                tokio::spawn(async move {
                    let answer = run(places, folders, cancel, query).await;
                    request.answer(answer);
                });
            }
            Ok((session, Asked::Edit(edit))) => self.edit(request, session, edit),
            Err(fault) => request.fault(&fault),
        }
    }

    fn edit(&self, request: Request, session: SessionHandle, edit: EditParams) {
        let (cancel, places) = (request.cancelled_by(), self.queries.clone());
        self.touches(&session);
        let client = self.client(&session);
        tokio::spawn(async move {
            if let Err(error) = session.may_edit(client).await {
                return request.fault(&error.fault());
            }
            let path = edit.path.clone();
            let edit: Query = Box::new(move |tree, cancel| {
                let Edited { path, hash, size } = tree.edit(&edit, cancel)?;
                Ok(json!({ "path": path, "hash": hash, "size": size }).to_string())
            });
            let answer = run(places, session.folders(), cancel, edit).await;
            if let Ok(edited) = &answer {
                session.edited(path, hash_of(edited)).await;
            }
            request.answer(answer);
        });
    }
}

enum Asked {
    Query(Query),
    Edit(EditParams),
}

fn query(method: &str, params: Option<&RawValue>) -> Result<Asked, Fault> {
    let query = match method.strip_prefix(hostler::WORKSPACE).unwrap_or_default() {
        "tree" => ask(params, Tree::entries),
        "read" => ask(params, Tree::read_page),
        "search" => ask(params, Tree::search),
        "status" => ask(params, Tree::status),
        "diff" => ask(params, Tree::diff),
        "log" => ask(params, Tree::log),
        "edit" => return Ok(Asked::Edit(params::read(params)?)),
        _ => return Err(unknown_method(method)),
    };
    query.map(Asked::Query)
}

fn ask<P, T>(
    params: Option<&RawValue>,
    query: fn(&Tree, &P, &Cancel) -> Result<T, QueryError>,
) -> Result<Query, Fault>
where
    P: DeserializeOwned + Send + 'static,
    T: Serialize + 'static,
{
    let params: P = params::read(params)?;
    Ok(Box::new(move |tree, cancel| {
        let found = query(tree, &params, cancel)?;
        Ok(serde_json::to_string(&found).unwrap_or_else(|_| "null".to_owned()))
    }))
}

async fn run(
    places: Arc<Semaphore>,
    folders: Arc<Folders>,
    cancel: Cancel,
    query: Query,
) -> Result<String, Fault> {
    let _place = places
        .acquire_owned()
        .await
        .map_err(|error| Fault::new(codes::INTERNAL, error.to_string()))?;
    spawn_blocking(move || query(folders.tree(), &cancel).map_err(|error| fault(&error)))
        .await
        .map_err(|error| Fault::new(codes::INTERNAL, error.to_string()))?
}

fn hash_of(edited: &str) -> String {
    let edited: serde_json::Value = serde_json::from_str(edited).unwrap_or_default();
    let hash = edited.get("hash").and_then(|hash| hash.as_str());
    hash.unwrap_or_default().to_owned()
}

fn fault(error: &QueryError) -> Fault {
    let code = match error.kind() {
        QueryErrorKind::NotFound => codes::FILE_NOT_FOUND,
        QueryErrorKind::Outside | QueryErrorKind::GitFolder => codes::PATH_OUTSIDE_ROOT,
        QueryErrorKind::BadParams => codes::BAD_PARAMS,
        QueryErrorKind::Changed => codes::FILE_CHANGED,
        QueryErrorKind::Cancelled => codes::CANCELLED,
        QueryErrorKind::TimedOut => codes::TIMED_OUT,
        QueryErrorKind::NotARepository => codes::NOT_A_REPOSITORY,
        QueryErrorKind::WrongKind
        | QueryErrorKind::TooLarge
        | QueryErrorKind::NotText
        | QueryErrorKind::ReadOnly
        | QueryErrorKind::Repository
        | QueryErrorKind::Io => codes::FILE_FAILED,
    };
    let fault = Fault::new(code, error.to_string());
    let kind = error.kind().as_str();
    fault.with_data(&json!({ "kind": kind, "hash": error.present_hash() }).to_string())
}

//! The description of the operations, as OpenAPI 3.1.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hostler_device::json::Failure;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{Operation, lease::LEASE_HEADER, operation::LeaseHeader};

/// Made once: nothing in it changes while a host runs.
pub(super) fn document(operations: &[Operation]) -> Bytes {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut schemas = settings.into_generator();
    let failure = schemas.subschema_for::<Failure>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let described = describe(operation, &mut schemas, failure.as_value());
        let path = paths
            .entry(operation.path)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_owned(), described);
        }
    }
    let schemas = schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hostler",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Devices on lease, sessions, plugins and tokens of one host.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
    .to_string()
    .into()
}

pub(super) fn answer(document: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], document).into_response()
}

fn describe(operation: &Operation, schemas: &mut SchemaGenerator, failure: &Value) -> Value {
    let mut parameters: Vec<Value> = path_names(operation.path)
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        })
        .collect();
    if operation.lease != LeaseHeader::None {
        let required = operation.lease == LeaseHeader::Required;
        let about = if required {
            "The id of the lease, as the allocation answered it."
        } else {
            "The id of an ask that waits, as the event `waiting` told it: to go on with it after \
             the connection or the host was lost."
        };
        parameters.push(json!({
            "name": LEASE_HEADER.as_str(), "in": "header", "required": required,
            "schema": { "type": "string", "pattern": "^[0-9a-fA-F]{32}$" },
            "description": about,
        }));
    }
    if let Some(query) = operation.query {
        let query = query(schemas).to_value();
        let needed = query.get("required").and_then(Value::as_array);
        for (name, schema) in query
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let needed = needed.is_some_and(|needed| needed.iter().any(|one| one == name));
            parameters
                .push(json!({ "name": name, "in": "query", "required": needed, "schema": schema }));
        }
    }
    let mut content = Map::new();
    if let Some(answer) = operation.answer {
        content.insert(
            "application/json".to_owned(),
            json!({ "schema": answer(schemas) }),
        );
    }
    let text = json!({ "schema": { "type": "string" } });
    if operation.text {
        content.insert("text/plain".to_owned(), text.clone());
    }
    if operation.events {
        content.insert("text/event-stream".to_owned(), text);
    }
    if let Some(data) = operation.stream {
        let schema = json!({
            "type": "string", "contentMediaType": "application/json", "contentSchema": data(schemas),
            "description": "The `data` of each event.",
        });
        content.insert("text/event-stream".to_owned(), json!({ "schema": schema }));
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "schema": { "type": "string", "pattern": "^[0-9]+$" },
            "description": "The `id` of the last event that was seen: what came after it follows.",
        }));
    }
    if operation.bytes {
        content.insert("*/*".to_owned(), json!({}));
    }
    let needs = operation.scope.map_or_else(
        || "Needs no token.".to_owned(),
        |scope| format!("Needs the scope `{scope}`."),
    );
    let mut described = json!({
        "summary": operation.about,
        "description": needs,
        "parameters": parameters,
        "responses": {
            operation.status.to_string(): { "description": "Done.", "content": content },
            "default": {
                "description": "Why not.",
                "content": { "application/json": { "schema": failure } },
            },
        },
    });
    if let Some(described) = described.as_object_mut() {
        if let Some(body) = operation.body {
            let content = json!({ "application/json": { "schema": body(schemas) } });
            let body = json!({ "required": true, "content": content });
            described.insert("requestBody".to_owned(), body);
        }
        if operation.scope.is_none() {
            described.insert("security".to_owned(), json!([]));
        }
    }
    described
}

/// What varies in a path.
fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

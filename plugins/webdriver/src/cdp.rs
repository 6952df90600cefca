//! Chrome's own commands (CDP) through an endpoint.

use std::time::Duration;

use hostler_sdk::Blob;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::wire::{COMMAND, Fault, Kind, Result, Wire, value};

const EXECUTE: &str = "/goog/cdp/execute";

impl Wire {
    /// One command and its result.
    pub(crate) fn cdp<T: DeserializeOwned>(&self, command: &str, params: Value) -> Result<T> {
        self.cdp_for(command, params, COMMAND)
    }

    pub(crate) fn cdp_for<T: DeserializeOwned>(
        &self,
        command: &str,
        params: Value,
        timeout: Duration,
    ) -> Result<T> {
        value(&self.cdp_blob(command, params, timeout)?, "/value")
    }

    /// The answer as the host has it: pictures.
    pub(crate) fn cdp_blob(&self, command: &str, params: Value, timeout: Duration) -> Result<Blob> {
        let body = json!({"cmd": command, "params": params});
        self.post_blob(EXECUTE, &body, timeout)
            .map_err(|fault| explain(fault, command))
    }

    /// One command that has nothing to tell.
    pub(crate) fn cdp_run(&self, command: &str, params: Value) -> Result {
        self.cdp::<Value>(command, params).map(drop)
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate<T: DeserializeOwned>(
        &self,
        expression: &str,
        timeout: Duration,
    ) -> Result<T> {
        let params = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
            "userGesture": true,
        });
        self.cdp_for::<Evaluated>("Runtime.evaluate", params, timeout)?
            .value()
    }

    /// The value of a function with an element of the page as `this`.
    pub(crate) fn call_on<T: DeserializeOwned>(
        &self,
        backend: i64,
        function: &str,
        argument: &str,
    ) -> Result<T> {
        let resolved: Resolved = self.cdp("DOM.resolveNode", json!({"backendNodeId": backend}))?;
        let params = json!({
            "objectId": resolved.object.object_id, "functionDeclaration": function,
            "arguments": [{"value": argument}], "returnByValue": true, "userGesture": true,
        });
        self.cdp::<Evaluated>("Runtime.callFunctionOn", params)?
            .value()
    }
}

/// An endpoint without Chrome behind it knows none of this.
fn explain(fault: Fault, command: &str) -> Fault {
    if fault.kind == Kind::Unsupported && !fault.text.contains("wasn't found") {
        return Fault::new(
            Kind::Unsupported,
            format!("this endpoint has no Chrome behind it that does {command}"),
        );
    }
    fault
}

#[derive(Deserialize)]
struct Resolved {
    object: Object,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    object_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated {
    #[serde(default)]
    result: Outcome,
    exception_details: Option<Exception>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome {
    value: Value,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(default)]
    text: String,
    exception: Option<Thrown>,
}

#[derive(Deserialize)]
struct Thrown {
    #[serde(default)]
    description: String,
}

impl Evaluated {
    fn value<T: DeserializeOwned>(self) -> Result<T> {
        if let Some(exception) = self.exception_details {
            let thrown = exception.exception.map(|thrown| thrown.description);
            let said = thrown
                .filter(|said| !said.is_empty())
                .unwrap_or(exception.text);
            let line = said.lines().next().unwrap_or_default();
            return Err(Fault::new(Kind::Other, format!("the page says: {line}")));
        }
        serde_json::from_value(self.result.value)
            .map_err(|error| Fault::new(Kind::Other, format!("the page answers nonsense: {error}")))
    }
}

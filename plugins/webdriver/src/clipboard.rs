//! The browser's own clipboard, which no other program shares while it has no
//! window. Pages may use it that are of https or of this machine.

use hostler_sdk::device::{Error, Result};
use serde_json::json;

use crate::wire::{COMMAND, Wire};

const READ: &str = "isSecureContext ? navigator.clipboard.readText() : null";

pub(crate) fn read(wire: &Wire) -> Result<String> {
    grant(wire)?;
    wire.evaluate::<Option<String>>(READ, COMMAND)?
        .ok_or_else(insecure)
}

pub(crate) fn write(wire: &Wire, text: &str) -> Result {
    grant(wire)?;
    let script = format!(
        "isSecureContext && navigator.clipboard.writeText({}).then(() => true)",
        json!(text)
    );
    if wire.evaluate(&script, COMMAND)? {
        return Ok(());
    }
    Err(insecure())
}

fn grant(wire: &Wire) -> Result {
    let permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"];
    let params = json!({"permissions": permissions});
    Ok(wire.cdp_run("Browser.grantPermissions", params)?)
}

fn insecure() -> Error {
    Error::Unsupported(
        "a page of plain http may not use the clipboard; open one of https first".to_owned(),
    )
}

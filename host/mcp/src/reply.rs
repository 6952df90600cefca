//! What a tool says: text for the model, and the same as JSON for programs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hostler_device::json::{FailureBody, Picture};
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

/// What a tool comes to.
pub(crate) type Reply = Result<CallToolResult, FailureBody>;

/// The largest picture: models take no larger ones.
const MAX_PICTURE: usize = 5 * 1024 * 1024;

pub(crate) fn text(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// Text, and the same for programs.
pub(crate) fn structured(says: impl Into<String>, value: &impl Serialize) -> Reply {
    let mut result = text(says);
    let value = serde_json::to_value(value).map_err(|error| {
        FailureBody::new("INTERNAL", format!("the answer cannot be JSON: {error}"))
    })?;
    result.structured_content = Some(value);
    Ok(result)
}

/// A picture that the model sees.
pub(crate) fn picture(says: String, picture: &Picture) -> Reply {
    if picture.data.len() > MAX_PICTURE {
        let message = format!(
            "the picture has {} bytes, and models take at most {MAX_PICTURE}; leave `full` out",
            picture.data.len()
        );
        return Err(FailureBody::new("PICTURE_TOO_LARGE", message));
    }
    let data = STANDARD.encode(&picture.data);
    Ok(CallToolResult::success(vec![
        ContentBlock::image(data, picture.media_type.clone()),
        ContentBlock::text(says),
    ]))
}

/// No, with the code first: models read from the beginning.
pub(crate) fn refused(failure: &FailureBody) -> CallToolResult {
    let says = format!("{}: {}", failure.code, failure.message);
    let mut result = CallToolResult::error(vec![ContentBlock::text(says)]);
    result.structured_content = serde_json::to_value(failure).ok();
    result
}

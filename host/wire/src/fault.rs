use serde_json::value::RawValue;

use crate::codes::Code;
use crate::text::{for_each_member, write_string};

/// An error as the client receives it.
///
/// `error.data` is always an object and begins with `"code"`, the stable name.
/// The members of `data` follow if it is an object without a `code` of its own;
/// any other data stands whole under `detail`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{name}: {message}")]
pub struct Fault {
    /// `error.code`.
    pub code: i32,
    /// `error.data.code`: one of [`crate::codes`].
    pub name: &'static str,
    /// One or two sentences for a person: what was wrong, where, what to do.
    pub message: String,
    /// More for programs.
    pub data: Option<Box<RawValue>>,
}

impl Fault {
    /// A fault without further data.
    pub fn new(code: Code, message: impl Into<String>) -> Fault {
        Fault {
            code: code.number,
            name: code.name,
            message: message.into(),
            data: None,
        }
    }

    /// The same with another number: an agent's own error code passes through,
    /// under the host's name for the case.
    #[must_use]
    pub fn with_number(mut self, number: i32) -> Fault {
        self.code = number;
        self
    }

    /// The same with data, given as JSON text. Text that is not JSON is kept as
    /// a string.
    #[must_use]
    pub fn with_data(mut self, json: &str) -> Fault {
        self.data = serde_json::from_str(json)
            .or_else(|_| serde_json::value::to_raw_value(json))
            .ok();
        self
    }

    /// The JSON object of `error`.
    pub fn to_json(&self) -> String {
        let extra = self.data.as_deref().map_or(0, |data| data.get().len());
        let mut out = String::with_capacity(80 + self.name.len() + self.message.len() + extra);
        out.push_str("{\"code\":");
        out.push_str(&self.code.to_string());
        out.push_str(",\"message\":");
        write_string(&mut out, &self.message);
        out.push_str(",\"data\":{\"code\":");
        write_string(&mut out, self.name);
        if let Some(data) = &self.data {
            write_data(&mut out, data);
        }
        out.push_str("}}");
        out
    }
}

/// Appends the members of `data`, or `data` as `detail`, with a comma before.
fn write_data(out: &mut String, data: &RawValue) {
    let before = out.len();
    let mut own_code = false;
    let read = if data.get().starts_with('{') {
        for_each_member(data.get(), |key, value| {
            own_code |= key == "code";
            out.push(',');
            write_string(out, &key);
            out.push(':');
            out.push_str(value.get());
        })
        .is_ok()
    } else {
        false
    };
    if own_code || !read {
        out.truncate(before);
        out.push_str(",\"detail\":");
        out.push_str(data.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use serde_json::{Value, json};

    fn data(fault: &Fault) -> Value {
        let json: Value = serde_json::from_str(&fault.to_json()).unwrap();
        json["data"].clone()
    }

    #[test]
    fn a_fault_carries_number_message_and_stable_name() {
        let fault = Fault::new(codes::UNKNOWN_SESSION, "no session \"x\"\nhere");
        let json: Value = serde_json::from_str(&fault.to_json()).unwrap();
        assert_eq!(
            json,
            json!({"code": -32002, "message": "no session \"x\"\nhere",
                   "data": {"code": "UNKNOWN_SESSION"}})
        );
    }

    #[test]
    fn data_of_an_object_is_merged_as_it_came() {
        let fault = Fault::new(codes::HARNESS_FAILED, "m").with_data(r#"{"a":1e2,"b":[{}]}"#);
        assert!(fault.to_json().contains(r#""a":1e2,"b":[{}]"#));
        assert_eq!(
            data(&fault),
            json!({"code": "HARNESS_FAILED", "a": 1e2, "b": [{}]})
        );
    }

    #[test]
    fn data_never_replaces_the_stable_name() {
        let fault = Fault::new(codes::HARNESS_FAILED, "m").with_data(r#"{"a":1,"code":"X"}"#);
        assert_eq!(
            data(&fault),
            json!({"code": "HARNESS_FAILED", "detail": {"a": 1, "code": "X"}})
        );
    }

    #[test]
    fn data_of_another_type_stands_under_detail() {
        for given in ["[1]", "3", "null", "\"x\""] {
            let fault = Fault::new(codes::INTERNAL, "m").with_data(given);
            let given: Value = serde_json::from_str(given).unwrap();
            assert_eq!(data(&fault), json!({"code": "INTERNAL", "detail": given}));
        }
    }

    #[test]
    fn data_that_is_not_json_is_kept_as_text() {
        let fault = Fault::new(codes::INTERNAL, "m").with_data("oops{");
        assert_eq!(data(&fault)["detail"], "oops{");
    }

    #[test]
    fn an_agents_own_number_passes_through() {
        let fault = Fault::new(codes::HARNESS_FAILED, "m").with_number(-7);
        let json: Value = serde_json::from_str(&fault.to_json()).unwrap();
        assert_eq!(json["code"], -7);
    }
}

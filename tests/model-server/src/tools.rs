//! The tools that a Responses request offers. In Codex's code mode there is one
//! that takes a script, and most of the others can only be called by it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The tool that takes a script.
const SCRIPT: &str = "exec";

/// What a request offers by itself.
#[derive(Debug, Default)]
pub(crate) struct Tools(BTreeSet<String>);

impl Tools {
    /// They stand beside the input, or in it.
    pub(crate) fn of(request: &Value) -> Self {
        let input = request["input"].as_array().into_iter().flatten();
        let later = input.filter(|item| item["type"] == "additional_tools");
        let lists = later.map(|item| &item["tools"]).chain([&request["tools"]]);
        let mut names = BTreeSet::new();
        for tool in lists.filter_map(Value::as_array).flatten() {
            let inner = tool["tools"].as_array().into_iter().flatten();
            let names_of = inner.chain([tool]).filter_map(|tool| tool["name"].as_str());
            names.extend(names_of.map(ToOwned::to_owned));
        }
        Self(names)
    }

    /// The call, or one of a script that makes it.
    pub(crate) fn call(&self, item: Value) -> Value {
        let name = item["name"].as_str().unwrap_or_default();
        if !self.0.contains(SCRIPT) || self.0.contains(name) {
            return item;
        }
        let name = match item["namespace"].as_str() {
            Some(space) => format!("{space}__{name}"),
            None => name.to_owned(),
        };
        // Arguments are JSON, which is JavaScript; other input is a text.
        let argument = match item["arguments"].as_str() {
            Some(arguments) => arguments.to_owned(),
            None => item["input"].to_string(),
        };
        let source = format!("const result = await tools.{name}({argument});\ntext(result);");
        json!({
            "type": "custom_tool_call", "call_id": item["call_id"], "name": SCRIPT,
            "input": source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_code_mode() -> Tools {
        let tools = json!([
            {"type": "namespace", "name": "functions", "tools": [
                {"type": "custom", "name": "exec"}, {"type": "function", "name": "wait"}]},
        ]);
        Tools::of(&json!({"input": [{"type": "additional_tools", "tools": tools}]}))
    }

    #[test]
    fn what_is_not_offered_in_code_mode_is_called_by_a_script() {
        let call = json!({"type": "function_call", "call_id": "c", "name": "exec_command",
                          "arguments": "{\"cmd\":\"ls\"}"});
        let called = in_code_mode().call(call.clone());
        assert_eq!(called["name"], "exec");
        assert_eq!(
            called["input"],
            "const result = await tools.exec_command({\"cmd\":\"ls\"});\ntext(result);"
        );
        let patch = json!({"type": "custom_tool_call", "name": "apply_patch", "input": "a\n"});
        let called = in_code_mode().call(patch);
        assert!(
            called["input"]
                .as_str()
                .unwrap()
                .contains("apply_patch(\"a\\n\")")
        );
        let offered = json!({"tools": [{"name": "exec_command"}]});
        assert_eq!(Tools::of(&offered).call(call.clone()), call);
    }

    #[test]
    fn what_is_offered_is_called_as_it_is() {
        let call =
            json!({"type": "function_call", "call_id": "c", "name": "wait", "arguments": "{}"});
        assert_eq!(in_code_mode().call(call.clone()), call);
    }
}

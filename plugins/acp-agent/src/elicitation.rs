//! `elicitation/create`: what an agent wants to know. A question that has its
//! answers with it is asked as a permission, whose options every client shows. One
//! that needs words stays a form.

use hostler_sdk::acp::{self, PermissionOptionKind as Kind};
use hostler_sdk::text::one_line;
use hostler_sdk::{Failure, Result, client, random};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) const METHOD: &str = "elicitation/create";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Elicitation {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    message: String,
    url: Option<String>,
    #[serde(default)]
    requested_schema: Value,
}

/// A question with options.
#[derive(Debug)]
pub(crate) struct Form {
    /// The tool call that stands for it.
    call: String,
    title: String,
    content: Vec<acp::ToolCallContent>,
    options: Vec<Choice>,
    message: String,
}

#[derive(Debug)]
struct Choice {
    name: String,
    kind: Kind,
    /// What the agent gets.
    answer: Value,
}

/// The params of a permission.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Params {
    tool_call: Value,
    options: Vec<Value>,
}

/// Something to open, in a browser.
pub(crate) fn is_address(params: &str) -> bool {
    serde_json::from_str(params).is_ok_and(|ask: Elicitation| ask.mode == "url")
}

fn accept(content: Value) -> Value {
    json!({ "action": "accept", "content": content })
}

fn action(action: &str) -> Value {
    json!({ "action": action })
}

impl Form {
    /// Reads the question.
    pub(crate) fn read(agent: &str, params: &str) -> Result<Self> {
        let ask: Elicitation = serde_json::from_str(params)?;
        let values = match ask.mode.as_str() {
            "url" => vec![("I have opened it".to_owned(), action("accept"))],
            _ => values(&ask.requested_schema),
        };
        let decline = Choice {
            name: "Decline".to_owned(),
            kind: Kind::RejectOnce,
            answer: action("decline"),
        };
        let options = values.into_iter().map(|(name, answer)| Choice {
            name,
            kind: Kind::AllowOnce,
            answer,
        });
        let options: Vec<_> = options.collect();
        let texts = [Some(ask.message.clone()), ask.url].into_iter().flatten();
        Ok(Self {
            call: format!("elicitation-{}", random::uuid()?),
            title: one_line(&format!("{agent} asks: {}", ask.message)),
            content: texts.map(acp::ToolCallContent::from).collect(),
            options: match options.is_empty() {
                true => options,
                false => options.into_iter().chain([decline]).collect(),
            },
            message: ask.message,
        })
    }

    /// Its answers do not come with it.
    pub(crate) const fn needs_words(&self) -> bool {
        self.options.is_empty()
    }

    /// What it says.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What the agent gets when nobody can be asked.
    pub(crate) fn declined() -> String {
        action("decline").to_string()
    }

    /// Shows it as a tool call, of which the permission is.
    pub(crate) fn announce(&self) -> Result {
        self.show("pending")
    }

    /// Tells those who were not asked what came of it, and of the words nothing:
    /// they may be secrets.
    pub(crate) fn tell(&self, answer: &str) -> Result {
        #[derive(Deserialize)]
        struct Answer {
            action: String,
        }
        let accepted =
            serde_json::from_str(answer).is_ok_and(|answer: Answer| answer.action == "accept");
        self.show(if accepted { "completed" } else { "failed" })
    }

    fn show(&self, status: &str) -> Result {
        client::update(&json!({
            "sessionUpdate": "tool_call", "toolCallId": self.call, "title": self.title,
            "kind": "other", "status": status, "content": self.content,
        }))
    }

    pub(crate) fn params(&self) -> Params {
        let option = |(index, choice): (usize, &Choice)| json!({ "optionId": index.to_string(), "name": choice.name, "kind": choice.kind });
        Params {
            tool_call: json!({
                "toolCallId": self.call, "title": self.title, "content": self.content,
            }),
            options: self.options.iter().enumerate().map(option).collect(),
        }
    }

    /// What the agent gets for this answer; the call has ended then.
    pub(crate) fn answer(&self, outcome: &Result<String, Failure>) -> (String, Result) {
        let chosen = client::selected(outcome)
            .and_then(|option| option.0.parse().ok())
            .and_then(|index: usize| self.options.get(index));
        let answer = chosen.map_or_else(|| action("cancel"), |choice| choice.answer.clone());
        let accepted = chosen.is_some_and(|choice| choice.kind == Kind::AllowOnce);
        (answer.to_string(), self.end(accepted))
    }

    /// Its tool call has ended.
    pub(crate) fn end(&self, accepted: bool) -> Result {
        let status = if accepted { "completed" } else { "failed" };
        client::update(&json!({
            "sessionUpdate": "tool_call_update", "toolCallId": self.call, "status": status,
        }))
    }
}

/// The answers to a form of which one can be chosen: it has no field, which is a
/// yes, or one field with its values. Others need words.
fn values(schema: &Value) -> Vec<(String, Value)> {
    let fields = schema["properties"].as_object();
    let fields: Vec<_> = fields.into_iter().flatten().collect();
    let (name, field) = match fields.as_slice() {
        [] => return vec![("Accept".to_owned(), accept(json!({})))],
        [field] => *field,
        _ => return Vec::new(),
    };
    let of = |value: &Value, label: &Value| {
        let label = label
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        (label, accept(json!({ name.as_str(): value })))
    };
    if field["type"] == "boolean" {
        return vec![
            of(&json!(true), &json!("Yes")),
            of(&json!(false), &json!("No")),
        ];
    }
    let named = field["oneOf"].as_array().into_iter().flatten();
    let named = named.map(|value| of(&value["const"], &value["title"]));
    let plain = field["enum"].as_array().into_iter().flatten();
    named.chain(plain.map(|value| of(value, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(schema: &Value) -> Vec<String> {
        values(schema).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_form_of_one_choice_has_its_values_as_options() {
        let one = |field: Value| json!({ "properties": { "size": field } });
        assert_eq!(names(&json!({})), ["Accept"]);
        assert_eq!(names(&one(json!({"type": "boolean"}))), ["Yes", "No"]);
        let schema = one(json!({"type": "string", "enum": ["S", 7]}));
        assert_eq!(names(&schema), ["S", "7"]);
        assert_eq!(
            values(&schema)[1].1,
            json!({"action": "accept", "content": {"size": 7}})
        );
        let named = json!({"oneOf": [{"const": "s", "title": "Small"}]});
        assert_eq!(names(&one(named)), ["Small"]);
    }

    #[test]
    fn a_form_that_needs_words_has_no_options() {
        let words = json!({"properties": {"name": {"type": "string"}}});
        assert!(names(&words).is_empty());
        let two = json!({"properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}});
        assert!(names(&two).is_empty());
    }
}

//! The accessibility tree as Chrome tells it.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// One document's.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    nodes: Vec<AxNode>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AxNode {
    node_id: String,
    pub(crate) ignored: bool,
    role: AxValue,
    name: AxValue,
    value: AxValue,
    properties: Vec<Property>,
    child_ids: Vec<String>,
    parent_id: Option<String>,
    #[serde(rename = "backendDOMNodeId")]
    pub(crate) backend: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AxValue {
    value: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Property {
    name: String,
    value: AxValue,
}

/// A tree that can be walked.
#[derive(Debug, Default)]
pub(crate) struct AxTree {
    nodes: Vec<AxNode>,
    children: Vec<Vec<usize>>,
    root: Option<usize>,
}

impl From<Answer> for AxTree {
    fn from(answer: Answer) -> Self {
        let nodes = answer.nodes;
        let by_id: HashMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (node.node_id.as_str(), index))
            .collect();
        let indexes = |ids: &[String]| -> Vec<usize> {
            let found = ids.iter().filter_map(|id| by_id.get(id.as_str()));
            found.copied().collect()
        };
        let children = nodes.iter().map(|node| indexes(&node.child_ids)).collect();
        let root = nodes.iter().position(|node| node.parent_id.is_none());
        Self {
            children,
            root,
            nodes,
        }
    }
}

impl AxTree {
    pub(crate) fn root(&self) -> Option<usize> {
        self.root
    }

    pub(crate) fn node(&self, index: usize) -> Option<&AxNode> {
        self.nodes.get(index)
    }

    pub(crate) fn children(&self, index: usize) -> &[usize] {
        self.children.get(index).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

impl AxNode {
    pub(crate) fn role(&self) -> &str {
        self.role.value.as_str().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.name.value.as_str().unwrap_or_default()
    }

    pub(crate) fn value(&self) -> Option<String> {
        match &self.value.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn property(&self, name: &str) -> Option<&Value> {
        let found = self.properties.iter().find(|found| found.name == name)?;
        Some(&found.value.value)
    }

    /// `true`, or `"true"`, or for what has three states `"mixed"`.
    pub(crate) fn is(&self, name: &str) -> bool {
        match self.property(name) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text == "true" || text == "mixed",
            _ => false,
        }
    }

    /// `plaintext`, `richtext`.
    pub(crate) fn editable(&self) -> Option<&str> {
        self.property("editable")?.as_str()
    }
}

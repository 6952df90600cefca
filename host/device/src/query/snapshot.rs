use std::{collections::HashMap, sync::Arc};

use hostler_provider::{Node, Tree};

use super::{Element, QueryError, Selector, secret};

/// Elements that an error for an ambiguous selector names: enough to choose.
const CANDIDATES_SHOWN: usize = 5;

/// What is quoted of a label.
const LABEL_CHARS: usize = 40;

/// The latest snapshot of a device, with its refs.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    tree: Arc<Tree>,
    by_number: HashMap<u32, usize>,
}

impl Snapshot {
    /// Of what was on the screen, without what was typed into fields for secrets.
    pub fn new(mut tree: Tree) -> Self {
        secret::hide(&mut tree);
        let numbers = tree.nodes.iter().enumerate();
        Self {
            by_number: numbers.map(|(index, node)| (node.number, index)).collect(),
            tree: Arc::new(tree),
        }
    }

    /// All of it.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The element of that ref.
    pub fn node(&self, number: u32) -> Option<&Node> {
        self.tree.nodes.get(*self.by_number.get(&number)?)
    }

    /// The greatest ref.
    pub(crate) fn greatest(&self) -> Option<u32> {
        self.by_number.keys().max().copied()
    }

    /// The one element that is meant. If several fit of which one contains the
    /// others, as a button does its text, it is that one.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, element: &Element) -> Result<&Node, QueryError> {
        match element {
            Element::Ref(number) => self
                .node(*number)
                .ok_or_else(|| QueryError::NoMatch(element.to_string())),
            Element::Selector(selector) => self.select(selector, element),
        }
    }

    /// The elements whose label, value or identifier contains the text, without
    /// regard to case; in document order, at most `limit`.
    pub fn search(&self, text: &str, limit: usize) -> Vec<&Node> {
        let text = text.to_lowercase();
        let has = |own: &str| own.to_lowercase().contains(&text);
        let fits = |node: &&Node| {
            has(&node.label)
                || node.value.as_deref().is_some_and(has)
                || node.identifier.as_deref().is_some_and(has)
        };
        self.tree.nodes.iter().filter(fits).take(limit).collect()
    }

    /// What people read of an element: its value, or its label, or the labels of
    /// what is in it.
    pub fn text(&self, number: u32) -> Option<String> {
        let index = *self.by_number.get(&number)?;
        let node = self.tree.nodes.get(index)?;
        let own = node.value.as_deref().filter(|value| !value.is_empty());
        let own = own.unwrap_or(&node.label);
        if !own.is_empty() {
            return Some(own.to_owned());
        }
        let labels = self.within(index).map(|node| node.label.as_str());
        let labels: Vec<_> = labels.filter(|label| !label.is_empty()).collect();
        Some(labels.join(" "))
    }

    /// What is in an element, without itself.
    fn within(&self, index: usize) -> impl Iterator<Item = &Node> {
        let depth = self.tree.nodes.get(index).map_or(0, |node| node.depth);
        let after = self.tree.nodes.iter().skip(index + 1);
        after.take_while(move |node| node.depth > depth)
    }

    fn select(&self, selector: &Selector, element: &Element) -> Result<&Node, QueryError> {
        let mut several = None;
        for alternative in 0..selector.alternatives() {
            let nodes = self.tree.nodes.iter().enumerate();
            let fitting: Vec<(usize, &Node)> = nodes
                .filter(|(_, node)| selector.fits(alternative, node))
                .collect();
            match self.container(&fitting) {
                Some(node) => return Ok(node),
                None if !fitting.is_empty() && several.is_none() => several = Some(fitting),
                None => {}
            }
        }
        Err(match several {
            None => QueryError::NoMatch(element.to_string()),
            Some(fitting) => QueryError::Several {
                query: element.to_string(),
                count: fitting.len(),
                candidates: candidates(&fitting),
            },
        })
    }

    /// The one that contains the others; a root does not count beside others, for
    /// it contains everything.
    fn container<'a>(&self, fitting: &[(usize, &'a Node)]) -> Option<&'a Node> {
        let fitting = match fitting {
            [(_, root), rest @ ..] if root.depth == 0 && !rest.is_empty() => rest,
            all => all,
        };
        let (first, rest) = fitting.split_first()?;
        let inside = self.within(first.0).count();
        rest.last()
            .is_none_or(|(last, _)| *last <= first.0 + inside)
            .then_some(first.1)
    }
}

fn candidates(fitting: &[(usize, &Node)]) -> String {
    let shown = fitting.iter().take(CANDIDATES_SHOWN).map(|(_, node)| {
        let label: String = node.label.chars().take(LABEL_CHARS).collect();
        format!("@e{} {} {label:?}", node.number, node.role)
    });
    let mut shown: Vec<String> = shown.collect();
    if fitting.len() > CANDIDATES_SHOWN {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests;

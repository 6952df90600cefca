use std::fmt;

use hostler_provider::Node;

use super::QueryError;

/// The longest ref or selector, in bytes: a few labels. Callers write it, and it
/// is compared with every element of a tree.
pub const MAX_SELECTOR_BYTES: usize = 2048;

/// What is quoted of a text that cannot be read.
const QUOTED_CHARS: usize = 80;

/// An element, as callers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// `@e12`: of the latest snapshot.
    Ref(u32),
    /// By what it is.
    Selector(Selector),
}

/// Alternatives behind `||`, of which the first counts that fits one element;
/// each is terms with spaces between that all hold.
///
/// `key=value` compares all of the text, without regard to case: `role`, `label`,
/// `value`, `id`, or `text`, which is the label or the value. A value with spaces
/// stands in single or double quotes. A state stands alone or with `=true` or
/// `=false`: `visible`, `hidden`, `enabled`, `hittable`, `focused`, `selected`,
/// `checked`, `expanded`, `editable`, `secure`, `scrollable`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    text: String,
    alternatives: Vec<Vec<Term>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    /// The value in lower case.
    Text(TextKey, String),
    State(State, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextKey {
    Role,
    Label,
    Value,
    Id,
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Visible,
    Hidden,
    Enabled,
    Hittable,
    Focused,
    Selected,
    Checked,
    Expanded,
    Editable,
    Secure,
    Scrollable,
}

impl State {
    pub(super) fn named(name: &str) -> Option<State> {
        Some(match name {
            "visible" => State::Visible,
            "hidden" => State::Hidden,
            "enabled" => State::Enabled,
            "hittable" => State::Hittable,
            "focused" => State::Focused,
            "selected" => State::Selected,
            "checked" => State::Checked,
            "expanded" => State::Expanded,
            "editable" => State::Editable,
            "secure" => State::Secure,
            "scrollable" => State::Scrollable,
            _ => return None,
        })
    }

    pub(super) fn of(self, node: &Node) -> bool {
        let states = &node.states;
        match self {
            State::Visible => !states.offscreen,
            State::Hidden => states.offscreen,
            State::Enabled => states.enabled,
            State::Hittable => states.hittable,
            State::Focused => states.focused,
            State::Selected => states.selected,
            State::Checked => states.checked,
            State::Expanded => states.expanded,
            State::Editable => states.editable,
            State::Secure => states.secure,
            State::Scrollable => states.scrollable,
        }
    }
}

impl Element {
    /// A ref or a selector.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Element, QueryError> {
        let text = text.trim();
        let malformed = |why: String| QueryError::Malformed {
            text: text.chars().take(QUOTED_CHARS).collect(),
            why,
        };
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(malformed(format!(
                "it is longer than {MAX_SELECTOR_BYTES} bytes"
            )));
        }
        if let Some(number) = text.strip_prefix('@') {
            let number = number.strip_prefix('e').unwrap_or_default();
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            return match number.parse() {
                Ok(number) if plain => Ok(Element::Ref(number)),
                _ => Err(malformed("a ref is @e and a number".to_owned())),
            };
        }
        let alternatives = alternatives(text).map_err(malformed)?;
        let text = text.to_owned();
        Ok(Element::Selector(Selector { text, alternatives }))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Ref(number) => write!(f, "@e{number}"),
            Element::Selector(selector) => f.write_str(&selector.text),
        }
    }
}

impl Selector {
    /// How many alternatives it has.
    pub(super) fn alternatives(&self) -> usize {
        self.alternatives.len()
    }

    /// Whether a node is what an alternative says.
    pub(super) fn fits(&self, alternative: usize, node: &Node) -> bool {
        let terms = self.alternatives.get(alternative);
        terms.is_some_and(|terms| terms.iter().all(|term| term.fits(node)))
    }
}

impl Term {
    fn fits(&self, node: &Node) -> bool {
        match self {
            Term::State(state, wanted) => state.of(node) == *wanted,
            Term::Text(key, wanted) => {
                let is = |text: &str| text.trim().to_lowercase() == *wanted;
                let holds = |text: &Option<String>| text.as_deref().is_some_and(is);
                match key {
                    TextKey::Role => is(&node.role),
                    TextKey::Label => is(&node.label),
                    TextKey::Value => holds(&node.value),
                    TextKey::Id => holds(&node.identifier),
                    TextKey::Text => is(&node.label) || holds(&node.value),
                }
            }
        }
    }
}

fn alternatives(text: &str) -> Result<Vec<Vec<Term>>, String> {
    let mut all = Vec::new();
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("||") {
            all.push(std::mem::take(&mut terms));
            rest = after.trim_start();
            if rest.is_empty() {
                all.push(Vec::new());
            }
            continue;
        }
        let (term, after) = term(rest)?;
        terms.push(term);
        rest = after.trim_start();
    }
    if !terms.is_empty() || all.is_empty() {
        all.push(terms);
    }
    if all.iter().any(Vec::is_empty) {
        return Err("there is nothing beside `||`, or nothing at all".to_owned());
    }
    Ok(all)
}

/// The first term, and what is behind it.
fn term(text: &str) -> Result<(Term, &str), String> {
    let end = text
        .find(|c: char| c == '=' || c == '|' || c.is_whitespace())
        .unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let state = State::named(key);
    let Some(rest) = rest.strip_prefix('=') else {
        let state = state.ok_or_else(|| {
            let key: String = key.chars().take(QUOTED_CHARS).collect();
            format!("{key:?} is no key=value and no state")
        })?;
        return Ok((Term::State(state, true), rest));
    };
    let (value, rest) = value(rest)?;
    let value = value.trim().to_lowercase();
    if let Some(state) = state {
        let wanted = match value.as_str() {
            "true" => true,
            "false" => false,
            _ => return Err(format!("{key} is true or false")),
        };
        return Ok((Term::State(state, wanted), rest));
    }
    let key = match key {
        "role" => TextKey::Role,
        "label" => TextKey::Label,
        "value" => TextKey::Value,
        "id" => TextKey::Id,
        "text" => TextKey::Text,
        other => {
            let other: String = other.chars().take(QUOTED_CHARS).collect();
            return Err(format!("{other:?} is no key"));
        }
    };
    Ok((Term::Text(key, value), rest))
}

/// A value, with or without quotes, and what is behind it.
fn value(text: &str) -> Result<(String, &str), String> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let end = text
            .find(|c: char| c.is_whitespace() || c == '|')
            .unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        if value.is_empty() {
            return Err("a value is missing behind `=`".to_owned());
        }
        return Ok((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c if c == quote => {
                let rest = text.get(at + quote.len_utf8()..).unwrap_or_default();
                return Ok((value, rest));
            }
            c => value.push(c),
        }
    }
    Err(format!("the closing {quote} is missing"))
}

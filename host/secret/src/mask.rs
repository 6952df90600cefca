use std::{
    borrow::Cow,
    collections::VecDeque,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::{SecretName, SecretValue};

mod forms;

/// Values that are known at a time: of more, the ones that were used the longest ago
/// are forgotten. A host has a handful; a value that is changed is a new one.
const KNOWN: usize = 256;

/// Writes `[secret NAME]` over values that it knows, in the forms in which they
/// come to stand in texts: as they are, in base64, as part of a URL, and as a
/// string of JSON or of a log. Cheap to clone; all clones are the same one.
/// Without a value it costs one load from memory.
#[derive(Clone, Default)]
pub struct Mask(Arc<Inner>);

#[derive(Default)]
struct Inner {
    any: AtomicBool,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    values: VecDeque<(SecretName, SecretValue)>,
    /// Made when it is needed after the values have changed.
    finder: Option<Arc<Finder>>,
}

/// Finds every form of every value.
struct Finder {
    automaton: AhoCorasick,
    /// What is written over the pattern of that number.
    marks: Vec<String>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let names = known.values.iter().map(|(name, _)| name.as_str());
        f.debug_set().entries(names).finish()
    }
}

impl Mask {
    /// From now on this value is masked.
    pub fn learn(&self, name: &SecretName, value: &SecretValue) {
        let place = |values: &VecDeque<(SecretName, SecretValue)>| {
            values.iter().position(|(n, v)| n == name && v == value)
        };
        let read = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        // The last one stays where it is, without a write.
        if place(&read.values).is_some_and(|at| at + 1 == read.values.len()) {
            return;
        }
        drop(read);
        let mut state = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = place(&state.values).and_then(|at| state.values.remove(at)) {
            state.values.push_back(used);
            return;
        }
        if state.values.len() >= KNOWN {
            state.values.pop_front();
        }
        state.values.push_back((name.clone(), value.clone()));
        state.finder = None;
        self.0.any.store(true, Ordering::Release);
    }

    /// The text with known values masked.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The bytes with known values masked.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(finder) = self.finder() else {
            return Cow::Borrowed(bytes);
        };
        let mut masked = Vec::new();
        let mut copied = 0;
        for found in finder.automaton.find_iter(bytes) {
            let mark = finder.marks.get(found.pattern().as_usize());
            masked.extend_from_slice(bytes.get(copied..found.start()).unwrap_or_default());
            masked.extend_from_slice(mark.map_or(&[], |mark| mark.as_bytes()));
            copied = found.end();
        }
        if copied == 0 {
            return Cow::Borrowed(bytes);
        }
        masked.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        Cow::Owned(masked)
    }

    /// One JSON value with known values masked, which stays one JSON value. What
    /// is not JSON is treated as text.
    pub fn json<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Cow::Owned(masked) = self.text(text) else {
            return Cow::Borrowed(text);
        };
        if serde_json::from_str::<serde::de::IgnoredAny>(&masked).is_ok() {
            return Cow::Owned(masked);
        }
        // A value stood where no string was: a number of many digits.
        match serde_json::from_str(text) {
            Ok(value) => Cow::Owned(self.value(value).to_string()),
            Err(_) => Cow::Owned(masked),
        }
    }

    fn value(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.text(&text).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, member)| (self.text(&name).into_owned(), self.value(member)))
                .collect(),
            Value::Number(number) => match self.text(&number.to_string()) {
                Cow::Owned(masked) => Value::String(masked),
                Cow::Borrowed(_) => Value::Number(number),
            },
            other => other,
        }
    }

    fn finder(&self) -> Option<Arc<Finder>> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(finder) = &known.finder {
            return Some(finder.clone());
        }
        drop(known);
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.finder.is_none() {
            known.finder = Finder::new(&known.values).map(Arc::new);
        }
        known.finder.clone()
    }
}

impl Finder {
    fn new(values: &VecDeque<(SecretName, SecretValue)>) -> Option<Self> {
        let mut patterns = Vec::new();
        let mut marks = Vec::new();
        for (name, value) in values {
            for form in forms::of(value.expose()) {
                patterns.push(form);
                marks.push(format!("[secret {name}]"));
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns.iter().map(|pattern| pattern.as_bytes()))
            .ok()?;
        Some(Self { automaton, marks })
    }
}

#[cfg(test)]
mod tests;

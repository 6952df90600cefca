//! Keys by their names in the DOM, as WebDriver spells them.

use hostler_sdk::device::{Error, Result};
use serde_json::{Value, json};

use crate::wire::{Fault, Wire};

/// WebDriver's code points for keys that are no characters.
const NAMED: &[(&str, char)] = &[
    ("Backspace", '\u{e003}'),
    ("Tab", '\u{e004}'),
    ("Enter", '\u{e007}'),
    ("Escape", '\u{e00c}'),
    ("Space", ' '),
    ("PageUp", '\u{e00e}'),
    ("PageDown", '\u{e00f}'),
    ("End", '\u{e010}'),
    ("Home", '\u{e011}'),
    ("ArrowLeft", '\u{e012}'),
    ("ArrowUp", '\u{e013}'),
    ("ArrowRight", '\u{e014}'),
    ("ArrowDown", '\u{e015}'),
    ("Insert", '\u{e016}'),
    ("Delete", '\u{e017}'),
    ("F1", '\u{e031}'),
    ("F2", '\u{e032}'),
    ("F3", '\u{e033}'),
    ("F4", '\u{e034}'),
    ("F5", '\u{e035}'),
    ("F6", '\u{e036}'),
    ("F7", '\u{e037}'),
    ("F8", '\u{e038}'),
    ("F9", '\u{e039}'),
    ("F10", '\u{e03a}'),
    ("F11", '\u{e03b}'),
    ("F12", '\u{e03c}'),
];

const MODIFIERS: &[(&str, char)] = &[
    ("Control", '\u{e009}'),
    ("Alt", '\u{e00a}'),
    ("Shift", '\u{e008}'),
    ("Meta", '\u{e03d}'),
];

/// All code points that mean keys; typed as text they must not.
const RESERVED: std::ops::RangeInclusive<char> = '\u{e000}'..='\u{e05d}';

/// A key behind its modifiers.
pub(crate) fn press(wire: &Wire, key: &str) -> Result {
    let keys = parse(key)?;
    let down = keys.iter().map(|&key| stroke("keyDown", key));
    let up = keys.iter().rev().map(|&key| stroke("keyUp", key));
    Ok(strokes(wire, down.chain(up).collect())?)
}

/// Each character by itself. Whether all of them can be typed so.
pub(crate) fn can_type(text: &str) -> bool {
    !text.contains(|character| RESERVED.contains(&character))
}

pub(crate) fn type_text(wire: &Wire, text: &str) -> Result<(), Fault> {
    let each = text.chars().filter(|&character| character != '\r');
    let each = each.map(|character| match character {
        '\n' => '\u{e007}',
        '\t' => '\u{e004}',
        other => other,
    });
    strokes(
        wire,
        each.flat_map(|key| [stroke("keyDown", key), stroke("keyUp", key)])
            .collect(),
    )
}

fn stroke(kind: &str, key: char) -> Value {
    json!({"type": kind, "value": key.to_string()})
}

fn strokes(wire: &Wire, strokes: Vec<Value>) -> Result<(), Fault> {
    let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
    wire.run("/actions", &json!({"actions": [keyboard]}))
}

/// `Control+Shift+a`, `ArrowLeft`, `+`, `Control++`.
fn parse(key: &str) -> Result<Vec<char>> {
    let mut keys = Vec::new();
    let mut rest = key;
    while let Some((name, after)) = rest.split_once('+') {
        let modifier = MODIFIERS.iter().find(|(known, _)| *known == name);
        match modifier {
            Some(&(_, code)) if !after.is_empty() => {
                keys.push(code);
                rest = after;
            }
            _ => break,
        }
    }
    let mut characters = rest.chars();
    let single = match (characters.next(), characters.next()) {
        (Some(character), None) if !RESERVED.contains(&character) => Some(character),
        _ => None,
    };
    let named = NAMED
        .iter()
        .chain(MODIFIERS)
        .find(|(name, _)| *name == rest);
    match single.or(named.map(|&(_, code)| code)) {
        Some(code) => {
            keys.push(code);
            Ok(keys)
        }
        None => Err(Error::Invalid(format!(
            "{key:?} is no key: write one character or a name of the DOM such as Enter, Tab, \
             Escape, ArrowLeft, F5, behind any of Control+, Alt+, Shift+, Meta+"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_character_or_a_name_behind_modifiers() {
        for (key, expected) in [
            ("a", "a"),
            ("Enter", "\u{e007}"),
            ("Control+a", "\u{e009}a"),
            ("Control+Shift+ArrowLeft", "\u{e009}\u{e008}\u{e012}"),
            ("+", "+"),
            ("Control++", "\u{e009}+"),
            ("Shift", "\u{e008}"),
            ("é", "é"),
        ] {
            let keys: String = parse(key).unwrap().into_iter().collect();
            assert_eq!(keys, expected, "{key}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_is_one() {
        for key in [
            "", "enter", "Control+", "Ctrl+a", "ab", "Enter+a", "\u{e007}", "a+b",
        ] {
            let refused = parse(key).unwrap_err();
            assert!(
                matches!(&refused, Error::Invalid(text) if text.contains("ArrowLeft")),
                "{key}: {refused:?}"
            );
        }
    }
}

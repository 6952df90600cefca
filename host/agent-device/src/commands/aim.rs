//! What a command is aimed at, among its arguments.

use hostler_provider::{Node, Point, Target};
use serde_json::{Map, Value, json};

use super::run::Run;
use crate::{
    fault::Fault,
    tree::{ref_of, reference},
};

/// An element or a place, as the client wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Aim {
    /// `@e12`, without a pin.
    Ref(u32),
    /// A selector.
    Selector(String),
    /// Coordinates.
    At(Point),
}

/// What was aimed at, found.
#[derive(Debug)]
pub(crate) struct Aimed {
    pub(crate) target: Target,
    /// Its middle, where that is known.
    pub(crate) at: Option<Point>,
    members: Map<String, Value>,
}

/// Keys of a selector. A word with one of them before its `=` is a part of one.
const KEYS: [&str; 16] = [
    "id",
    "role",
    "text",
    "label",
    "value",
    "visible",
    "hidden",
    "editable",
    "selected",
    "focused",
    "enabled",
    "hittable",
    "checked",
    "expanded",
    "secure",
    "scrollable",
];

/// Where selectors' states begin in [`KEYS`]: those may stand alone.
const FIRST_STATE: usize = 5;

fn is_term(word: &str) -> bool {
    let word = word.trim();
    if word == "||" {
        return true;
    }
    match word.split_once('=') {
        Some((key, _)) => KEYS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(key.trim())),
        None => KEYS
            .iter()
            .skip(FIRST_STATE)
            .any(|known| known.eq_ignore_ascii_case(word)),
    }
}

/// Splits the arguments into what is aimed at and the rest. With `text_follows`
/// the last of them is a text, however it looks.
pub(crate) fn split(words: &[String], text_follows: bool) -> Result<(Aim, &[String]), Fault> {
    let Some(first) = words.first() else {
        return Err(Fault::args(
            "a target is missing; write a ref like @e12, a selector like label=\"Sign in\", or x and y",
        ));
    };
    let rest = words.get(1..).unwrap_or_default();
    if first.starts_with('@') {
        let number = reference(first).ok_or_else(|| {
            let shown: String = first.chars().take(40).collect();
            Fault::args(format!("{shown:?} is no ref; refs look like @e12"))
                .hint("For a literal text write label=\"@handle\".")
        })?;
        return Ok((Aim::Ref(number), rest));
    }
    let terms = words.iter().take_while(|word| is_term(word)).count();
    if terms > 0 {
        let all = terms == words.len();
        let terms = if all && text_follows && terms > 1 {
            terms - 1
        } else {
            terms
        };
        let (selector, rest) = words.split_at_checked(terms).unwrap_or((words, &[]));
        return Ok((Aim::Selector(selector.join(" ")), rest));
    }
    let number = |word: Option<&String>| {
        let number = word.and_then(|word| word.parse::<f64>().ok());
        number.filter(|number| number.is_finite())
    };
    match (number(words.first()), number(words.get(1))) {
        (Some(x), Some(y)) => Ok((Aim::At(Point { x, y }), words.get(2..).unwrap_or_default())),
        _ => {
            let shown: String = first.chars().take(80).collect();
            let message = format!("{shown:?} is no target; it needs a ref, a selector, or x and y");
            Err(Fault::args(message).hint(format!(
                "To match a visible text write text={shown:?}; refs look like @e12."
            )))
        }
    }
}

impl Aim {
    /// As the host's own rules read it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Ref(number) => format!("@e{number}"),
            Self::Selector(selector) => selector.clone(),
            Self::At(at) => format!("{} {}", at.x, at.y),
        }
    }

    /// Finds it on the screen.
    pub(crate) async fn find(&self, run: &Run<'_>) -> Result<Aimed, Fault> {
        let target = match self {
            Self::At(at) => Target::Point(*at),
            element => run.aim(&element.text()).await?,
        };
        let latest = run.latest()?;
        let node = match target {
            Target::Ref(number) => latest.as_ref().and_then(|latest| latest.node(number)),
            Target::Point(_) => None,
        };
        let at = match (target, node) {
            (Target::Point(at), _) => Some(at),
            (_, Some(node)) => node.rect.map(|rect| rect.center()),
            _ => None,
        };
        Ok(Aimed {
            target,
            at,
            members: self.members(target, node, at),
        })
    }

    fn members(
        &self,
        target: Target,
        node: Option<&Node>,
        at: Option<Point>,
    ) -> Map<String, Value> {
        let mut map = Map::new();
        let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
        let kind = match self {
            Self::Ref(_) => "ref",
            Self::Selector(_) => "selector",
            Self::At(_) => "point",
        };
        put("targetKind", kind.into());
        if let Target::Ref(number) = target {
            put("ref", format!("e{number}").into());
        }
        if let Self::Selector(selector) = self {
            put("selector", selector.clone().into());
        }
        if let Some(node) = node {
            put("refLabel", node.label.clone().into());
            put("targetHittable", node.states.hittable.into());
        }
        if let Some(at) = at {
            put("x", json!(at.x));
            put("y", json!(at.y));
        }
        map
    }
}

impl Aimed {
    /// What the answer says of it.
    pub(crate) fn answer(self) -> Map<String, Value> {
        self.members
    }

    /// For a message: `@e2 (250, 245)`.
    pub(crate) fn named(&self) -> String {
        let place = |at: Point| format!("({}, {})", at.x.round(), at.y.round());
        match (self.target, self.at) {
            (Target::Ref(number), Some(at)) => format!("@e{number} {}", place(at)),
            (Target::Ref(number), None) => format!("@e{number}"),
            (Target::Point(at), _) => place(at),
        }
    }
}

/// An element in an answer: `ref`, and all that is known of it.
pub(crate) fn found(node: &Node) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("ref".into(), format!("@{}", ref_of(node)).into());
    map.insert("node".into(), Value::Object(crate::tree::attributes(node)));
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn is(given: &[&str], text_follows: bool, aim: &Aim, rest: &[&str]) {
        let given = words(given);
        let (found, left) = split(&given, text_follows).unwrap();
        assert_eq!((&found, left), (aim, words(rest).as_slice()), "{given:?}");
    }

    fn selector(text: &str) -> Aim {
        Aim::Selector(text.into())
    }

    #[test]
    fn refs_selectors_and_places_are_told_apart() {
        is(&["@e12"], false, &Aim::Ref(12), &[]);
        is(&["@e12~s4", "800"], false, &Aim::Ref(12), &["800"]);
        is(
            &["10", "20.5"],
            false,
            &Aim::At(Point { x: 10.0, y: 20.5 }),
            &[],
        );
        is(
            &["10", "20", "abc"],
            true,
            &Aim::At(Point { x: 10.0, y: 20.0 }),
            &["abc"],
        );
        is(
            &["label=\"Sign in\" || id=ok"],
            false,
            &selector("label=\"Sign in\" || id=ok"),
            &[],
        );
        is(
            &["role=button", "label=Go"],
            false,
            &selector("role=button label=Go"),
            &[],
        );
        is(&["visible"], false, &selector("visible"), &[]);
    }

    #[test]
    fn the_text_of_a_field_is_no_part_of_a_selector() {
        is(&["id=email", ""], true, &selector("id=email"), &[""]);
        is(
            &["id=email", "id=not"],
            true,
            &selector("id=email"),
            &["id=not"],
        );
        is(
            &["@e3", "hello world"],
            true,
            &Aim::Ref(3),
            &["hello world"],
        );
    }

    #[test]
    fn what_is_no_target_says_what_one_is() {
        for bad in [
            &[][..],
            &["@handle"],
            &["e12"],
            &["Sign in"],
            &["10"],
            &["10", "x"],
            &["nan", "1"],
        ] {
            let message = split(&words(bad), false).unwrap_err().message().to_owned();
            assert!(message.contains("ref"), "{bad:?}: {message}");
        }
    }
}

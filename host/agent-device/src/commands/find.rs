//! `find`: elements by parts of their texts, and what is done with them.

use std::time::Duration;

use hostler_device::query::Snapshot;
use hostler_provider::{Act, Call, Node, Target};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    aim::{Aim, found, split},
    run::Run,
    settle::{MAX_PATIENCE, PATIENCE},
    touch::{fill_with, tap, typed, whole},
};
use crate::{
    fault::Fault,
    tree::{self, ref_of},
};

/// Elements that are listed, or named when there are several.
const SHOWN: usize = 20;

/// Between two looks at the screen.
const PAUSE: Duration = Duration::from_millis(150);

/// Where a text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Any,
    Text,
    Label,
    Value,
    Role,
    Id,
}

/// What is done with what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Click,
    Focus,
    Fill(String),
    Type(String),
    Exists,
    List,
    Wait(Option<u64>),
    Text,
    Attributes,
}

#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    place: Place,
    query: String,
    action: Action,
}

/// `find [PLACE] TEXT [ACTION [VALUE]]`.
fn read(words: &[String]) -> Result<Wanted, Fault> {
    let place = match words.first().map(String::as_str) {
        Some("text") => Place::Text,
        Some("label") => Place::Label,
        Some("value") => Place::Value,
        Some("role") => Place::Role,
        Some("id") => Place::Id,
        _ => Place::Any,
    };
    let words = match place {
        Place::Any => words,
        _ => words.get(1..).unwrap_or_default(),
    };
    let Some(query) = words.first().filter(|query| !query.is_empty()) else {
        return Err(Fault::args("`find` needs a text"));
    };
    let word = |place: usize| words.get(place).map(|word| word.to_lowercase());
    let text = || words.get(2..).map(|words| words.join(" "));
    let action = match word(1).as_deref() {
        None | Some("click" | "press" | "tap") => Action::Click,
        Some("focus") => Action::Focus,
        Some("exists") => Action::Exists,
        Some("list") => Action::List,
        Some("fill") if words.len() > 2 => Action::Fill(text().unwrap_or_default()),
        Some("type") if words.len() > 2 => Action::Type(text().unwrap_or_default()),
        Some("fill" | "type") => return Err(Fault::args("`find … fill` and `type` need a text")),
        Some("wait") => Action::Wait(words.get(2).map(|word| whole(word)).transpose()?),
        Some("get") => match word(2).as_deref() {
            Some("text") => Action::Text,
            Some("attrs") => Action::Attributes,
            _ => return Err(Fault::args("`find … get` gives text or attrs")),
        },
        Some(other) => {
            let shown: String = other.chars().take(40).collect();
            return Err(Fault::args(format!("`find` does not {shown:?}")).hint(
                "It does click, focus, fill, type, exists, wait, list, get text, get attrs.",
            ));
        }
    };
    Ok(Wanted {
        place,
        query: query.clone(),
        action,
    })
}

pub(crate) async fn find(run: &Run<'_>) -> Result<Value, Fault> {
    let wanted = read(&run.command.positionals)?;
    if let Action::Wait(ms) = wanted.action {
        return wait(run, &wanted, ms).await;
    }
    // A selector is allowed in place of a text.
    let words = [wanted.query.clone()];
    let aim = match (wanted.place, split(&words, false)) {
        (Place::Any, Ok((aim @ Aim::Selector(_), _))) => Some(aim),
        _ => None,
    };
    if let (Some(aim), Action::Click) = (&aim, &wanted.action) {
        return tap(run, aim).await;
    }
    let seen = run.look().await?;
    let all = match &aim {
        Some(Aim::Selector(selector)) => by_selector(run, &seen, selector).await?,
        _ => matching(&seen, wanted.place, &wanted.query),
    };
    if wanted.action == Action::List {
        let matches: Vec<_> = all
            .iter()
            .take(SHOWN)
            .map(|node| Value::Object(found(node)))
            .collect();
        return Ok(json!({ "matches": matches }));
    }
    let node = one(run, &all, &wanted)?;
    let aim = Aim::Ref(node.number);
    match wanted.action {
        Action::Click => {
            let mut answer = tap(run, &aim).await?;
            if let Some(map) = answer.as_object_mut() {
                map.insert("ref".into(), format!("@{}", ref_of(node)).into());
                map.insert("query".into(), wanted.query.into());
            }
            Ok(answer)
        }
        Action::Fill(text) => fill_with(run, &aim, &text).await,
        Action::Focus => {
            run.act(Call::Act(Target::Ref(node.number), Act::Focus))
                .await?;
            Ok(json!({ "ref": format!("@{}", ref_of(node)), "message": "Focused" }))
        }
        Action::Type(text) => {
            run.act(Call::Act(Target::Ref(node.number), Act::Focus))
                .await?;
            typed(run, &text).await?;
            Ok(json!({ "ref": format!("@{}", ref_of(node)), "text": text }))
        }
        Action::Text => {
            let mut answer = found(node);
            answer.insert("text".into(), super::look::text(&seen, node).into());
            Ok(Value::Object(answer))
        }
        Action::Attributes => Ok(Value::Object(found(node))),
        Action::Exists | Action::List | Action::Wait(_) => Ok(json!({ "found": true })),
    }
}

async fn wait(run: &Run<'_>, wanted: &Wanted, ms: Option<u64>) -> Result<Value, Fault> {
    let patience = ms.map_or(PATIENCE, Duration::from_millis).min(MAX_PATIENCE);
    let began = Instant::now();
    loop {
        let seen = run.look().await?;
        if !matching(&seen, wanted.place, &wanted.query).is_empty() {
            let waited = began.elapsed().as_millis() as u64;
            return Ok(json!({ "found": true, "waitedMs": waited }));
        }
        if began.elapsed() + PAUSE > patience {
            let message = format!(
                "{:?} did not come within {} ms",
                wanted.query,
                patience.as_millis()
            );
            return Err(Fault::new("COMMAND_FAILED", "TIMED_OUT", message));
        }
        sleep(PAUSE).await;
    }
}

async fn by_selector<'a>(
    run: &Run<'_>,
    seen: &'a Snapshot,
    selector: &str,
) -> Result<Vec<&'a Node>, Fault> {
    match run.aim(selector).await? {
        Target::Ref(number) => Ok(seen.node(number).into_iter().collect()),
        Target::Point(_) => Ok(Vec::new()),
    }
}

/// The elements that fit best: those that are called just so, or else those in
/// whose text it stands.
fn matching<'a>(seen: &'a Snapshot, place: Place, query: &str) -> Vec<&'a Node> {
    let query = folded(query);
    let mut best = 1;
    let mut fitting = Vec::new();
    for node in &seen.tree().nodes {
        let fit = fit(node, place, &query);
        if fit > best {
            best = fit;
            fitting.clear();
        }
        if fit == best {
            fitting.push(node);
        }
    }
    // What is on the screen goes before what would have to be scrolled to.
    if fitting.iter().any(|node| !node.states.offscreen) {
        fitting.retain(|node| !node.states.offscreen);
    }
    fitting
}

/// 2: it is called so; 1: the text stands in it; 0: neither.
fn fit(node: &Node, place: Place, query: &str) -> u8 {
    let of = |text: &str| match folded(text) {
        text if text.is_empty() => 0,
        text if text == query => 2,
        text => u8::from(text.contains(query)),
    };
    let value = node.value.as_deref().map_or(0, of);
    let id = node.identifier.as_deref().map_or(0, of);
    match place {
        Place::Any => of(&node.label).max(value).max(id),
        Place::Text => of(&node.label).max(value),
        Place::Label => of(&node.label),
        Place::Value => value,
        Place::Role => of(&node.role),
        Place::Id => id,
    }
}

/// Without case, with single spaces.
fn folded(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// The one that is meant.
fn one<'a>(run: &Run<'_>, all: &[&'a Node], wanted: &Wanted) -> Result<&'a Node, Fault> {
    let flags = &run.command.flags;
    let chosen = match all {
        [only] => Some(*only),
        [first, .., last] => match (flags.is("findFirst"), flags.is("findLast")) {
            (true, true) => return Err(Fault::args("`find` takes --first or --last, not both")),
            (true, false) => Some(*first),
            (false, true) => Some(*last),
            // Whether it is there is answered by several, too.
            (false, false) if wanted.action == Action::Exists => Some(*first),
            // Of an element and those in it that say the same, the innermost.
            (false, false) => None,
        },
        [] => {
            let query = format!("{:?}", wanted.query);
            return Err(hostler_device::query::QueryError::NoMatch(query).into());
        }
    };
    chosen.ok_or_else(|| {
        let names: Vec<_> = all
            .iter()
            .take(SHOWN)
            .map(|node| tree::line(node))
            .collect();
        let message = format!("{} elements match {:?}", all.len(), wanted.query);
        Fault::new("AMBIGUOUS_MATCH", "AMBIGUOUS_MATCH", message)
            .hint("Use --first, --last, or one of these refs.")
            .detail("matches", all.len())
            .detail("candidates", names)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(words: &[&str]) -> Result<Wanted, Fault> {
        read(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[track_caller]
    fn is(words: &[&str], place: Place, query: &str, action: Action) {
        let query = query.to_owned();
        assert_eq!(
            wanted(words).unwrap(),
            Wanted {
                place,
                query,
                action
            },
            "{words:?}"
        );
    }

    #[test]
    fn place_text_and_action_are_read() {
        is(&["Hi"], Place::Any, "Hi", Action::Click);
        is(&["Hi", "tap"], Place::Any, "Hi", Action::Click);
        is(
            &["label", "Hi", "exists"],
            Place::Label,
            "Hi",
            Action::Exists,
        );
        is(
            &["id", "foo", "fill", "abc def"],
            Place::Id,
            "foo",
            Action::Fill("abc def".into()),
        );
        is(
            &["id", "foo", "fill", ""],
            Place::Id,
            "foo",
            Action::Fill(String::new()),
        );
        is(
            &["role", "button", "get", "text"],
            Place::Role,
            "button",
            Action::Text,
        );
        is(
            &["Hi", "wait", "3000"],
            Place::Any,
            "Hi",
            Action::Wait(Some(3000)),
        );
        for bad in [
            &[][..],
            &["text"],
            &["Hi", "longpress"],
            &["Hi", "get"],
            &["Hi", "fill"],
        ] {
            assert!(wanted(bad).is_err(), "{bad:?}");
        }
    }
}

//! Looking at the screen: snapshots, what changed, and asking about an element.

use std::{sync::Arc, time::Duration};

use hostler_device::query::{Condition, Element, QueryError, Snapshot};
use hostler_provider::Node;
use serde_json::{Value, json};

use super::{
    aim::{Aim, found, split},
    run::{Run, within},
    settle::MAX_PATIENCE,
};
use crate::{
    diff::Diff,
    fault::Fault,
    tree::{self, Shown, View},
};

/// `snapshot`.
pub(crate) async fn snapshot(run: &Run<'_>) -> Result<Value, Fault> {
    let limit = match run.command.flags.whole("timeoutMs")? {
        Some(ms) => Duration::from_millis(ms).min(MAX_PATIENCE),
        None => MAX_PATIENCE,
    };
    let seen = within(limit, "the snapshot", run.look()).await?;
    run.note(|note| note.baseline = Some(seen.clone()));
    shown(&seen, &view(run)?)
}

/// The snapshot that `open --foreground` returns.
pub(crate) async fn first(run: &Run<'_>) -> Result<Value, Fault> {
    let seen = run.look().await?;
    let interactive = View {
        interactive: true,
        ..View::default()
    };
    shown(&seen, &interactive)
}

fn view(run: &Run<'_>) -> Result<View, Fault> {
    let flags = &run.command.flags;
    Ok(View {
        interactive: flags.is("snapshotInteractiveOnly"),
        depth: flags.whole("snapshotDepth")?,
        scope: flags.text("snapshotScope")?.map(str::to_owned),
        raw: flags.is("snapshotRaw"),
    })
}

fn shown(seen: &Snapshot, view: &View) -> Result<Value, Fault> {
    let tree = seen.tree();
    let nodes = of_view(seen, view)?;
    let nodes: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(|(index, shown)| tree::node(*shown, index))
        .collect();
    let mut value = json!({ "nodes": nodes, "truncated": tree.truncated });
    if let Some(map) = value.as_object_mut() {
        if let Some(name) = tree.title.as_ref().or(tree.app.as_ref()) {
            map.insert("appName".into(), name.clone().into());
        }
        if let Some(app) = &tree.app {
            map.insert("appBundleId".into(), app.clone().into());
        }
    }
    Ok(value)
}

fn of_view<'a>(seen: &'a Snapshot, view: &View) -> Result<Vec<Shown<'a>>, Fault> {
    tree::shown(seen.tree(), view).ok_or_else(|| {
        let scope = view.scope.clone().unwrap_or_default();
        Fault::from(QueryError::NoMatch(format!("{scope:?}")))
    })
}

/// `diff snapshot`: what has changed since the last `snapshot` or `diff`.
pub(crate) async fn diff(run: &Run<'_>) -> Result<Value, Fault> {
    match run.command.at(0) {
        None | Some("snapshot") => {}
        Some(_) => {
            return Err(Fault::unsupported(
                "only snapshots are compared here; compare screenshots on your side",
            ));
        }
    }
    let seen = run.look().await?;
    let before = run.note(|note| note.baseline.replace(seen.clone()));
    let initialized = before.is_none();
    let before = before.unwrap_or_else(|| seen.clone());
    let diff = Diff::between(before.tree(), seen.tree());
    Ok(json!({
        "mode": "snapshot", "baselineInitialized": initialized,
        "summary": diff.summary(), "lines": diff.lines_json(),
    }))
}

/// `get text|attrs TARGET`.
pub(crate) async fn get(run: &Run<'_>) -> Result<Value, Fault> {
    let words = run.command.positionals.get(1..).unwrap_or_default();
    let what = run.command.at(0).unwrap_or_default().to_lowercase();
    if !matches!(what.as_str(), "text" | "attrs") {
        return Err(Fault::args("`get` gives `text` or `attrs`"));
    }
    let (aim, _) = split(words, false)?;
    let (seen, number) = element(run, &aim).await?;
    let node = node(&seen, number)?;
    let mut answer = found(node);
    if let Aim::Selector(selector) = &aim {
        answer.insert("selector".into(), selector.clone().into());
    }
    if what == "text" {
        answer.insert("text".into(), text(&seen, node).into());
    }
    Ok(Value::Object(answer))
}

/// The element that is meant, on the screen as it is now. A ref of before still
/// counts if its element is still there.
async fn element(run: &Run<'_>, aim: &Aim) -> Result<(Arc<Snapshot>, u32), Fault> {
    let seen = run.look().await?;
    let number = match aim {
        Aim::Ref(number) => *number,
        Aim::Selector(selector) => seen.find(&Element::parse(selector)?)?.number,
        Aim::At(_) => return Err(Fault::args("this needs an element: a ref or a selector")),
    };
    Ok((seen, number))
}

fn node(seen: &Snapshot, number: u32) -> Result<&Node, Fault> {
    let stale = || hostler_device::Refusal::from(hostler_provider::DeviceError::StaleRef(number));
    Ok(seen.node(number).ok_or_else(stale)?)
}

/// What people read of an element; of a field for secrets, its label.
pub(crate) fn text(seen: &Snapshot, node: &Node) -> String {
    match node.states.secure {
        true => node.label.clone(),
        false => seen.text(node.number).unwrap_or_default(),
    }
}

/// `is PREDICATE SELECTOR [TEXT]`.
pub(crate) async fn is(run: &Run<'_>) -> Result<Value, Fault> {
    let words = &run.command.positionals;
    let predicate = words.first().map(|word| word.to_lowercase());
    let predicate = predicate.unwrap_or_default();
    let is_text = predicate == "text";
    let (aim, rest) = split(words.get(1..).unwrap_or_default(), is_text)?;
    if is_text && rest.is_empty() {
        return Err(Fault::args("`is text` needs the text that is expected"));
    }
    let element = Element::parse(&aim.text())?;
    let seen = run.look().await?;
    let holds = match predicate.as_str() {
        "absent" => !seen.holds(&element, &Condition::Exists)?,
        "text" => {
            let node = seen.find(&element)?;
            text(&seen, node) == rest.join(" ")
        }
        name => seen.holds(&element, &Condition::parse(name)?)?,
    };
    let node = seen.find(&element).ok();
    if !holds {
        let actual = node.map_or_else(|| "nothing fits".to_owned(), tree::line);
        let message = format!("`is {predicate} {}` does not hold", aim.text());
        return Err(Fault::new("COMMAND_FAILED", "ASSERTION_FAILED", message)
            .hint(format!("On the screen: {actual}"))
            .detail("actual", actual)
            .detail("predicate", predicate));
    }
    let mut answer = json!({ "predicate": predicate, "pass": true, "selector": aim.text() });
    if let (Some(map), Some(node)) = (answer.as_object_mut(), node) {
        map.insert("text".into(), text(&seen, node).into());
    }
    Ok(answer)
}

//! `wait`: until something is there, is gone, or nothing moves.

use std::time::Duration;

use hostler_provider::{Node, Target};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    aim::{Aim, split},
    run::Run,
    settle::{MAX_PATIENCE, PATIENCE, QUIET, stable},
    touch::whole,
};
use crate::{
    fault::Fault,
    tree::{self},
};

/// Between two looks at the screen.
const PAUSE: Duration = Duration::from_millis(150);

#[derive(Debug, PartialEq)]
enum For {
    Time(Duration),
    Text(String),
    There(Aim),
    Gone(Aim),
    Stable { quiet: Duration },
}

/// What is waited for, and how long.
fn read(words: &[String]) -> Result<(For, Duration), Fault> {
    let ms = |word: &String| whole(word).map(Duration::from_millis);
    let Some(first) = words.first() else {
        return Err(Fault::args(
            "`wait` needs milliseconds, text TEXT, a ref or selector, absent SELECTOR, or stable",
        ));
    };
    let rest = words.get(1..).unwrap_or_default();
    if first == "stable" {
        let quiet = rest.first().map(ms).transpose()?.unwrap_or(QUIET);
        let patience = rest.get(1).map(ms).transpose()?.unwrap_or(PATIENCE);
        return Ok((For::Stable { quiet }, patience));
    }
    if words.len() == 1 && first.bytes().all(|b| b.is_ascii_digit()) {
        return Ok((For::Time(ms(first)?), Duration::ZERO));
    }
    // A whole number at the end is the time, if something stands before it.
    let (what, patience) = match words.split_last() {
        Some((last, before))
            if before.len() > usize::from(first == "text" || first == "absent") =>
        {
            match whole(last) {
                Ok(ms) => (before, Duration::from_millis(ms)),
                Err(_) => (words, PATIENCE),
            }
        }
        _ => (words, PATIENCE),
    };
    let behind = what.get(1..).unwrap_or_default();
    let wanted = match first.as_str() {
        "text" if behind.is_empty() => return Err(Fault::args("`wait text` needs a text")),
        "text" => For::Text(behind.join(" ")),
        "absent" => For::Gone(element(behind)?),
        _ => match element(what) {
            Ok(aim) => For::There(aim),
            // Words alone are a text.
            Err(_) if !first.starts_with('@') => For::Text(what.join(" ")),
            Err(fault) => return Err(fault),
        },
    };
    Ok((wanted, patience))
}

fn element(words: &[String]) -> Result<Aim, Fault> {
    match split(words, false)? {
        (Aim::At(_), _) => Err(Fault::args("this needs an element: a ref or a selector")),
        (aim, []) => Ok(aim),
        (_, rest) => Err(Fault::args(format!(
            "{:?} does not belong here; values with spaces need quotes",
            rest.join(" ").chars().take(40).collect::<String>()
        ))),
    }
}

pub(crate) async fn wait(run: &Run<'_>) -> Result<Value, Fault> {
    let (wanted, patience) = read(&run.command.positionals)?;
    let patience = patience.min(MAX_PATIENCE);
    let began = Instant::now();
    let waited = || began.elapsed().as_millis() as u64;
    match &wanted {
        For::Time(time) if *time > MAX_PATIENCE => {
            let message = format!("one `wait` takes at most {} ms", MAX_PATIENCE.as_millis());
            Err(Fault::args(message))
        }
        For::Time(time) => {
            sleep(*time).await;
            Ok(json!({ "waitedMs": waited() }))
        }
        For::Stable { quiet } => {
            let stable = stable(run, *quiet, patience).await;
            if !stable.settled {
                let message = format!(
                    "the screen did not come to rest within {} ms",
                    patience.as_millis()
                );
                return Err(timed_out(message));
            }
            let nodes = stable
                .last
                .as_ref()
                .map_or(0, |last| last.tree().nodes.len());
            Ok(json!({
                "waitedMs": stable.waited.as_millis() as u64, "captures": stable.captures,
                "nodeCount": nodes,
            }))
        }
        For::Text(text) => {
            until(
                run,
                patience,
                &wanted,
                &format!("the text {text:?} did not come"),
            )
            .await?;
            Ok(json!({ "waitedMs": waited(), "text": text }))
        }
        For::There(aim) | For::Gone(aim) => {
            let name = aim.text();
            let verb = if matches!(wanted, For::Gone(_)) {
                "go"
            } else {
                "come"
            };
            until(run, patience, &wanted, &format!("{name} did not {verb}")).await?;
            Ok(json!({ "waitedMs": waited(), "kind": "selector", "selector": name }))
        }
    }
}

/// Whether it has come about.
async fn holds(run: &Run<'_>, wanted: &For) -> Result<bool, Fault> {
    match wanted {
        For::Text(text) => has_text(run, text).await,
        For::There(aim) => is_there(run, aim, false).await,
        For::Gone(aim) => Ok(!is_there(run, aim, true).await?),
        For::Time(_) | For::Stable { .. } => Ok(true),
    }
}

async fn until(run: &Run<'_>, patience: Duration, wanted: &For, what: &str) -> Result<(), Fault> {
    let began = Instant::now();
    loop {
        if holds(run, wanted).await? {
            return Ok(());
        }
        if began.elapsed() + PAUSE > patience {
            let names: Vec<_> = match run.latest()? {
                Some(seen) => {
                    let said = seen
                        .tree()
                        .nodes
                        .iter()
                        .filter(|node| !node.label.is_empty());
                    said.take(20).map(tree::line).collect()
                }
                None => Vec::new(),
            };
            let message = format!("{what} within {} ms", patience.as_millis());
            return Err(timed_out(message).detail("onScreen", names));
        }
        sleep(PAUSE).await;
    }
}

fn timed_out(message: String) -> Fault {
    Fault::new("COMMAND_FAILED", "TIMED_OUT", message)
        .hint("Run `agent-device snapshot -i` to see what is there, or wait longer.")
}

async fn has_text(run: &Run<'_>, text: &str) -> Result<bool, Fault> {
    let wanted = text.to_lowercase();
    let has = |node: &Node| {
        let holds = |text: &str| text.to_lowercase().contains(&wanted);
        !node.states.offscreen && (holds(&node.label) || node.value.as_deref().is_some_and(holds))
    };
    Ok(run.look().await?.tree().nodes.iter().any(has))
}

/// Whether an element is there; off the screen counts only if it is asked
/// whether it is gone.
async fn is_there(run: &Run<'_>, aim: &Aim, anywhere: bool) -> Result<bool, Fault> {
    if let Aim::Ref(number) = aim {
        let seen = run.look().await?;
        let on = |node: &Node| anywhere || !node.states.offscreen;
        return Ok(seen.node(*number).is_some_and(on));
    }
    match run.aim(&aim.text()).await {
        Ok(Target::Ref(number)) => {
            let node = run.latest()?;
            let node = node.as_ref().and_then(|seen| seen.node(number));
            Ok(anywhere || node.is_some_and(|node| !node.states.offscreen))
        }
        Ok(Target::Point(_)) => Ok(true),
        Err(fault) if fault.is_no_match() => Ok(false),
        Err(fault) if fault.reason() == "AMBIGUOUS_MATCH" => Ok(true),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(words: &[&str], wanted: For, patience: Duration) {
        let given: Vec<_> = words.iter().map(ToString::to_string).collect();
        assert_eq!(read(&given).unwrap(), (wanted, patience), "{words:?}");
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_is_waited_for_is_read() {
        is(&["100"], For::Time(ms(100)), ms(0));
        is(
            &["text", "Hello World", "3000"],
            For::Text("Hello World".into()),
            ms(3000),
        );
        is(&["text", "Hello"], For::Text("Hello".into()), PATIENCE);
        is(&["text", "42"], For::Text("42".into()), PATIENCE);
        is(&["@e2", "2000"], For::There(Aim::Ref(2)), ms(2000));
        let hi = Aim::Selector("label=Hi".into());
        is(&["label=Hi", "2000"], For::There(hi.clone()), ms(2000));
        is(&["absent", "label=Hi", "2000"], For::Gone(hi), ms(2000));
        is(
            &["stable", "300", "4000"],
            For::Stable { quiet: ms(300) },
            ms(4000),
        );
        is(&["stable"], For::Stable { quiet: QUIET }, PATIENCE);
        is(
            &["Hello", "World"],
            For::Text("Hello World".into()),
            PATIENCE,
        );
    }

    #[test]
    fn what_cannot_be_waited_for_is_refused() {
        for bad in [&[][..], &["text"], &["absent"], &["@x"], &["absent", "Hi"]] {
            let given: Vec<_> = bad.iter().map(ToString::to_string).collect();
            assert!(read(&given).is_err(), "{bad:?}");
        }
    }
}

//! Touching, pointing and typing.

use std::time::Duration;

use hostler_provider::{Act, Call};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{
    aim::{Aim, Aimed, split},
    run::Run,
    settle::Watch,
};
use crate::fault::Fault;

/// Touches that one command may ask for.
const MAX_COUNT: u64 = 200;

/// The longest touch and the longest pause: half a minute. More is a mistake.
const MAX_MS: u64 = 30_000;

/// How long a long touch is, unless the client says: as in its own hosts.
const LONG_MS: u64 = 800;

/// Characters that are typed one by one, when the client wants pauses.
const MAX_SLOW_CHARS: usize = 2000;

/// `click` and `press`.
pub(crate) async fn press(run: &Run<'_>) -> Result<Value, Fault> {
    let flags = &run.command.flags;
    if let Some(button @ ("secondary" | "middle")) = flags.text("clickButton")? {
        return Err(Fault::unsupported(format!(
            "a touch has no {button} button"
        )));
    }
    let count = bounded("count", flags.whole("count")?, 1, MAX_COUNT)?.max(1);
    let interval = bounded("intervalMs", flags.whole("intervalMs")?, 0, MAX_MS)?;
    let hold = bounded("holdMs", flags.whole("holdMs")?, 0, MAX_MS)?;
    let aimed = aimed(run, false).await?.0;
    let act = match (hold, flags.is("doubleTap")) {
        (0, false) => Act::Tap(1),
        (0, true) => Act::Tap(2),
        (hold, false) => Act::Hold(hold as u32),
        (_, true) => return Err(Fault::args("a touch is held or doubled, not both")),
    };
    let watch = Watch::begin(run).await?;
    for done in 0..count {
        if done > 0 && interval > 0 {
            sleep(Duration::from_millis(interval)).await;
        }
        run.act(Call::Act(aimed.target, act)).await?;
    }
    let message = format!("Tapped {}", aimed.named());
    let mut answer = aimed.answer();
    if count > 1 {
        answer.insert("count".into(), count.into());
    }
    finish(run, watch, answer, &message).await
}

/// `longpress TARGET [MS]`.
pub(crate) async fn long_press(run: &Run<'_>) -> Result<Value, Fault> {
    let (aimed, rest) = aimed(run, false).await?;
    let said = match rest.first() {
        Some(word) => Some(whole(word)?),
        None => run.command.flags.whole("durationMs")?,
    };
    let ms = bounded("the duration", said, LONG_MS, MAX_MS)?;
    let watch = Watch::begin(run).await?;
    run.act(Call::Act(aimed.target, Act::Hold(ms as u32)))
        .await?;
    let message = format!("Held {} for {ms} ms", aimed.named());
    let mut answer = aimed.answer();
    answer.insert("gesture".into(), "longpress".into());
    answer.insert("durationMs".into(), ms.into());
    finish(run, watch, answer, &message).await
}

/// `hover TARGET`.
pub(crate) async fn hover(run: &Run<'_>) -> Result<Value, Fault> {
    let aimed = aimed(run, false).await?.0;
    let watch = Watch::begin(run).await?;
    run.act(Call::Act(aimed.target, Act::Hover)).await?;
    let message = format!("Pointed at {}", aimed.named());
    let mut answer = aimed.answer();
    answer.insert("gesture".into(), "hover".into());
    finish(run, watch, answer, &message).await
}

/// `focus TARGET`.
pub(crate) async fn focus(run: &Run<'_>) -> Result<Value, Fault> {
    let aimed = aimed(run, false).await?.0;
    run.act(Call::Act(aimed.target, Act::Focus)).await?;
    let message = format!("Focused {}", aimed.named());
    finish(run, None, aimed.answer(), &message).await
}

/// `fill TARGET TEXT`.
pub(crate) async fn fill(run: &Run<'_>) -> Result<Value, Fault> {
    let (aim, rest) = split(&run.command.positionals, true)?;
    if rest.is_empty() {
        return Err(Fault::args(
            "`fill` needs a text behind its target; \"\" empties the field",
        ));
    }
    fill_with(run, &aim, &rest.join(" ")).await
}

/// Fills what is aimed at.
pub(crate) async fn fill_with(run: &Run<'_>, aim: &Aim, text: &str) -> Result<Value, Fault> {
    let aimed = aim.find(run).await?;
    let watch = Watch::begin(run).await?;
    let delay = delay(run)?;
    if delay.is_zero() {
        run.act(Call::Fill(aimed.target, text.to_owned())).await?;
    } else {
        run.act(Call::Fill(aimed.target, String::new())).await?;
        slowly(run, text, delay).await?;
    }
    let message = format!("Filled {}", aimed.named());
    let mut answer = aimed.answer();
    answer.insert("text".into(), text.into());
    finish(run, watch, answer, &message).await
}

/// `type TEXT`.
pub(crate) async fn type_text(run: &Run<'_>) -> Result<Value, Fault> {
    let text = run.command.positionals.join(" ");
    if text.is_empty() {
        return Err(Fault::args("`type` needs a text"));
    }
    typed(run, &text).await?;
    let length = text.chars().count();
    Ok(json!({ "text": text, "message": format!("Typed {length} characters") }))
}

/// Types where the keyboard is.
pub(crate) async fn typed(run: &Run<'_>, text: &str) -> Result<(), Fault> {
    let delay = delay(run)?;
    if delay.is_zero() {
        run.act(Call::TypeText(text.to_owned())).await
    } else {
        slowly(run, text, delay).await
    }
}

fn delay(run: &Run<'_>) -> Result<Duration, Fault> {
    let said = run.command.flags.whole("delayMs")?;
    Ok(Duration::from_millis(bounded("delayMs", said, 0, 1000)?))
}

async fn slowly(run: &Run<'_>, text: &str, delay: Duration) -> Result<(), Fault> {
    if text.chars().count() > MAX_SLOW_CHARS {
        let message = format!("with --delay-ms at most {MAX_SLOW_CHARS} characters are typed");
        return Err(Fault::args(message));
    }
    for character in text.chars() {
        run.act(Call::TypeText(character.to_string())).await?;
        sleep(delay).await;
    }
    Ok(())
}

async fn aimed<'a>(run: &Run<'a>, text_follows: bool) -> Result<(Aimed, &'a [String]), Fault> {
    let (aim, rest) = split(&run.command.positionals, text_follows)?;
    Ok((aim.find(run).await?, rest))
}

/// Taps what is aimed at, as `find … click` does.
pub(crate) async fn tap(run: &Run<'_>, aim: &Aim) -> Result<Value, Fault> {
    let aimed = aim.find(run).await?;
    let watch = Watch::begin(run).await?;
    run.act(Call::Act(aimed.target, Act::Tap(1))).await?;
    let message = format!("Tapped {}", aimed.named());
    finish(run, watch, aimed.answer(), &message).await
}

/// The answer, with what was seen if it was asked for.
pub(crate) async fn finish(
    run: &Run<'_>,
    watch: Option<Watch>,
    mut answer: Map<String, Value>,
    message: &str,
) -> Result<Value, Fault> {
    if let Some(watch) = watch {
        watch.end(run, &mut answer).await;
    }
    answer.insert("message".into(), message.into());
    Ok(Value::Object(answer))
}

/// A number within its bounds.
pub(crate) fn bounded(what: &str, said: Option<u64>, usual: u64, most: u64) -> Result<u64, Fault> {
    let said = said.unwrap_or(usual);
    if said <= most {
        return Ok(said);
    }
    Err(Fault::args(format!("{what} is at most {most}, not {said}")))
}

/// A whole number among the arguments.
pub(crate) fn whole(word: &str) -> Result<u64, Fault> {
    word.parse().map_err(|_| {
        let shown: String = word.chars().take(40).collect();
        Fault::args(format!("{shown:?} is no whole number"))
    })
}

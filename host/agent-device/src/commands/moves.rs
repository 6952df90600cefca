//! Scrolling.

use hostler_provider::{Answer, Call, Direction, Movement, Screen};
use serde_json::{Map, Value, json};

use super::{
    aim::{Aim, split},
    run::{Run, odd_answer},
    settle::Watch,
    touch::finish,
};
use crate::fault::Fault;

/// Passes of a scroll that looks for something or for the end: a very long list.
const MAX_PASSES: u32 = 60;

/// How much of the screen a scroll to the end moves at a time.
const EDGE_STEP: f64 = 0.8;

/// `scroll DIRECTION [FRACTION]`, `scroll top|bottom`, `--until SELECTOR`.
pub(crate) async fn scroll(run: &Run<'_>) -> Result<Value, Fault> {
    let command = run.command;
    let word = command.at(0).unwrap_or_default().to_lowercase();
    let (direction, edge) = match word.as_str() {
        "up" => (Direction::Up, false),
        "down" => (Direction::Down, false),
        "left" => (Direction::Left, false),
        "right" => (Direction::Right, false),
        "top" => (Direction::Up, true),
        "bottom" => (Direction::Down, true),
        _ => {
            return Err(Fault::args(
                "`scroll` goes up, down, left, right, or to the top or bottom",
            ));
        }
    };
    let distance = distance(run, direction, edge).await?;
    let watch = Watch::begin(run).await?;
    let mut answer = Map::new();
    let way = match direction {
        Direction::Up => "up",
        Direction::Down => "down",
        Direction::Left => "left",
        Direction::Right => "right",
    };
    answer.insert("direction".into(), way.into());
    let step = || {
        run.act(Call::Move(Movement::Scroll {
            target: None,
            direction,
            distance,
        }))
    };
    if let Some(until) = command.flags.text("until")? {
        let (aim, rest) = split(std::slice::from_ref(&until.to_owned()), false)
            .map(|(aim, rest)| (aim, rest.len()))?;
        if rest > 0 || matches!(aim, Aim::At(_)) {
            return Err(Fault::args("--until takes a selector"));
        }
        let passes = until_seen(run, &aim, step).await?;
        answer.insert("until".into(), until.into());
        answer.insert("passes".into(), passes.into());
    } else if edge {
        let passes = to_the_end(run, step).await?;
        answer.insert("edge".into(), word.clone().into());
        answer.insert("passes".into(), passes.into());
    } else {
        step().await?;
        if let Some(distance) = distance {
            answer.insert("pixels".into(), json!(distance));
        }
    }
    finish(run, watch, answer, &format!("Scrolled {word}")).await
}

/// How far; nothing is as far as the device's provider finds good.
async fn distance(run: &Run<'_>, direction: Direction, edge: bool) -> Result<Option<f64>, Fault> {
    let command = run.command;
    if let Some(pixels) = command.flags.number("pixels")? {
        return positive("--pixels", pixels).map(Some);
    }
    let fraction = match command.at(1) {
        Some(word) => Some(number(word)?),
        None => command.flags.number("amount")?,
    };
    let fraction = match (fraction, edge) {
        (Some(fraction), _) => positive("the amount", fraction)?.min(1.0),
        (None, true) => EDGE_STEP,
        (None, false) => return Ok(None),
    };
    let screen = screen(run).await?;
    Ok(Some(match direction {
        Direction::Up | Direction::Down => screen.height * fraction,
        Direction::Left | Direction::Right => screen.width * fraction,
    }))
}

async fn until_seen<F: Future<Output = Result<(), Fault>>>(
    run: &Run<'_>,
    aim: &Aim,
    step: impl Fn() -> F,
) -> Result<u32, Fault> {
    let mut before = None;
    for passes in 0..MAX_PASSES {
        match visible(run, aim).await {
            Ok(true) => return Ok(passes),
            Ok(false) => {}
            Err(fault) => return Err(fault),
        }
        let now = run.latest()?.map(|seen| places(seen.tree()));
        if now.is_some() && now == before {
            break;
        }
        before = now;
        step().await?;
    }
    let message = format!("{} did not come into view", aim.text());
    Err(Fault::new("COMMAND_FAILED", "ELEMENT_NOT_FOUND", message)
        .hint("The end was reached. Try the other direction, or take a snapshot."))
}

/// Whether an element is on the screen. Several that fit are seen, too.
async fn visible(run: &Run<'_>, aim: &Aim) -> Result<bool, Fault> {
    match run.aim(&aim.text()).await {
        Ok(hostler_provider::Target::Ref(number)) => {
            let seen = run.look().await?;
            let node = seen.node(number);
            Ok(node.is_some_and(|node| !node.states.offscreen))
        }
        Ok(hostler_provider::Target::Point(_)) => Ok(true),
        Err(fault) if fault.is_no_match() => Ok(false),
        Err(fault) if fault.reason() == "AMBIGUOUS_MATCH" => Ok(true),
        Err(fault) => Err(fault),
    }
}

async fn to_the_end<F: Future<Output = Result<(), Fault>>>(
    run: &Run<'_>,
    step: impl Fn() -> F,
) -> Result<u32, Fault> {
    let mut before = places(run.look().await?.tree());
    for passes in 1..=MAX_PASSES {
        step().await?;
        let now = places(run.look().await?.tree());
        if now == before {
            return Ok(passes);
        }
        before = now;
    }
    Ok(MAX_PASSES)
}

/// Where everything is: the same when a scroll moved nothing.
fn places(tree: &hostler_provider::Tree) -> Vec<(u32, i64, i64, bool)> {
    let place = |node: &hostler_provider::Node| {
        let at = node.rect.map_or((0, 0), |rect| {
            (rect.x.round() as i64, rect.y.round() as i64)
        });
        (node.number, at.0, at.1, node.states.offscreen)
    };
    tree.nodes.iter().map(place).collect()
}

pub(super) async fn screen(run: &Run<'_>) -> Result<Screen, Fault> {
    match run.call(Call::Screen).await? {
        Answer::Screen(screen) => Ok(screen),
        _ => Err(odd_answer()),
    }
}

pub(super) fn number(word: &str) -> Result<f64, Fault> {
    let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| {
        let shown: String = word.chars().take(40).collect();
        Fault::args(format!("{shown:?} is no number"))
    })
}

pub(super) fn positive(what: &str, number: f64) -> Result<f64, Fault> {
    if number > 0.0 {
        Ok(number)
    } else {
        Err(Fault::args(format!("{what} must be more than 0")))
    }
}

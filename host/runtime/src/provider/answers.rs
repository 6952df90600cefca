//! What a guest answered, checked: a plugin may be wrong or hostile, and nothing
//! behind this file looks at its numbers again.

use std::collections::HashSet;

use bytes::Bytes;
use hostler_provider as host;
use hostler_provider::{Answer, DeviceError};
use serde::de::IgnoredAny;
use wasmtime::component::Resource;

use super::calls::Raw;
use crate::{
    bindings::device::exports::hostler::device::provider as guest,
    bindings::device::hostler::device::types as words, blob::Blob, state::State,
};

/// Elements of one snapshot.
const NODES: usize = 20_000;

/// Lines of one part of a log.
const LINES: usize = 1000;

/// Apps of one device.
const APPS: usize = 10_000;

/// Buttons of an alert.
const BUTTONS: usize = 64;

/// Bytes of all texts of one answer: a page of a long book as a snapshot.
const TEXTS: usize = 16 * 1024 * 1024;

/// Bytes of a media type.
const MEDIA_TYPE: usize = 128;

/// Bytes of an error's text; the rest is cut.
const ERROR: usize = 8 * 1024;

/// Where the largest screens end, in units and in pixels a unit.
const LENGTH: f64 = 1_000_000.0;

/// `call` as the error names it. Refs are never smaller than `first_ref`.
///
/// # Errors
/// The sentence that says what was wrong.
pub(super) fn checked(
    plugin: &str,
    call: &str,
    first_ref: u32,
    state: &mut State,
    raw: Raw,
) -> Result<Answer, String> {
    answer(first_ref, state, raw).map_err(|wrong| {
        format!("plugin {plugin} answered nonsense to {call}: {wrong}; the session is over")
    })
}

fn answer(first_ref: u32, state: &mut State, raw: Raw) -> Result<Answer, String> {
    Ok(match raw {
        Raw::Done => Answer::Done,
        Raw::Screen(it) => Answer::Screen(screen(&it)?),
        Raw::Tree(it) => Answer::Tree(tree(it, first_ref)?),
        Raw::Image(it) => Answer::Image(image(it, state)?),
        Raw::Logs(it) => Answer::Logs(logs(it)?),
        Raw::Apps(it) => Answer::Apps(apps(it)?),
        Raw::AppState(it) => Answer::AppState(match it {
            guest::AppState::NotInstalled => host::AppState::NotInstalled,
            guest::AppState::Stopped => host::AppState::Stopped,
            guest::AppState::Background => host::AppState::Background,
            guest::AppState::Foreground => host::AppState::Foreground,
        }),
        Raw::Installed(it) => Answer::Installed(app(it, &mut Texts::default())?),
        Raw::Alert(it) => Answer::Alert(it.map(alert).transpose()?),
        Raw::Text(it) => {
            Texts::default().count(&it)?;
            Answer::Text(it)
        }
        Raw::Json(it) => {
            Texts::default().count(&it)?;
            serde_json::from_str::<IgnoredAny>(&it)
                .map_err(|error| format!("its answer is not JSON: {error}"))?;
            Answer::Text(it)
        }
        Raw::Orientation(it) => Answer::Orientation(orientation(it)),
        Raw::Data(it) => Answer::Data(bytes(it, state)?),
    })
}

/// Counts the bytes of all texts of an answer.
#[derive(Default)]
struct Texts(usize);

impl Texts {
    fn count(&mut self, text: &str) -> Result<(), String> {
        self.0 = self.0.saturating_add(text.len());
        if self.0 > TEXTS {
            return Err(format!("its texts have more than {TEXTS} bytes"));
        }
        Ok(())
    }

    fn count_all<'a>(&mut self, texts: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
        texts.into_iter().try_for_each(|text| self.count(text))
    }
}

fn length(what: &str, value: f64) -> Result<f64, String> {
    if value > 0.0 && value <= LENGTH {
        return Ok(value);
    }
    Err(format!("{what} is {value}"))
}

fn screen(it: &guest::Screen) -> Result<host::Screen, String> {
    Ok(host::Screen {
        width: length("the screen's width", it.width)?,
        height: length("the screen's height", it.height)?,
        scale: length("the screen's scale", it.scale)?,
        orientation: orientation(it.orientation),
    })
}

fn orientation(it: guest::Orientation) -> host::Orientation {
    match it {
        guest::Orientation::Portrait => host::Orientation::Portrait,
        guest::Orientation::PortraitUpsideDown => host::Orientation::PortraitUpsideDown,
        guest::Orientation::LandscapeLeft => host::Orientation::LandscapeLeft,
        guest::Orientation::LandscapeRight => host::Orientation::LandscapeRight,
    }
}

fn tree(it: guest::Tree, first_ref: u32) -> Result<host::Tree, String> {
    if it.nodes.len() > NODES {
        return Err(format!(
            "{} elements; at most {NODES} are taken",
            it.nodes.len()
        ));
    }
    let mut texts = Texts::default();
    texts.count_all(it.app.iter().chain(&it.title))?;
    let mut seen = HashSet::with_capacity(it.nodes.len());
    let mut deepest = 0;
    let nodes = it.nodes.into_iter().map(|it| {
        let number = it.ref_;
        if number < first_ref {
            return Err(format!(
                "the ref {number} is smaller than the first one, {first_ref}"
            ));
        }
        if !seen.insert(number) {
            return Err(format!("the ref {number} names two elements"));
        }
        if it.depth > deepest {
            return Err(format!(
                "the element {number} is at depth {}, and at most {deepest} fits there",
                it.depth
            ));
        }
        deepest = it.depth.saturating_add(1);
        node(it, &mut texts)
    });
    Ok(host::Tree {
        nodes: nodes.collect::<Result<_, _>>()?,
        truncated: it.truncated,
        app: it.app,
        title: it.title,
    })
}

fn node(it: words::Node, texts: &mut Texts) -> Result<host::Node, String> {
    texts.count_all([&it.role, &it.label])?;
    texts.count_all(it.value.iter().chain(&it.identifier))?;
    let rect = it.rect.map(|rect| {
        let finite = [rect.x, rect.y, rect.width, rect.height];
        if !finite.iter().all(|part| part.is_finite()) || rect.width < 0.0 || rect.height < 0.0 {
            return Err(format!("the element {} is at {finite:?}", it.ref_));
        }
        Ok(host::Rect {
            x: rect.x,
            y: rect.y,
            width: rect.width,
            height: rect.height,
        })
    });
    Ok(host::Node {
        number: it.ref_,
        depth: it.depth,
        role: it.role,
        label: it.label,
        value: it.value,
        identifier: it.identifier,
        rect: rect.transpose()?,
        states: states(it.states),
    })
}

fn states(flags: words::States) -> host::States {
    let has = |flag| flags.contains(flag);
    host::States {
        enabled: has(words::States::ENABLED),
        hittable: has(words::States::HITTABLE),
        focused: has(words::States::FOCUSED),
        selected: has(words::States::SELECTED),
        checked: has(words::States::CHECKED),
        expanded: has(words::States::EXPANDED),
        editable: has(words::States::EDITABLE),
        secure: has(words::States::SECURE),
        scrollable: has(words::States::SCROLLABLE),
        offscreen: has(words::States::OFFSCREEN),
    }
}

fn image(it: guest::Image, state: &mut State) -> Result<host::Image, String> {
    let graphic = |c: char| c.is_ascii_graphic();
    let media_type = it.media_type;
    if media_type.len() > MEDIA_TYPE
        || !media_type.contains('/')
        || !media_type.chars().all(graphic)
    {
        return Err(format!("its media type is {media_type:.64?}"));
    }
    Ok(host::Image {
        data: bytes(it.data, state)?,
        media_type,
        scale: length("the picture's scale", it.scale)?,
    })
}

/// The bytes leave the instance without being copied.
fn bytes(handle: Resource<Blob>, state: &mut State) -> Result<Bytes, String> {
    let blob = state.take(handle).map_err(|error| error.to_string())?;
    Ok(blob.into_bytes())
}

fn logs(it: guest::Logs) -> Result<host::Logs, String> {
    if it.lines.len() > LINES {
        return Err(format!(
            "{} lines; at most {LINES} are taken",
            it.lines.len()
        ));
    }
    let mut texts = Texts::default();
    let lines = it.lines.into_iter().map(|line| {
        texts.count_all([&line.level, &line.source, &line.text])?;
        Ok(host::LogLine {
            time: line.time,
            level: line.level,
            source: line.source,
            text: line.text,
        })
    });
    Ok(host::Logs {
        lines: lines.collect::<Result<_, String>>()?,
        next: it.next,
    })
}

fn apps(it: Vec<guest::App>) -> Result<Vec<host::App>, String> {
    if it.len() > APPS {
        return Err(format!("{} apps; at most {APPS} are taken", it.len()));
    }
    let mut texts = Texts::default();
    it.into_iter().map(|it| app(it, &mut texts)).collect()
}

fn app(it: guest::App, texts: &mut Texts) -> Result<host::App, String> {
    texts.count_all([&it.id, &it.name].into_iter().chain(&it.version))?;
    Ok(host::App {
        id: it.id,
        name: it.name,
        version: it.version,
    })
}

fn alert(it: guest::Alert) -> Result<host::Alert, String> {
    if it.buttons.len() > BUTTONS {
        return Err(format!(
            "{} buttons; at most {BUTTONS} are taken",
            it.buttons.len()
        ));
    }
    let mut texts = Texts::default();
    texts.count(&it.text)?;
    texts.count_all(&it.buttons)?;
    Ok(host::Alert {
        text: it.text,
        buttons: it.buttons,
        asks_text: it.asks_text,
    })
}

/// Why the guest did not answer.
pub(super) fn error(error: guest::Error) -> DeviceError {
    let cut = |mut text: String| {
        text.truncate(text.floor_char_boundary(ERROR));
        text
    };
    match error {
        guest::Error::StaleRef(number) => DeviceError::StaleRef(number),
        guest::Error::AlertOpen(text) => DeviceError::AlertOpen(cut(text)),
        guest::Error::NotFound(text) => DeviceError::NotFound(cut(text)),
        guest::Error::Unsupported(text) => DeviceError::Unsupported(cut(text)),
        guest::Error::Invalid(text) => DeviceError::Invalid(cut(text)),
        guest::Error::TimedOut(text) => DeviceError::TimedOut(cut(text)),
        guest::Error::Lost(text) => DeviceError::Lost(cut(text)),
        guest::Error::Fenced => DeviceError::Fenced,
        guest::Error::Cancelled => DeviceError::Cancelled,
        guest::Error::Other(text) => {
            DeviceError::Other(text.map_or_else(|| "the device gave no reason".into(), cut))
        }
    }
}

#[cfg(test)]
mod tests;

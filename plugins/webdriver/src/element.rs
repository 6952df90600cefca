//! From a target to a place on the screen, or to an element.

use hostler_sdk::device::{Error, Point, Rect, Result, Target};
use serde::Deserialize;
use serde_json::json;

use crate::frames::frames;
use crate::session::Browser;
use crate::view::View;
use crate::wire::{Fault, Kind};

#[derive(Deserialize)]
struct Quads {
    #[serde(default)]
    quads: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Located {
    backend_node_id: i64,
}

/// Where a gesture goes.
pub(crate) struct Spot {
    pub(crate) point: Point,
    /// What of the element is on the screen; the whole screen for a point.
    pub(crate) visible: Rect,
}

impl Browser {
    /// The browser's number of an element of the latest snapshot, if the document
    /// that it was in is still there: another one counts from the beginning.
    pub(crate) fn element(&self, number: u32) -> Result<i64> {
        let element = self.refs.element(number).ok_or(Error::StaleRef(number))?;
        let still = frames(&self.wire)?
            .iter()
            .any(|frame| frame.loader == element.loader);
        if still {
            Ok(element.backend)
        } else {
            Err(Error::StaleRef(number))
        }
    }

    /// Brings a target into view and says where it is.
    pub(crate) fn spot(&self, target: Target) -> Result<Spot> {
        let view = self.view()?;
        match target {
            Target::Point(point) => Ok(Spot {
                point: on_screen(point, &view)?,
                visible: view.rect(),
            }),
            Target::Ref(number) => {
                let backend = self.element(number)?;
                let params = json!({"backendNodeId": backend});
                self.wire
                    .cdp_run("DOM.scrollIntoViewIfNeeded", params.clone())
                    .map_err(|fault| gone(fault, number))?;
                let quads: Quads = self
                    .wire
                    .cdp("DOM.getContentQuads", params)
                    .map_err(|fault| gone(fault, number))?;
                let visible = quads
                    .quads
                    .iter()
                    .filter_map(|quad| bounds(quad)?.within(&view.rect()))
                    .max_by(|a, b| (a.width * a.height).total_cmp(&(b.width * b.height)))
                    .ok_or_else(|| nowhere(number))?;
                Ok(Spot {
                    point: visible.middle(),
                    visible,
                })
            }
        }
    }

    /// The element of a target.
    pub(crate) fn target_element(&self, target: Target) -> Result<i64> {
        match target {
            Target::Ref(number) => self.element(number),
            Target::Point(point) => {
                let point = on_screen(point, &self.view()?)?;
                let params = json!({"x": point.x as i64, "y": point.y as i64});
                let located: Result<Located, Fault> =
                    self.wire.cdp("DOM.getNodeForLocation", params);
                match located {
                    Ok(located) => Ok(located.backend_node_id),
                    Err(fault) if fault.kind == Kind::NoElement => Err(Error::NotFound(format!(
                        "nothing is at {}, {}",
                        point.x, point.y
                    ))),
                    Err(fault) => Err(fault.into()),
                }
            }
        }
    }
}

/// A place that is on the screen.
pub(crate) fn on_screen(point: Point, view: &View) -> Result<Point> {
    let inside = (0.0..view.width).contains(&point.x) && (0.0..view.height).contains(&point.y);
    if inside {
        return Ok(point);
    }
    Err(Error::Invalid(format!(
        "{}, {} is not on the screen, which is {} wide and {} high",
        point.x, point.y, view.width, view.height
    )))
}

/// What an element's refusal means for its ref.
pub(crate) fn gone(fault: Fault, number: u32) -> Error {
    match fault.kind {
        Kind::NoElement => Error::StaleRef(number),
        Kind::Other | Kind::Invalid if fault.text.contains("layout") => nowhere(number),
        Kind::Other if fault.text.contains("detached") => Error::StaleRef(number),
        _ => fault.into(),
    }
}

fn nowhere(number: u32) -> Error {
    Error::NotFound(format!(
        "the element of ref {number} is hidden: it is nowhere on the page"
    ))
}

/// Around four corners.
fn bounds(quad: &[f64]) -> Option<Rect> {
    let xs = || quad.iter().step_by(2).copied();
    let ys = || quad.iter().skip(1).step_by(2).copied();
    let (left, right) = (xs().reduce(f64::min)?, xs().reduce(f64::max)?);
    let (top, bottom) = (ys().reduce(f64::min)?, ys().reduce(f64::max)?);
    Some(Rect {
        x: left,
        y: top,
        width: right - left,
        height: bottom - top,
    })
}

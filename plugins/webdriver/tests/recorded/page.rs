//! A page as Chrome told of it.

use hostler_sdk::device::DeviceSession;
use hostler_sdk::testing::Script;
use serde_json::{Value, json};

use crate::stage::{cdp, handles, opened, opening, value};

const FRAME: &str = "DD895510B53339D4E3B0743252FD2646";

fn frames() -> Value {
    let frame = json!({"id": FRAME, "loaderId": "L1", "url": "http://127.0.0.1:8765/"});
    json!({"frameTree": {"frame": frame}})
}

fn metrics() -> Value {
    json!({
        "cssVisualViewport": {"clientWidth": 412, "clientHeight": 915, "scale": 1},
        "cssContentSize": {"width": 412, "height": 2516},
    })
}

/// One document with two boxes: the heading, and a button below the screen.
fn layout() -> Value {
    json!({
        "strings": [FRAME, "visible", "auto", "static", "#document", "H1", "BUTTON", "id", "parcel-0"],
        "documents": [{
            "frameId": 0, "scrollOffsetX": 0, "scrollOffsetY": 100,
            "nodes": {
                "parentIndex": [-1, 0, 0], "nodeName": [4, 5, 6], "backendNodeId": [9, 20, 42],
                "attributes": [[], [], [7, 8]],
            },
            "layout": {
                "nodeIndex": [0, 1, 2],
                "bounds": [[0, 0, 412, 2516], [16, 121, 380, 38], [16, 1200, 100, 20]],
                "styles": [[1, 2, 1, 1, 3], [1, 2, 1, 1, 3], [1, 2, 1, 1, 3]],
                "paintOrders": [0, 1, 1],
            },
        }],
    })
}

fn snapshot(script: Script) -> Script {
    script
        .then(handles())
        .then(value(cdp("Page.getFrameTree", &json!({})), &frames()))
        .then(
            cdp("Accessibility.getFullAXTree", &json!({"frameId": FRAME})).text(
                200,
                "application/json",
                include_str!("answers/axtree.json"),
            ),
        )
        .then(value(
            cdp(
                "DOMSnapshot.captureSnapshot",
                &json!({
                    "computedStyles": [
                        "visibility", "pointer-events", "overflow-x", "overflow-y", "position",
                    ],
                    "includePaintOrder": true, "includeDOMRects": true,
                }),
            ),
            &layout(),
        ))
        .then(value(cdp("Page.getLayoutMetrics", &json!({})), &metrics()))
        .then(value(
            cdp(
                "Runtime.evaluate",
                &json!({
                    "expression": "devicePixelRatio", "returnByValue": true, "awaitPromise": true,
                    "userGesture": true,
                }),
            ),
            &json!({"result": {"type": "number", "value": 2.625}}),
        ))
        .then(value(cdp("Page.getFrameTree", &json!({})), &frames()))
}

#[test]
fn a_recorded_page_becomes_a_tree() {
    let script = snapshot(opening());
    let mut bench = opened(&script);
    let tree = bench.call(|device| device.snapshot()).unwrap();
    assert_eq!(script.left(), 0);
    assert_eq!(tree.title.as_deref(), Some("Parcel Desk"));
    assert_eq!(tree.app.as_deref(), Some("http://127.0.0.1:8765/"));
    let lines: Vec<String> = tree
        .nodes
        .iter()
        .map(|node| {
            format!(
                "{}{} {}",
                "  ".repeat(node.depth as usize),
                node.role,
                node.label
            )
        })
        .collect();
    let expected = include_str!("answers/tree.txt");
    assert_eq!(lines.join("\n") + "\n", expected);
    let heading = tree
        .nodes
        .iter()
        .find(|node| node.role == "heading")
        .unwrap();
    // 100 of the page are above the screen.
    let rect = heading.rect.unwrap();
    assert_eq!(
        (rect.x, rect.y, rect.width, rect.height),
        (16.0, 21.0, 380.0, 38.0)
    );
    assert!(heading.states.hittable && !heading.states.offscreen);
    let refs: Vec<u32> = tree.nodes.iter().map(|node| node.r#ref).collect();
    assert_eq!(refs, (1..=refs.len() as u32).collect::<Vec<_>>());
}

#[test]
fn the_second_snapshot_of_a_page_has_the_refs_of_the_first() {
    let script = snapshot(snapshot(opening()));
    let mut bench = opened(&script);
    let first = bench.call(|device| device.snapshot()).unwrap();
    let second = bench.call(|device| device.snapshot()).unwrap();
    assert_eq!(first, second);
}

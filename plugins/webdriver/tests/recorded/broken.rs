//! Endpoints that answer nonsense: an error, never a panic.

use std::time::Duration;

use hostler_sdk::device::{
    Act, AlertAnswer, DeviceSession, Direction, Movement, Orientation, Point, Target,
};
use hostler_sdk::http::{Request, Response};
use hostler_sdk::process::{Command, Output};
use hostler_sdk::testing::{Outside, ProviderBench};
use hostler_sdk::{Blob, Error, Result};
use hostler_webdriver::{Browser, WebDriver};
use serde_json::{Value, json};

use crate::stage::{BASE, DEVICE};

/// Opens as it should, and then gives one answer to everything.
#[derive(Debug)]
struct Broken {
    answer: String,
    requests: u32,
    elapsed: Duration,
}

impl Outside for Broken {
    fn fetch(&mut self, _: &Request<'_>) -> Result<Response> {
        self.requests += 1;
        let body = match self.requests {
            1 => r#"{"value":{"sessionId":"s"}}"#,
            2 => r#"{"value":null}"#,
            _ => &self.answer,
        };
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: Blob::new(body.as_bytes())?,
        })
    }

    fn run(&mut self, _: &Command, _: u32) -> Result<Output> {
        Err(Error::other("no programs"))
    }

    fn service_start(&mut self, _: &str, _: &Command, _: &str, _: u32) -> Result<String> {
        Err(Error::other("no programs"))
    }

    fn service_stop(&mut self, _: &str) -> Result {
        Ok(())
    }

    fn sleep(&mut self, ms: u32) -> Result {
        self.elapsed += Duration::from_millis(ms.into());
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

fn opened(answer: String) -> ProviderBench<WebDriver> {
    let metrics = json!({"width": 400, "height": 800});
    let target = json!({"name": "one", "url": BASE, "metrics": metrics});
    let mut bench = ProviderBench::new(Broken {
        answer,
        requests: 0,
        elapsed: Duration::ZERO,
    })
    .config(json!({"targets": [target]}));
    bench.open(DEVICE).unwrap();
    bench
}

/// Whether any of all calls was answered with a value.
fn call_everything(bench: &mut ProviderBench<WebDriver>) -> Vec<&'static str> {
    type Call = fn(&mut Browser) -> hostler_sdk::device::Result;
    let calls: [(&str, Call); 20] = [
        ("screen", |it| it.screen().map(drop)),
        ("snapshot", |it| it.snapshot().map(drop)),
        ("tap", |it| {
            it.act(Target::Point(Point { x: 1.0, y: 1.0 }), Act::Tap(1))
        }),
        ("tap ref", |it| it.act(Target::Ref(1), Act::Tap(1))),
        ("focus", |it| {
            it.act(Target::Point(Point { x: 1.0, y: 1.0 }), Act::Focus)
        }),
        ("scroll", |it| {
            it.movement(Movement::Scroll {
                target: None,
                direction: Direction::Down,
                distance: None,
            })
        }),
        ("fill", |it| {
            it.fill(Target::Point(Point { x: 1.0, y: 1.0 }), "x")
        }),
        ("fill ref", |it| it.fill(Target::Ref(1), "x")),
        ("type", |it| it.type_text("x")),
        ("press", |it| it.press("Enter")),
        ("back", |it| it.press("back")),
        ("idle", |it| it.wait_idle(100)),
        ("screenshot", |it| it.screenshot(true).map(drop)),
        ("frame", |it| it.frame().map(drop)),
        ("logs", |it| it.logs(0).map(drop)),
        ("open", |it| it.open_url("http://127.0.0.1/")),
        ("alert", |it| it.alert(AlertAnswer::Accept(None)).map(drop)),
        ("clipboard", |it| it.clipboard().map(drop)),
        ("turn", |it| it.set_orientation(Orientation::LandscapeLeft)),
        ("alive", |it| it.alive()),
    ];
    let mut answered = Vec::new();
    for (name, call) in calls {
        if bench.call(call).is_ok() {
            answered.push(name);
        }
    }
    answered
}

#[test]
fn nonsense_is_an_error_of_every_call() {
    for answer in [
        "",
        "<html>",
        "null",
        "[]",
        "{}",
        "1e999",
        "\"x\"",
        "{\"value\":",
        "{\"value\":3}",
        "{\"value\":{}}",
        "{\"value\":[]}",
        "{\"value\":\"x\"}",
        "{\"value\":[null]}",
        "{\"value\":{\"frameTree\":{}}}",
        "{\"value\":{\"result\":{\"value\":{}}}}",
        "{\"value\":{\"data\":\"no base64!\",\"documents\":[{\"layout\":7}]}}",
        "\u{0}\u{1}\u{2}",
    ] {
        let mut bench = opened(answer.to_owned());
        let answered = call_everything(&mut bench);
        // Some only ask whether there was an answer at all, or for any text.
        let modest = ["alive", "logs", "alert"];
        assert!(
            answered.iter().all(|name| modest.contains(name)),
            "{answer}: {answered:?}"
        );
    }
    // Deeper than anything that is read.
    let deep = format!("{{\"value\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    call_everything(&mut opened(deep));
}

/// One answer that all calls of a snapshot understand.
fn whole() -> Value {
    let mut whole: Value = serde_json::from_str(include_str!("answers/axtree.json")).unwrap();
    let value = whole["value"].as_object_mut().unwrap();
    let nodes = value["nodes"].as_array_mut().unwrap();
    nodes.truncate(6);
    for node in nodes {
        let properties = node.get_mut("properties").and_then(Value::as_array_mut);
        if let Some(properties) = properties {
            properties.truncate(1);
        }
    }
    let tree = json!({
        "frame": {"id": "F", "loaderId": "L", "url": "u"},
        "childFrames": [{"frame": {"id": "G", "loaderId": "M", "url": "v"}}],
    });
    let document = |frame: u32| {
        json!({
            "frameId": frame, "scrollOffsetX": 1.5, "scrollOffsetY": 2,
            "nodes": {
                "parentIndex": [-1, 0, 1], "nodeName": [2, 3, 3], "backendNodeId": [9, 19, 20],
                "attributes": [[], [4, 5], []],
                "contentDocumentIndex": {"index": [1], "value": [1]},
            },
            "layout": {
                "nodeIndex": [0, 1, 2], "bounds": [[0, 0, 400, 800], [1, 2, 30, 40], [5, 6, 7, 8]],
                "styles": [[6, 7, 6, 6, 8], [6, 7, 7, 7, 8], [6, 7, 6, 6, 8]],
                "paintOrders": [0, 1, 2], "clientRects": [[], [1, 1, 28, 38], []],
                "scrollRects": [[], [0, 0, 28, 90], []],
            },
        })
    };
    value.insert("frameTree".to_owned(), tree);
    value.insert("documents".to_owned(), json!([document(0), document(1)]));
    value.insert(
        "strings".to_owned(),
        json!([
            "F",
            "G",
            "#document",
            "DIV",
            "id",
            "x",
            "visible",
            "auto",
            "static"
        ]),
    );
    value.insert(
        "cssVisualViewport".to_owned(),
        json!({"clientWidth": 400, "clientHeight": 800, "scale": 1}),
    );
    value.insert(
        "cssContentSize".to_owned(),
        json!({"width": 400, "height": 900}),
    );
    whole
}

/// Each place of a value once, with another value there.
fn places(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{path}/{index}"), all);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(item, &format!("{path}/{key}"), all);
            }
        }
        _ => {}
    }
}

#[derive(Debug)]
struct Snapshots(Broken);

impl Outside for Snapshots {
    fn fetch(&mut self, request: &Request<'_>) -> Result<Response> {
        if request.url.ends_with("/window/handles") {
            return Ok(Response {
                status: 200,
                headers: Vec::new(),
                body: Blob::new(br#"{"value":["w"]}"#)?,
            });
        }
        self.0.fetch(request)
    }

    fn run(&mut self, command: &Command, ms: u32) -> Result<Output> {
        self.0.run(command, ms)
    }

    fn service_start(&mut self, name: &str, it: &Command, ready: &str, ms: u32) -> Result<String> {
        self.0.service_start(name, it, ready, ms)
    }

    fn service_stop(&mut self, name: &str) -> Result {
        self.0.service_stop(name)
    }

    fn sleep(&mut self, ms: u32) -> Result {
        self.0.sleep(ms)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[test]
fn whatever_is_wrong_in_a_page_a_snapshot_does_not_panic() {
    let whole = whole();
    let snapshot = |answer: &Value| {
        let metrics = json!({"width": 400, "height": 800});
        let target = json!({"name": "one", "url": BASE, "metrics": metrics});
        let broken = Broken {
            answer: answer.to_string(),
            requests: 0,
            elapsed: Duration::ZERO,
        };
        let mut bench =
            ProviderBench::<WebDriver>::new(Snapshots(broken)).config(json!({"targets": [target]}));
        bench.open(DEVICE).unwrap();
        bench.call(|device| device.snapshot())
    };
    // The test of the test: unharmed it is understood.
    assert!(snapshot(&whole).unwrap().nodes.len() > 3);
    let mut all = Vec::new();
    places(&whole, "", &mut all);
    assert!(all.len() > 200, "{}", all.len());
    let odd = [Value::Null, json!(1e300), json!([])];
    for (index, path) in all.into_iter().enumerate() {
        let odd = &odd[index % odd.len()];
        let mut broken = whole.clone();
        *broken.pointer_mut(&path).unwrap() = odd.clone();
        if let Ok(tree) = snapshot(&broken) {
            let mut before = -1;
            for node in &tree.nodes {
                assert!(i64::from(node.depth) <= before + 1, "{path} = {odd}");
                before = node.depth.into();
            }
        }
    }
}

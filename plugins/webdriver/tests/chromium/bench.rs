//! A bench with one device, and the server that its pages come from.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use hostler_sdk::device::{DeviceSession, Node, Result, Tree};
use hostler_sdk::testing::{Live, ProviderBench};
use hostler_webdriver::{Browser, WebDriver};
use serde_json::{Value, json};

pub(crate) const WIDTH: f64 = 412.0;
pub(crate) const HEIGHT: f64 = 800.0;
pub(crate) const SCALE: f64 = 2.0;

/// One device and its pages.
pub(crate) struct Stage {
    pub(crate) bench: ProviderBench<WebDriver>,
    pub(crate) site: String,
    pub(crate) id: String,
}

impl Stage {
    /// A phone that shows a page.
    pub(crate) fn new(page: &str) -> Self {
        let metrics = json!({"width": WIDTH as u32, "height": HEIGHT as u32, "scale": SCALE});
        Self::with(page, &json!({"metrics": metrics}))
    }

    /// A device with these settings.
    pub(crate) fn with(page: &str, settings: &Value) -> Self {
        let site = serve();
        let mut target = json!({
            "name": "phone-1", "driver": "chromedriver", "native": true, "start_page": format!("{site}{page}"),
        });
        if let (Some(target), Some(settings)) = (target.as_object_mut(), settings.as_object()) {
            target.extend(settings.clone());
        }
        let mut bench = ProviderBench::new(Live::new()).config(json!({"targets": [target]}));
        let id = bench.devices().unwrap().remove(0).hardware_id;
        bench.open(&id).unwrap();
        Self { bench, site, id }
    }

    #[track_caller]
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut Browser) -> Result<T>) -> T {
        self.bench.call(call).unwrap()
    }

    #[track_caller]
    pub(crate) fn tree(&mut self) -> Tree {
        self.call(|device| device.snapshot())
    }

    /// The one element of this role and label.
    #[track_caller]
    pub(crate) fn find(&mut self, role: &str, label: &str) -> Node {
        find(&self.tree(), role, label).clone()
    }

    /// A value of the page.
    #[track_caller]
    pub(crate) fn page(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true}).to_string();
        let answer = self.call(|device| device.native("Runtime.evaluate", &params));
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        answer["result"]["value"].take()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Also after a failure: the driver ends its browser, and then ends itself.
        let _ = self.bench.call(|device| device.close());
    }
}

#[track_caller]
pub(crate) fn find<'a>(tree: &'a Tree, role: &str, label: &str) -> &'a Node {
    let found: Vec<_> = tree
        .nodes
        .iter()
        .filter(|node| node.role == role && node.label == label)
        .collect();
    match found[..] {
        [one] => one,
        _ => panic!(
            "{} are a {role} {label:?} in {}",
            found.len(),
            outline(tree)
        ),
    }
}

/// A tree as a person would write it down.
pub(crate) fn outline(tree: &Tree) -> String {
    let mut text = String::new();
    for node in &tree.nodes {
        let indent = "  ".repeat(node.depth as usize);
        text += &format!("\n{indent}{} {:?}", node.role, node.label);
        if let Some(value) = &node.value {
            text += &format!(" = {value:?}");
        }
    }
    text
}

/// The address of a server for the pages, as long as the test runs.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(&stream));
        }
    });
    site
}

fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let body = match first.split(' ').nth(1)? {
        "/form.html" => include_str!("pages/form.html"),
        "/inner.html" => include_str!("pages/inner.html"),
        "/list.html" => include_str!("pages/list.html"),
        "/dialogs.html" => include_str!("pages/dialogs.html"),
        _ => "",
    };
    let status = if body.is_empty() {
        "404 Not Found"
    } else {
        "200 OK"
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}

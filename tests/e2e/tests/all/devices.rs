//! Browsers as devices, with the real chromedriver and the command line.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Output, Stdio},
    thread,
    time::Duration,
};

use hostler_e2e::Host;
use hostler_test_support::{Need, built, trial};
use libtest_mimic::Trial;
use serde_json::Value;

pub(crate) const NEEDS: &[Need] = &[
    Need::Built("hostler"),
    Need::Component("plugins/local"),
    Need::Component("plugins/webdriver"),
    Need::Program("chromedriver"),
];

/// Two phones.
const SETTINGS: &str = r#"
[server]
listen = "127.0.0.1:0"

[workspace]
roots = ["$WORK"]

[devices.pools]
phones = ["phone-1", "phone-2"]

[[plugins.webdriver.config.targets]]
name = "phone-1"
driver = "chromedriver"
metrics = { width = 412, height = 915 }

[[plugins.webdriver.config.targets]]
name = "phone-2"
driver = "chromedriver"
metrics = { width = 412, height = 915 }
"#;

/// A page whose button counts.
const PAGE: &str = "<!doctype html><title>Counter</title>\
    <button onclick=\"n.textContent = ++c\">Count</button><h1 id=n>0</h1>\
    <input aria-label=Name><script>c = 0</script>";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_person_leases_a_browser_and_what_is_tapped_and_typed_has_effect",
            NEEDS,
            tap_and_type,
        ),
        trial(
            "a_lease_outlives_a_kill_of_the_host_and_who_waits_is_served",
            NEEDS,
            kill_and_wait,
        ),
    ]
}

/// A page on loopback, for as long as the test runs.
fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut request = BufReader::new(&stream);
                let mut line = String::new();
                while request.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let length = PAGE.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\
                     connection: close\r\n\r\n{PAGE}"
                );
                let _ = (&stream).write_all(answer.as_bytes());
            });
        }
    });
    format!("http://{address}/")
}

/// Somebody at the command line of a host.
struct Person<'a> {
    host: &'a Host,
    state: String,
    session: &'static str,
}

impl<'a> Person<'a> {
    fn new(host: &'a Host, session: &'static str) -> Self {
        let state = host.state().display().to_string();
        Self {
            host,
            state,
            session,
        }
    }

    fn args<'b>(&'b self, args: &[&'b str]) -> Vec<&'b str> {
        let mut all = vec!["device"];
        all.extend(args);
        all.extend(["--state-dir", &self.state, "--session", self.session]);
        all
    }

    fn run(&self, args: &[&str]) -> Output {
        self.host.run(&self.args(args))
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {message}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

/// Waits until the plugins are loaded, of a host that was started so often, and
/// have listed their devices.
fn ready(host: &Host, starts: usize) {
    let loaded = || host.log().matches("loaded plugin=local").count();
    while loaded() < starts {
        thread::sleep(Duration::from_millis(20));
    }
    let state = host.state().display().to_string();
    loop {
        let output = host.run(&["devices", "--refresh", "--json", "--state-dir", &state]);
        let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(listed["failures"], Value::Array(Vec::new()), "{listed}");
        if listed["devices"].as_array().map(Vec::len) == Some(2) {
            return;
        }
    }
}

async fn tap_and_type() {
    let host = Host::start(SETTINGS, &[]);
    ready(&host, 1);
    let ann = Person::new(&host, "ann");
    ann.done(&["open", "PHONE-1", "--open-url", &page()]);
    let before = host.work().join("before.png");
    let after = host.work().join("after.png");
    ann.done(&["screenshot", before.to_str().expect("UTF-8")]);
    let screen = ann.done(&["snapshot", "-i"]);
    let button = screen
        .lines()
        .find(|line| line.contains("button \"Count\""));
    let button = button.and_then(|line| line.split_whitespace().next());
    ann.done(&["tap", button.expect("a ref")]);
    ann.done(&["fill", "role=textbox", "Ann"]);
    ann.done(&["wait", "role=heading label=\"1\""]);
    let screen = ann.done(&["snapshot"]);
    assert!(screen.contains("value=\"Ann\""), "{screen}");
    ann.done(&["screenshot", after.to_str().expect("UTF-8")]);
    let bytes = |path| std::fs::read(path).expect("a picture");
    let (before, after) = (bytes(before), bytes(after));
    assert!(before.starts_with(b"\x89PNG") && after.starts_with(b"\x89PNG"));
    assert_ne!(before, after, "what was done can be seen");
    ann.done(&["close"]);
}

async fn kill_and_wait() {
    let mut host = Host::start(SETTINGS, &[]);
    ready(&host, 1);
    Person::new(&host, "ann").done(&["open", "phone-1"]);
    host.crash_and_restart();
    ready(&host, 2);
    let (ann, bob) = (Person::new(&host, "ann"), Person::new(&host, "bob"));
    assert_eq!(bob.run(&["open", "phone-1"]).status.code(), Some(8));
    ann.done(&["open-url", &page()]);
    let mut waiting = host
        .command(built("hostler"))
        .args(bob.args(&["open", "phone-1", "--wait", "5m"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hostler");
    let mut told = BufReader::new(waiting.stderr.take().expect("a pipe"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a line");
    assert_eq!(line, "waiting: number 1 in the queue\n");
    ann.done(&["close"]);
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("UTF-8");
    assert!(waiting.wait().expect("its end").success(), "{rest}");
    assert_eq!(ann.run(&["snapshot"]).status.code(), Some(9));
    bob.done(&["snapshot"]);
    bob.done(&["close"]);
}

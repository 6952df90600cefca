//! The host that a bridge finds or starts.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Stdio,
    thread,
};

use rustix::{
    io::ioctl_fionread,
    process::{Signal, kill_process},
};
use serde_json::{Value, json};

use crate::stage::{Bridge, Home, gone, initialize};

/// What the host says when it listens.
const SERVING: &str = "serving address=";

/// Of the host's own sessions: what agents have in their stores takes its time.
fn list(bridge: &mut Bridge, id: u64) {
    let params = json!({"_meta": {"hostler": {"outside": false}}});
    let request = json!({"jsonrpc": "2.0", "id": id, "method": "session/list", "params": params});
    bridge.line(&request.to_string());
}

#[test]
fn a_bridge_starts_a_host_and_it_stays_when_the_bridge_goes() {
    let home = Home::new();
    let mut bridge = home.bridge(&[]);
    let hello = bridge.initialize();
    assert_eq!(hello["protocolVersion"], 1);
    assert_eq!(hello["agentInfo"]["name"], "hostler");
    let host = home.host().unwrap();
    assert_eq!(
        rustix::process::getsid(Some(host)).unwrap(),
        host,
        "in a session of its own"
    );
    let status = fs::read_to_string(format!("/proc/{}/status", host.as_raw_nonzero()));
    if let Ok(status) = status {
        let bridge = format!("PPid:\t{}\n", bridge.child.id());
        assert!(!status.contains(&bridge), "nobody's child: {status}");
    }
    bridge.close();
    assert_eq!(bridge.end(), (String::new(), 0, String::new()));

    let mut again = home.bridge(&[]);
    again.initialize();
    assert_eq!(home.host().unwrap(), host);
    assert_eq!(home.logged(SERVING), 1);
}

#[test]
fn bridges_that_start_at_once_start_one_host() {
    let home = Home::new();
    let mut bridges: Vec<_> = (0..6).map(|_| home.bridge(&[])).collect();
    for bridge in &mut bridges {
        bridge.initialize();
    }
    assert_eq!(home.logged(SERVING), 1);
    assert!(!home.state().join("serve.log.old").exists(), "one start");
}

#[test]
fn a_host_that_was_started_by_hand_is_used() {
    let home = Home::new();
    let mut host = home
        .hostler(&["serve", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It may be just starting.
    let mut bridge = home.bridge(&[]);
    bridge.initialize();
    let found = home.host().unwrap();
    let by_hand = found.as_raw_nonzero().get() as u32 == host.id();
    // If the bridge was faster, the one by hand has given up.
    assert!(by_hand || !host.wait().unwrap().success());
    drop(home);
    let _ = host.wait();
}

#[test]
fn a_host_that_nobody_needs_ends_and_a_client_keeps_it() {
    let home = Home::new();
    let mut bridge = home.bridge(&["--idle-exit", "1"]);
    bridge.initialize();
    let host = home.host().unwrap();
    thread::sleep(std::time::Duration::from_millis(1500));
    list(&mut bridge, 1);
    assert_eq!(bridge.next()["id"], 1, "it is there with its client");
    bridge.close();
    assert_eq!(bridge.end().1, 0);
    gone(host);
    assert_eq!(
        home.logged("no client, no work and no lease for 1 seconds"),
        1
    );
    assert_eq!(home.host(), None, "it has said that it went");

    home.bridge(&[]).initialize();
    assert_ne!(home.host().unwrap(), host);
}

/// The host lets bridges go on after a lost connection.
fn can_attach(hello: &Value) -> bool {
    hello.pointer("/agentCapabilities/_meta/hostler/attach") == Some(&json!(true))
}

#[test]
fn when_a_host_is_killed_every_request_is_answered_once_by_the_next_or_with_an_error() {
    let home = Home::new();
    let mut bridge = home.bridge(&[]);
    let goes_on = can_attach(&bridge.initialize());
    let host = home.host().unwrap();
    kill_process(host, Signal::STOP).unwrap();
    // More than the bridge reads at once: when all is read, most is on its way.
    for id in 1..=4000 {
        list(&mut bridge, id);
    }
    while ioctl_fionread(bridge.stdin.as_ref().unwrap()).unwrap() > 0 {
        thread::yield_now();
    }
    kill_process(host, Signal::KILL).unwrap();
    gone(host);
    if goes_on {
        // The bridge starts another host, and leaves when all is answered.
        bridge.close();
    }
    let (stdout, code, stderr) = bridge.end();
    let mut answered = Vec::new();
    let mut lost = 0;
    for line in stdout.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        // The signal takes effect in a moment, and the host is quick.
        if answer.get("result").is_none() {
            assert_eq!(answer["error"]["data"]["code"], "HOST_LOST", "{answer}");
            lost += 1;
        }
        answered.push(answer["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    let all: Vec<_> = (1..=answered.len() as u64).collect();
    assert_eq!(answered, all, "each of those that were sent, once");
    if goes_on {
        assert_eq!((answered.len(), lost, code), (4000, 0, 0), "{stderr}");
    } else {
        assert!(lost > 0, "{answered:?}");
        assert_eq!((code, stderr.as_str()), (7, "hostler: the host is gone\n"));
        // What it left behind does not mislead.
        assert_eq!(home.host(), Some(host));
    }
    home.bridge(&[]).initialize();
    assert_ne!(home.host().unwrap(), host);
}

#[test]
fn a_host_that_is_just_stopping_is_waited_for() {
    let home = Home::new();
    let mut bridge = home.bridge(&[]);
    let goes_on = can_attach(&bridge.initialize());
    let host = home.host().unwrap();
    kill_process(host, Signal::TERM).unwrap();
    let mut next = home.bridge(&[]);
    // Either its last word or the answer of another host.
    next.line(&initialize().to_string());
    let answer = next.next();
    if answer.get("error").is_none() {
        assert_eq!(answer["result"]["protocolVersion"], 1);
    }
    if goes_on {
        list(&mut bridge, 1);
        assert!(bridge.next().get("result").is_some(), "by the next host");
        bridge.close();
    }
    assert_eq!(bridge.end().1, if goes_on { 0 } else { 7 });
    gone(host);
}

#[test]
fn a_host_that_a_bridge_started_is_known_by_every_bridge() {
    let home = Home::new();
    home.bridge(&[]).initialize();
    let noted = fs::read_to_string(home.state().join("start.lock")).unwrap();
    let host = home.host().unwrap().as_raw_nonzero().to_string();
    assert_eq!(noted, host, "so that any of them may start the next one");
}

#[test]
fn why_no_host_could_be_started_is_said_in_its_own_words() {
    let home = Home::new();
    let config = home.path().join("bad.toml");
    fs::write(&config, "[server]\nport = 1\n").unwrap();
    let bridge = home.bridge(&["--config", config.to_str().unwrap()]);
    let (stdout, code, stderr) = bridge.end();
    assert_eq!((stdout.as_str(), code), ("", 3), "{stderr}");
    for part in [
        "none could be started",
        "serve.log",
        "bad.toml:2: unknown field `port`",
    ] {
        assert!(stderr.contains(part), "{part} is missing in: {stderr}");
    }

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    fs::write(&config, format!("[server]\nlisten = \"{listen}\"\n")).unwrap();
    let (_, code, stderr) = home.bridge(&["--config", config.to_str().unwrap()]).end();
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("another program listens there"), "{stderr}");
}

#[test]
fn a_host_in_the_background_listens_where_the_config_says() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let config = home.path().join("hostler.toml");
    fs::write(&config, format!("[server]\nlisten = \"{listen}\"\n")).unwrap();
    // The config is found from wherever the host runs.
    let mut bridge = home.bridge(&["--config", config.to_str().unwrap()]);
    bridge.initialize();
    let file = fs::read_to_string(home.state().join("host.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file["addr"], listen.to_string());
}

#[test]
fn the_log_of_a_host_in_the_background_is_bounded_and_goes_on() {
    let home = Home::new();
    home.bridge(&[]).initialize();
    let file = fs::read_to_string(home.state().join("host.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let addr = file["addr"].as_str().unwrap();
    let mut socket = BufReader::new(TcpStream::connect(addr).unwrap());
    let log = |name: &str| fs::metadata(home.state().join(name)).map_or(0, |file| file.len());
    let full = 1024 * 1024;
    // Each is refused, which is a line of the log.
    let path = "x".repeat(1000);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let mut logged = 0;
    while logged < full * 5 / 2 {
        socket.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(socket.read_line(&mut line).unwrap() > 0);
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        socket.read_exact(&mut vec![0; length]).unwrap();
        logged += path.len() as u64;
    }
    let (new, old) = (log("serve.log"), log("serve.log.old"));
    assert!(new > 0 && new < full + 8192, "{new}");
    assert!(old >= full && old < full + 8192, "{old}");
}

#[test]
fn a_harness_that_the_host_does_not_have_is_refused() {
    let home = Home::new();
    let (_, code, stderr) = home.bridge(&["--harness", "nope"]).end();
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("there is no harness \"nope\""), "{stderr}");
}

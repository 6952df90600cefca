//! People who wait for a phone, over the loss of the host.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Output, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use hostler_e2e::{Host, Person};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use super::stage::{NEEDS, PHONES, key, leases, ready, start, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "who_waits_comes_back_in_its_order_after_a_kill_of_the_host_and_ends_served",
            NEEDS,
            killed,
        ),
        trial(
            "who_waits_keeps_its_place_while_the_host_is_stopped_and_started",
            NEEDS,
            stopped,
        ),
        trial(
            "busy_suggests_what_was_written_and_show_says_who_waits_for_a_phone_or_a_pool",
            NEEDS,
            busy,
        ),
    ]
}

/// A command that waits for a phone, at work.
struct Waiting {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    reads: JoinHandle<()>,
}

impl Waiting {
    fn begin(host: &Host, who: &Person) -> Self {
        Self::of(host, who, &["device", "open", "phone-1", "--wait", "5m"])
    }

    fn of(host: &Host, who: &Person, args: &[&str]) -> Self {
        let mut child = who
            .hostler(host, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hostler");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let said = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&said);
        let reads = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                told.lock().expect("lines").push(line);
            }
        });
        Self { child, said, reads }
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().expect("lines").clone()
    }

    /// Until it has been told its place so often, and this one last.
    #[track_caller]
    fn stands(&self, place: usize, times: usize) {
        let line = format!("waiting: number {place} in the queue");
        until(
            &line,
            || self.said(),
            |said| {
                let places = said.iter().filter(|said| said.starts_with("waiting: "));
                let places: Vec<_> = places.collect();
                places.len() == times && *places[times - 1] == line
            },
        );
    }

    fn end(self) -> Output {
        let output = self.child.wait_with_output().expect("its end");
        self.reads.join().expect("its lines");
        output
    }

    /// It has got the phone.
    #[track_caller]
    fn ends_served(self) {
        let said = Arc::clone(&self.said);
        let output = self.end();
        assert_eq!(output.status.code(), Some(0), "{said:?}");
        let opened = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(opened.contains("phone-1 is yours"), "{opened}");
    }
}

async fn killed() {
    lost(Host::crash_and_come_back);
}

async fn stopped() {
    lost(Host::stop_and_come_back);
}

/// The holder and two who wait, over the loss of the host.
fn lost(lose: fn(&mut Host)) {
    let mut host = start(PHONES, &[]);
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| Person::new(&host, name));
    ann.device(&host, &["open", "phone-1"]);
    ann.device(&host, &["snapshot"]);
    let first = Waiting::begin(&host, &bob);
    first.stands(1, 1);
    let second = Waiting::begin(&host, &cid);
    second.stands(2, 1);

    lose(&mut host);
    ready(&host, 2);
    for waiting in [&first, &second] {
        let lost = |said: &Vec<String>| said.iter().any(|line| line.contains("the host is lost"));
        until("word of the loss", || waiting.said(), lost);
    }
    first.stands(1, 2);
    second.stands(2, 2);
    let holder = |name: &str| (name.to_owned(), key("phone-1"));
    let held = leases(&host);
    assert_eq!(held.len(), 3, "nobody waits twice: {held:?}");

    ann.device(&host, &["close"]);
    first.ends_served();
    second.stands(1, 3);
    assert!(leases(&host)[&holder("bob")] > held[&holder("ann")]);
    bob.device(&host, &["tap", "10,10"]);
    bob.device(&host, &["close"]);
    second.ends_served();
    cid.device(&host, &["close"]);
    assert!(leases(&host).is_empty());
}

async fn busy() {
    let host = start(PHONES, &[]);
    let [ann, bob] = ["ann", "bob"].map(|name| Person::new(&host, name));
    ann.device(&host, &["open", "phone-1", "--session", "one"]);
    let two = ["open", "phone-2", "--session", "two", "--ttl", "1m"];
    ann.device(&host, &two);
    let refused = bob.try_device(&host, &["open", "pool:phones"]);
    assert_eq!(refused.status.code(), Some(8), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let soonest = format!(
        "the next could be {}, which is held by somebody else",
        key("phone-2")
    );
    for part in [
        soonest.as_str(),
        "unless it is used",
        "hostler device open pool:phones --wait 5m",
        "hostler lease show pool:phones",
    ] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }

    // The commands that are suggested can be run, and say what they promise.
    let suggested = |begins: &str| {
        let found = said.lines().find_map(|line| line.split_once(begins));
        let (_, args) = found.unwrap_or_else(|| panic!("no {begins} in {said}"));
        let args = args.split_whitespace().map(str::to_owned);
        args.collect::<Vec<_>>()
    };
    let wait = suggested("hostler device ");
    let wait: Vec<&str> = wait.iter().map(String::as_str).collect();
    let waiting = Waiting::of(&host, &bob, &[&["device"], &wait[..]].concat());
    waiting.stands(1, 1);
    let show = suggested("hostler lease ");
    let state = host.state().display().to_string();
    let show: Vec<&str> = show.iter().map(String::as_str).collect();
    let args = [&["lease"], &show[..], &["--all", "--state-dir", &state]].concat();
    let shown = host.run(&args);
    assert!(shown.status.success(), "{shown:?}");
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in [
        "is held by ann (session one, hostler)",
        "is held by ann (session two, hostler)",
        "number 1: bob (session default, hostler), for pool:phones",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    ann.device(&host, &["close", "--session", "two"]);
    let output = waiting.end();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    bob.device(&host, &["close"]);
    ann.device(&host, &["close", "--session", "one"]);
}

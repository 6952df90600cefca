//! Two phones, three clients that know nothing of each other.

use hostler_e2e::{
    Host, Mcp, Page, Person,
    page::{GREEN, WHITE, background},
    person::reference,
};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use super::stage::{NEEDS, PHONES, WITH_AGENT_DEVICE, key, leases, ready, start, until};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_person_leases_a_browser_and_what_is_tapped_and_typed_has_effect",
            NEEDS,
            tap_and_type,
        ),
        trial(
            "agent_device_and_the_command_line_and_mcp_share_two_phones_over_a_kill_of_the_host",
            WITH_AGENT_DEVICE,
            shared,
        ),
    ]
}

async fn tap_and_type() {
    let page = Page::serve();
    let host = start(PHONES, &[]);
    let ann = Person::new(&host, "ann");
    ann.device(&host, &["open", "PHONE-1", "--open-url", &page.url("ann")]);
    assert_eq!(background(&ann.picture(&host)), WHITE);
    let screen = ann.device(&host, &["snapshot", "-i"]);
    ann.device(&host, &["tap", &reference(&screen, &["button \"Count\""])]);
    ann.device(&host, &["fill", "role=textbox", "Ann"]);
    ann.device(&host, &["wait", "role=heading label=\"1\""]);
    let screen = ann.device(&host, &["snapshot"]);
    assert!(screen.contains("value=\"Ann\""), "{screen}");
    assert_eq!(page.record()[0], "ann tap");
    page.wait_for("ann name Ann");
    assert_eq!(background(&ann.picture(&host)), GREEN);
    ann.device(&host, &["close"]);
    assert_eq!(ann.try_device(&host, &["snapshot"]).status.code(), Some(9));
}

async fn shared() {
    let page = Page::serve();
    let mut host = start(PHONES, &[]);
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| Person::new(&host, name));

    let base = format!("http://{}", host.address());
    ann.agent(&host, &["connect", "proxy", "--daemon-base-url", &base]);
    let old = by_agent_device(&host, &ann, &page);
    bob.device(&host, &["open", "phone-2", "--open-url", &page.url("bob")]);
    bob.device(&host, &["tap", "role=button"]);
    assert_eq!(background(&bob.picture(&host)), GREEN);

    // The third waits, and is served when one is given back.
    let mut agent = Mcp::start(&host, &cid);
    let wish = json!({ "device": "@phones", "url": page.url("cid"), "wait_seconds": 300 });
    let asked = agent.begin_tool("device_open", &wish);
    agent.wait_for("place in the queue", |message| {
        let said = message["params"]["message"].as_str().unwrap_or_default();
        message["method"] == "notifications/progress" && said.contains("queue")
    });
    assert_eq!(leases(&host).len(), 3);
    bob.device(&host, &["close"]);
    let opened = agent.answer(asked);
    assert!(opened.to_string().contains(&key("phone-2")), "{opened}");
    assert_eq!(background(&agent.picture()), WHITE);
    agent.tool("device_tap", &json!({ "target": "role=button" }));
    assert_eq!(background(&agent.picture()), GREEN);
    assert_eq!(page.record(), ["ann tap", "bob tap", "cid tap"]);

    let held = leases(&host);
    let browsers = host.browsers();
    host.crash_and_come_back();
    ready(&host, 2);
    assert_eq!(leases(&host), held, "what was held is held again");
    let old_ones = || {
        let now = host.browsers();
        let left = browsers.iter().filter(|old| now.contains(old));
        left.cloned().collect::<Vec<_>>()
    };
    assert!(browsers.len() >= 4, "{browsers:?}");
    until("end of the browsers", old_ones, Vec::is_empty);

    // Who held a phone goes on, and nobody else.
    let refused = bob.try_device(&host, &["open", "pool:phones"]);
    assert_eq!(refused.status.code(), Some(8));
    let (tapped, said) = ann.try_agent(&host, &["click", &old]);
    assert!(!tapped, "an old ref is refused: {said}");
    by_agent_device(&host, &ann, &page);
    agent.tool("device_open_url", &json!({ "url": page.url("cid-again") }));
    agent.tool("device_tap", &json!({ "target": "role=button" }));
    assert_eq!(background(&agent.picture()), GREEN);
    assert_eq!(page.record()[3..], ["ann tap", "cid-again tap"]);

    // A later holder has a higher token than any before.
    ann.agent(&host, &["disconnect"]);
    bob.device(&host, &["open", "phone-1"]);
    let holder = |name: &str| (name.to_owned(), key("phone-1"));
    assert!(leases(&host)[&holder("bob")] > held[&holder("ann")]);
    agent.end();
    bob.device(&host, &["close"]);
    let free = || leases(&host);
    until("end of the leases", free, |left| left.is_empty());
    host.stop();
    assert_eq!(host.browsers(), [""; 0]);
}

/// Opens the page on the first phone, taps its button and looks; the button's ref.
fn by_agent_device(host: &Host, ann: &Person, page: &Page) -> String {
    let url = page.url("ann");
    let phone = ["--lease-backend", "android-instance", "--device", "phone-1"];
    ann.agent(host, &[&["open", &url], &phone[..]].concat());
    let before = picture_by_agent_device(host, ann);
    assert_eq!(background(&before), WHITE);
    let button = reference(&ann.agent(host, &["snapshot", "-i"]), &["\"Count\""]);
    ann.agent(host, &["click", &button]);
    let after = picture_by_agent_device(host, ann);
    assert_eq!(background(&after), GREEN);
    button
}

fn picture_by_agent_device(host: &Host, ann: &Person) -> Vec<u8> {
    let file = ann.file("agent-device.png");
    ann.agent(host, &["screenshot", file.to_str().expect("UTF-8")]);
    std::fs::read(file).expect("a picture")
}

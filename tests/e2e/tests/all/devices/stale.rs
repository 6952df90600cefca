//! A holder that stood still past its time.

use hostler_e2e::{Mcp, Page, Person};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use rustix::process::{Signal, kill_process};
use serde_json::json;

use super::stage::{NEEDS, PHONES, key, leases, start};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_holder_that_was_stopped_past_its_time_is_refused_and_reaches_no_phone",
        NEEDS,
        stopped,
    )]
}

async fn stopped() {
    let page = Page::serve();
    let policy = "[plugins.local.config]\nimplicit_ttl_seconds = 5\n";
    let host = start(&format!("{PHONES}\n{policy}"), &[]);
    let (ann, bob) = (Person::new(&host, "ann"), Person::new(&host, "bob"));
    let mut agent = Mcp::start(&host, &ann);
    let wish = json!({ "device": "phone-1", "url": page.url("ann") });
    agent.tool("device_open", &wish);
    agent.tool("device_snapshot", &json!({}));
    let old = leases(&host)[&("ann".to_owned(), key("phone-1"))];

    kill_process(agent.server(), Signal::STOP).expect("SIGSTOP");
    let url = page.url("bob");
    bob.device(
        &host,
        &["open", "phone-1", "--wait", "1m", "--open-url", &url],
    );
    let late = agent.begin_tool("device_tap", &json!({ "target": "role=button" }));
    kill_process(agent.server(), Signal::CONT).expect("SIGCONT");
    let answer = agent.answer(late);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let said = answer["result"]["content"][0]["text"].as_str();
    assert!(
        said.is_some_and(|it| it.starts_with("NO_DEVICE_HELD")),
        "{answer}"
    );
    assert_eq!(page.record(), [""; 0], "nothing reached the phone");

    bob.device(&host, &["tap", "role=button"]);
    assert_eq!(page.record(), ["bob tap"]);
    assert!(leases(&host)[&("bob".to_owned(), key("phone-1"))] > old);
    bob.device(&host, &["close"]);
}

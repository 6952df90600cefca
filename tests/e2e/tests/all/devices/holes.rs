//! What goes wrong elsewhere when clients share devices, each with two clients.

use hostler_e2e::{Host, Page, Person, person::reference};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use super::stage::{PHONES, WITH_AGENT_DEVICE, key, leases, ready, start};

/// What agent-device calls a device that others have.
const BUSY: &str = "DEVICE_IN_USE";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "without_a_lease_call_nobody_reaches_a_held_phone_nor_after_a_kill_of_the_host",
            WITH_AGENT_DEVICE,
            bypass,
        ),
        trial(
            "two_command_lines_with_the_same_id_do_not_share_a_phone",
            WITH_AGENT_DEVICE,
            same_id,
        ),
    ]
}

fn refused(host: &Host, who: &Person, args: &[&str]) {
    let (done, said) = who.try_agent(host, args);
    assert!(!done && said.contains(BUSY), "{args:?}: {said}");
}

async fn bypass() {
    let page = Page::serve();
    let mut host = start(PHONES, &[]);
    let (ann, bob) = (Person::new(&host, "ann"), Person::new(&host, "bob"));
    ann.device(&host, &["open", "phone-1", "--open-url", &page.url("ann")]);
    let url = page.url("bob");
    let open = ["open", &url, "--platform", "web", "--device", "phone-1"];
    let tries = |host: &Host| {
        refused(host, &bob, &open);
        refused(host, &bob, &["snapshot", "--device", "PHONE-1"]);
        let hardware_id = key("phone-1").replace("chromium:", "");
        refused(
            host,
            &bob,
            &["click", "100", "20", "--device", &hardware_id],
        );
    };
    tries(&host);
    host.crash_and_come_back();
    ready(&host, 2);
    tries(&host);
    assert_eq!(page.record(), [""; 0], "nothing reached the phone");
    // It may have the other one, and gives it back.
    let open = ["open", &url, "--platform", "web", "--device", "phone-2"];
    bob.agent(&host, &open);
    let button = reference(&bob.agent(&host, &["snapshot", "-i"]), &["\"Count\""]);
    bob.agent(&host, &["click", &button]);
    bob.agent(&host, &["close"]);
    ann.device(&host, &["open-url", &page.url("ann")]);
    ann.device(&host, &["tap", "role=button"]);
    assert_eq!(page.record(), ["bob tap", "ann tap"]);
    let holders: Vec<_> = leases(&host).into_keys().collect();
    assert_eq!(holders, [("ann".to_owned(), key("phone-1"))]);
    // An operator ends it, and the next one is served.
    let state = host.state().display().to_string();
    let release = ["lease", "release", "phone-1", "--force", "--state-dir"];
    let released = host.run(&[&release[..], &[&state]].concat());
    assert!(released.status.success(), "{released:?}");
    let late = ann.try_device(&host, &["tap", "role=button"]);
    assert_eq!(late.status.code(), Some(9), "{late:?}");
    bob.device(&host, &["open", "phone-1"]);
    assert_eq!(page.record().len(), 2, "nothing reached the phone");
}

/// Two containers with the same state directory, address and session call
/// themselves the same.
async fn same_id() {
    let page = Page::serve();
    let host = start(PHONES, &[]);
    let base = format!("http://{}", host.address());
    let first = Person::new(&host, "ann");
    let url = page.url("ann");
    let open = ["open", &url, "--lease-backend", "android-instance"];
    let open = [&open[..], &["--device", "phone-1"]].concat();
    first.agent(&host, &["connect", "proxy", "--daemon-base-url", &base]);
    first.agent(&host, &open);
    // It knows all but the lease, and has no way to it.
    let second = Person::with_token(&host, "ann-again", first.token());
    first.give_state_of_agent_device(&second);
    second.forget_lease_of_agent_device();
    let (done, said) = second.try_agent(&host, &["snapshot", "-i"]);
    assert!(!done, "{said}");
    refused(&host, &second, &open);
    // It knows even the lease, with a token of its own.
    let third = Person::new(&host, "bob");
    first.give_state_of_agent_device(&third);
    refused(&host, &third, &["snapshot", "-i"]);
    let _ = third.try_agent(&host, &["disconnect"]);
    let holders: Vec<_> = leases(&host).into_keys().collect();
    assert_eq!(holders, [("ann".to_owned(), key("phone-1"))]);
    assert_eq!(page.record(), [""; 0], "nothing reached the phone");
    let button = reference(&first.agent(&host, &["snapshot", "-i"]), &["\"Count\""]);
    first.agent(&host, &["click", &button]);
    assert_eq!(page.record(), ["ann tap"]);
    first.agent(&host, &["disconnect"]);
}

//! Devices of a real plugin under lease: whatever its guest or its programs do,
//! the next holder gets the device, and gets it alone.

use std::{sync::Arc, time::Duration};

use hostler_device::{Config, Devices, Labels, Refusal, Unobserved, Who};
use hostler_lease::{Label, LeaseId, MIN_TTL, Principal};
use hostler_provider::{Answer, Call, Choice, Wish};
use hostler_test_devices::{Easy, Kept};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    children::{alive, written},
    providers::{LONG, SHELL, stubborn},
    support::{Host, PROVIDER},
};

pub(crate) fn trials() -> Vec<Trial> {
    let need = PROVIDER;
    vec![
        trial(
            "a_command_that_hangs_at_expiry_is_preempted_with_its_children_and_the_next_is_served",
            need,
            hangs_at_expiry,
        ),
        trial(
            "a_close_that_fails_traps_or_hangs_frees_the_device",
            need,
            bad_closes,
        ),
    ]
}

/// A service whose only device, `one`, is the guest's.
async fn lend(host: &Host, settings: &str) -> Devices {
    let provider = host.provider(settings).await;
    let kept = Arc::new(Kept::default());
    let config = Config::new("easy");
    let devices = Devices::start(config, kept.saved(), 1, kept, Arc::new(Unobserved));
    devices.set_policy(Arc::new(Easy));
    devices.set_provider(Arc::new(provider));
    devices
}

fn who(name: &str) -> Who {
    Who {
        principal: Principal::new(name).unwrap(),
        token: Label::new(name).unwrap(),
        surface: Label::new("test").unwrap(),
        admin: false,
    }
}

async fn hold(devices: &Devices, who: &Who, wait: Option<Duration>) -> LeaseId {
    let labels = Labels::session(Label::new("default").unwrap());
    let wish = Wish {
        choices: vec![Choice::Device("one".into())],
        ttl: Some(MIN_TTL),
        wait,
        ..Wish::default()
    };
    let ticket = devices.allocate(who, &labels, wish, None).await.unwrap();
    ticket.granted().await.unwrap().keep().id
}

async fn native(
    devices: &Devices,
    who: &Who,
    id: LeaseId,
    (method, params): (&str, Value),
    limit: Duration,
) -> Result<Value, Refusal> {
    let call = Call::Native {
        method: method.into(),
        params: params.to_string(),
    };
    match devices.run(who, id, call, limit).await? {
        Answer::Text(json) => Ok(serde_json::from_str(&json).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// A session of its own answers it.
async fn is_served(devices: &Devices, who: &Who, id: LeaseId) {
    let count = native(devices, who, id, ("count", json!(null)), LONG).await;
    assert_eq!(count.unwrap(), json!(1), "another's session is still there");
}

async fn hangs_at_expiry() {
    let host = Host::new();
    let settings = format!("{SHELL}config.devices = [\"one\"]");
    let devices = lend(&host, &settings).await;
    let (ann, bob) = (who("ann"), who("bob"));
    let anns = hold(&devices, &ann, None).await;
    let (program, file) = stubborn(&host);
    // It goes on when it is cancelled, so its lease ends under it.
    let hanging = native(&devices, &ann, anns, ("run-on", program), MIN_TTL);
    let next = async {
        let pid = written(&file).await;
        let child = written(&file.with_extension("child")).await;
        assert!(alive(&pid) && alive(&child));
        let bobs = hold(&devices, &bob, Some(LONG)).await;
        assert!(!alive(&pid) && !alive(&child), "bob has it, and ann's run");
        is_served(&devices, &bob, bobs).await;
        bobs
    };
    let (refused, bobs) = tokio::join!(hanging, next);
    assert_eq!(refused.unwrap_err().code(), "LEASE_EXPIRED");
    let late = native(&devices, &ann, anns, ("count", json!(null)), LONG).await;
    assert_eq!(late.unwrap_err().code(), "LEASE_EXPIRED");
    devices.release(&bob, bobs).await.unwrap();
    devices.stop().await;
}

async fn bad_closes() {
    for mischief in ["fail", "panic", "sleep", "loop"] {
        let host = Host::new();
        let settings = format!("config.devices = [\"one\"]\nconfig.on_close = \"{mischief}\"");
        let devices = lend(&host, &settings).await;
        let (ann, bob) = (who("ann"), who("bob"));
        let anns = hold(&devices, &ann, None).await;
        devices.release(&ann, anns).await.unwrap();
        assert!(devices.leases(&ann, false).unwrap().is_empty());
        let bobs = hold(&devices, &bob, Some(LONG)).await;
        is_served(&devices, &bob, bobs).await;
    }
}

//! What happens, as a stream of events.

use hostler_auth::Scope;
use serde_json::{Value, json};

use super::{Lender, code, event, member, whole};

#[tokio::test]
async fn a_stream_of_events_goes_on_after_the_one_that_was_seen_last() {
    let lender = Lender::start().await;
    let ann = lender.ann();
    let mut events = ann.request("GET", "/v1/events").send().await.unwrap();
    let mut rest = String::new();
    let lease = ann.lease("play:one").await;
    let granted = loop {
        let next = event(&mut events, &mut rest).await;
        if member(&next, "event:") == "granted" {
            break next;
        }
    };
    let seen = member(&granted, "id:").to_owned();
    let data: Value = serde_json::from_str(member(&granted, "data:")).unwrap();
    assert_eq!(
        (&data["device"], &data["principal"]),
        (&json!("play:one"), &json!("ann"))
    );
    drop(events);
    let gone = ann
        .request("DELETE", "/v1/lease")
        .header("hostler-lease", &lease);
    assert_eq!(whole(gone).await.0, 200);

    let again = |id: String| ann.request("GET", "/v1/events").header("last-event-id", id);
    let mut events = again(seen).send().await.unwrap();
    let missed = event(&mut events, &mut String::new()).await;
    assert_eq!(member(&missed, "event:"), "ended");
    // Of another host: nobody knows what was missed.
    let mut events = again("1".to_owned()).send().await.unwrap();
    let reset = event(&mut events, &mut String::new()).await;
    assert_eq!(member(&reset, "event:"), "reset");
    let (status, refused) = whole(again("x".to_owned())).await;
    assert_eq!((status, code(&refused)), (400, "BAD_HEADER"));
}

/// Why the next lease ended.
async fn ended(events: &mut reqwest::Response, rest: &mut String) -> Value {
    loop {
        let next = event(events, rest).await;
        if member(&next, "event:") == "ended" {
            return serde_json::from_str(member(&next, "data:")).unwrap();
        }
    }
}

#[tokio::test]
async fn why_a_lease_ended_is_told_by_a_code() {
    let lender = Lender::start().await;
    let ann = lender.ann();
    let boss = lender.client("boss", &[Scope::Admin]);
    let mut events = ann.request("GET", "/v1/events").send().await.unwrap();
    let mut rest = String::new();
    // The shortest life that there is.
    let ask = json!({ "devices": ["play:one"], "ttl_ms": 5000 });
    assert_eq!(ann.post("/v1/leases", "", ask).await.0, 201);
    let told = ended(&mut events, &mut rest).await;
    assert_eq!(
        (&told["device"], &told["code"]),
        (&json!("play:one"), &json!("LEASE_EXPIRED"))
    );
    assert_eq!(told["cause"], "it was not renewed in time");
    let lease = ann.lease("play:one").await;
    let forced = boss.post("/v1/devices/play:one/release", "", json!({}));
    assert_eq!(forced.await.0, 200);
    let told = ended(&mut events, &mut rest).await;
    assert_eq!(told["code"], "LEASE_REVOKED");
    let (_, refused) = ann.post("/v1/lease/renew", &lease, json!({})).await;
    assert_eq!(code(&refused), "LEASE_REVOKED", "both say the same");
    let lease = ann.lease("play:one").await;
    lender.devices.remove_provider("play");
    let told = ended(&mut events, &mut rest).await;
    assert_eq!(told["code"], "DEVICE_LOST");
    let (_, refused) = ann.post("/v1/lease/renew", &lease, json!({})).await;
    assert_eq!(code(&refused), "DEVICE_LOST", "both say the same");
}

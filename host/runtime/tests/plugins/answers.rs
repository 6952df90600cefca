//! What is taken from a provider's answer, and how its bytes leave.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hostler_provider::{Answer, Call, DeviceError};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::{
    providers::{LONG, count, native, open},
    support::{Host, PROVIDER},
};

pub(crate) fn trials() -> Vec<Trial> {
    let need = PROVIDER;
    vec![
        trial(
            "nonsense_from_a_provider_is_an_error_and_harms_nothing",
            need,
            nonsense,
        ),
        trial(
            "a_screenshot_inside_json_is_decoded_in_the_host",
            need,
            screenshot,
        ),
        trial("blobs_are_bounded", need, blobs),
    ]
}

async fn nonsense() {
    let provider = Host::new().provider("").await;
    let mut other = open(&provider, "two").await;
    for (nonsense, call, said) in [
        ("depth", Call::Snapshot, "depth 7"),
        ("twice", Call::Snapshot, "names two elements"),
        ("rect", Call::Snapshot, "NaN"),
        ("many", Call::Snapshot, "20001 elements"),
        ("screen", Call::Screen, "width is NaN"),
        ("", Call::Clipboard, "more than 16777216 bytes"),
    ] {
        let mut session = open(&provider, "one").await;
        let Ok(Answer::Tree(tree)) = session.call(Call::Snapshot, LONG).await else {
            panic!("no snapshot before {nonsense}");
        };
        assert_eq!((tree.nodes.len(), tree.nodes[0].number), (4, 100));
        if !nonsense.is_empty() {
            native(&mut session, "nonsense", nonsense.into())
                .await
                .unwrap();
        }
        let error = session.call(call, LONG).await.unwrap_err();
        assert!(matches!(&error, DeviceError::Broken(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("plugin provider answered"), "{text}");
        assert!(text.contains(said), "{text}");
        let after = session.call(Call::Alive, LONG).await.unwrap_err();
        assert!(matches!(after, DeviceError::Lost(_)), "{after:?}");
        session.end().await;
    }
    let mut session = open(&provider, "one").await;
    let error = native(&mut session, "nonsense", "json".into()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("not JSON"), "{error}");
    let error = native(&mut other, "no-such-thing", ().into()).await;
    assert!(matches!(error.unwrap_err(), DeviceError::Unsupported(_)));
    assert_eq!(count(&mut other).await, 2);
}

async fn screenshot() {
    let provider = Host::new().provider("").await;
    let mut session = open(&provider, "one").await;
    let picture: Vec<u8> = (0..10_000_000_u32).map(|n| (n % 251) as u8).collect();
    let document = serde_json::json!({ "value": STANDARD.encode(&picture), "id": 1 });
    let data = Bytes::from(document.to_string());
    let path = String::new();
    let push = Call::Push {
        path,
        data: data.clone(),
    };
    assert_eq!(session.call(push, LONG).await, Ok(Answer::Done));
    let Ok(Answer::Image(image)) = session.call(Call::Screenshot { full: false }, LONG).await
    else {
        panic!("no picture");
    };
    assert_eq!(image.media_type, "image/png");
    assert!(image.data == picture, "another picture");
    assert_eq!(
        native(&mut session, "json", "/id".into()).await,
        Ok(1.into())
    );
    let at = native(&mut session, "find", "\"value\"".into()).await;
    let place = data.windows(7).position(|part| part == b"\"value\"");
    assert_eq!(at, Ok(place.into()));
    // A part leaves as a part of the bytes that came, and not as a copy.
    let Ok(Answer::Data(part)) = session.call(Call::Pull("5..105".into()), LONG).await else {
        panic!("no part");
    };
    assert_eq!(part.as_ptr(), data[5..].as_ptr());
    assert_eq!(part.len(), 100);
}

async fn blobs() {
    let provider = Host::new().provider("").await;
    let mut session = open(&provider, "one").await;
    let hoard = native(&mut session, "hoard", 10.into()).await.unwrap();
    assert_eq!(hoard[0], 256, "{hoard}");
    assert!(
        hoard[1].as_str().unwrap().contains("256 handles"),
        "{hoard}"
    );
    let mib_32 = 32 * 1024 * 1024;
    let hoard = native(&mut session, "hoard", mib_32.into()).await.unwrap();
    assert_eq!(hoard[0], 8, "{hoard}");
    assert!(hoard[1].as_str().unwrap().contains("256 MiB"), "{hoard}");
    // What was dropped makes room.
    let hoard = native(&mut session, "hoard", mib_32.into()).await.unwrap();
    assert_eq!(hoard[0], 8, "{hoard}");
}

//! Prompts that wait, as others see them.

use hostler_wire::Id;
use serde_json::{Value, json};

use crate::stage::*;

const QUEUE: &str = "_hostler/queue";

fn texts_of(queue: &Value) -> Vec<&str> {
    let items = queue["queue"].as_array().unwrap().iter();
    items.map(|item| item["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_waits_is_told_in_order_whenever_it_changes() {
    let mut host = Host::new();
    let (session, mut instance, plain) = host.session().await;
    let mut watcher = Viewer::positioned();
    session.attach_from(&watcher, None).await;
    watcher.rest();
    let _a = session.prompt(&plain, 1, "a").await;
    session.settle().await;
    assert_eq!(
        watcher.told(QUEUE),
        [Value::Null; 0],
        "the running one waits for nobody"
    );
    let _b = session.prompt_once(&plain, 2, "kb", "  b\n").await;
    let _c = session.prompt(&watcher, 3, "c").await;
    session.settle().await;
    let told = watcher.told(QUEUE);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(texts_of(&told[1]), ["b", "c"]);
    let first = &told[1]["queue"][0];
    assert_eq!(
        (&first["key"], &first["by"]["name"]),
        (&json!("kb"), &json!("test"))
    );
    assert_eq!(told[1]["queue"][1].get("key"), None);
    assert_eq!(told[1]["sessionId"], session.id.as_str());

    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    session.settle().await;
    assert_eq!(texts_of(watcher.told(QUEUE).last().unwrap()), ["c"]);
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    session.settle().await;
    let told = watcher.told(QUEUE);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(texts_of(&told[0]), [""; 0], "and nothing more waits");
    assert_eq!(instance.prompted().await.1, "c");
}

#[tokio::test]
async fn one_that_is_taken_back_is_gone_from_the_queue_and_leaves_nothing_in_the_history() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let mut watcher = Viewer::positioned();
    session.attach_from(&watcher, None).await;
    let _running = session.prompt(&one, 1, "runs").await;
    let dropped = session.prompt(&one, 2, "dropped").await;
    let _kept = session.prompt(&one, 3, "kept").await;
    session.settle().await;
    watcher.rest();
    let id = Id::number(2);
    session.handle.cancel_request(one.client.id, id).await;
    assert_eq!(dropped.await.unwrap(), cancelled());
    session.settle().await;
    assert_eq!(texts_of(&watcher.told(QUEUE)[0]), ["kept"]);
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    assert_eq!(instance.prompted().await.1, "kept");
    let mut late = Viewer::positioned();
    session.attach_from(&late, None).await;
    assert_eq!(texts(&late.rest()), ["runs", "kept"]);
}

#[tokio::test]
async fn a_long_prompt_is_told_by_its_beginning() {
    let mut host = Host::new();
    let (session, _instance, one) = host.session().await;
    let mut watcher = Viewer::positioned();
    session.attach_from(&watcher, None).await;
    let _running = session.prompt(&one, 1, "runs").await;
    let _waits = session.prompt(&one, 2, &"é".repeat(10_000)).await;
    session.settle().await;
    assert_eq!(texts_of(&watcher.told(QUEUE)[0]), ["é".repeat(80)]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_and_goes_is_told_to_those_who_asked_for_it() {
    let mut host = Host::new();
    let (session, _instance, _plain) = host.session().await;
    let mut one = Viewer::named("tablet");
    session.attach_from(&one, None).await;
    let clients = |told: &Value| {
        let clients = told["params"]["clients"].as_array().unwrap().clone();
        (told["params"]["viewers"].as_u64().unwrap(), clients)
    };
    let (number, named) = clients(&one.until("_hostler/presence").await);
    assert_eq!(number, 2);
    assert_eq!(named[1]["client"], "tablet");
    assert_eq!(named[1]["principal"], "local");
    assert_eq!(named[1]["drives"], true);
    let watcher = Viewer::watching();
    session.attach(&watcher, false).await;
    let (number, named) = clients(&one.until("_hostler/presence").await);
    assert_eq!((number, &named[2]["drives"]), (3, &json!(false)));
    session.lose(&watcher).await;
    assert_eq!(clients(&one.until("_hostler/presence").await).0, 2);
}

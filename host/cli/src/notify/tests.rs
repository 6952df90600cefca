//! Real servers and real programs.

use super::*;
use std::{fs, path::Path};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const NO_PAUSES: [Duration; 2] = [Duration::ZERO; 2];

fn notification(text: &str) -> Notification {
    Notification {
        event: Event::Asked,
        session: "s-1".into(),
        owner: "local".into(),
        title: Some("Fix it".into()),
        text: text.into(),
    }
}

/// A server that answers with one status after another, the last for ever, and
/// tells what it got.
async fn server(statuses: &'static [u16]) -> (Address, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, got) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for status in statuses
            .iter()
            .chain(std::iter::repeat(statuses.last().unwrap()))
        {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = request(&mut stream).await;
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            if told.send(request).is_err() {
                return;
            }
        }
    });
    let address = Address::parse(&format!("http://127.0.0.1:{port}/hook?key=1")).unwrap();
    (address, got)
}

/// Head and body, as they came.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut part = [0; 4096];
        let n = stream.read(&mut part).await.unwrap();
        text.push_str(std::str::from_utf8(&part[..n]).unwrap());
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            body.len() >= length.split("\r\n").next().unwrap().parse().unwrap()
        });
        if whole || n == 0 {
            return text;
        }
    }
}

fn webhook(address: Address) -> Notify {
    Notify {
        webhook: Some(address),
        command: None,
    }
}

fn command(script: &str, file: &Path) -> Notify {
    let words = ["sh", "-c", script, "sh", file.to_str().unwrap()];
    Notify {
        webhook: None,
        command: Some(words.map(str::to_owned).into()),
    }
}

#[tokio::test]
async fn a_webhook_gets_the_json_by_post() {
    let (address, mut got) = server(&[204]).await;
    let (notifier, senders) = Notifier::start_with(&webhook(address), NO_PAUSES);
    notifier.tell(notification("May I run `ls`?"));
    let request = got.recv().await.unwrap();
    assert!(
        request.starts_with("POST /hook?key=1 HTTP/1.1\r\n"),
        "{request}"
    );
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("application/json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let expected = serde_json::json!({
        "event": "asked", "session": "s-1", "owner": "local", "title": "Fix it",
        "text": "May I run `ls`?",
    });
    assert_eq!(body, expected);
    notifier.close();
    assert_eq!(senders.end().await[0].failed, None);
}

#[tokio::test]
async fn what_fails_is_tried_three_times_and_the_next_goes_on() {
    let (address, mut got) = server(&[500, 500, 500, 503, 200]).await;
    let (notifier, senders) = Notifier::start_with(&webhook(address), NO_PAUSES);
    notifier.tell(notification("first"));
    notifier.tell(notification("second"));
    notifier.close();
    let ended = senders.end().await;
    assert!(
        ended[0].failed.as_deref().unwrap().contains("500"),
        "{ended:?}"
    );
    let mut texts = Vec::new();
    while let Ok(request) = got.try_recv() {
        texts.push(if request.contains("first") { 1 } else { 2 });
    }
    assert_eq!(texts, [1, 1, 1, 2, 2]);
}

#[tokio::test]
async fn nobody_at_the_address_is_told_by_name() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::parse(&format!("http://{}", free.local_addr().unwrap())).unwrap();
    drop(free);
    let (notifier, senders) = Notifier::start_with(&webhook(address.clone()), NO_PAUSES);
    notifier.tell(notification("x"));
    notifier.close();
    let ended = senders.end().await;
    assert!(ended[0].name.contains(&address.base()), "{ended:?}");
    assert!(ended[0].failed.is_some(), "{ended:?}");
}

#[tokio::test]
async fn a_command_gets_the_json_on_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("got");
    let (notifier, senders) = Notifier::start_with(&command("cat >> $1", &file), NO_PAUSES);
    notifier.tell(notification("one"));
    notifier.tell(notification("two"));
    notifier.close();
    assert_eq!(senders.end().await[0].failed, None);
    let text = fs::read_to_string(file).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["text"], "two");
}

#[tokio::test]
async fn a_way_that_does_not_keep_up_loses_the_oldest_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("got");
    // This test runs on one thread: nothing is sent before the first `await`.
    let (notifier, senders) = Notifier::start_with(&command("cat >> $1", &file), NO_PAUSES);
    for n in 0..WAITING + 3 {
        notifier.tell(notification(&n.to_string()));
    }
    let queue = &notifier.0[0];
    assert_eq!(queue.lock().bodies.len(), WAITING);
    assert_eq!(queue.lock().lost, 3);
    let kept = queue.lock().bodies.front().cloned().unwrap();
    assert!(kept.contains(r#""text":"3""#), "{kept}");
    queue.lock().bodies.truncate(1);
    notifier.close();
    assert_eq!(senders.end().await[0].failed, None);
    assert!(fs::read_to_string(file).unwrap().contains(r#""text":"3""#));
}

#[tokio::test]
async fn without_a_way_nothing_is_kept() {
    let (notifier, senders) = Notifier::start(&Notify::default());
    notifier.tell(notification("x"));
    notifier.close();
    assert!(senders.end().await.is_empty());
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let long = "é".repeat(MAX_CHARS + 1);
    assert_eq!(cut(&long), format!("{}…", "é".repeat(MAX_CHARS)));
    assert_eq!(cut("é"), "é");
}

use hostler_secret::{Mask, SecretName, SecretSource, Vault};

use super::*;
use crate::happenings::{Happening, Happenings};

#[test]
fn credit_is_bounded_and_a_refusal_is_followed_by_one_event() {
    let credit = Credit::default();
    assert!(credit.take(WRITE_CREDIT - 1));
    assert!(credit.take(1));
    assert!(!credit.take(1));
    assert!(!credit.give_back(1), "not yet empty");
    assert!(credit.give_back(WRITE_CREDIT - 1));
    assert!(
        credit.take(2 * WRITE_CREDIT),
        "alone, a large write is taken"
    );
    assert!(!credit.give_back(2 * WRITE_CREDIT), "nobody was refused");
}

#[tokio::test]
async fn a_secret_that_does_not_come_does_not_keep_its_session_from_ending() {
    let name: SecretName = "NAME".parse().unwrap();
    let words = ["/bin/sleep", "600"].map(str::to_owned);
    let sources = [(name.clone(), SecretSource::Command(words.into()))].into();
    let secrets = SecretEnv {
        vault: Vault::new(None, sources, Mask::default()),
        variables: vec![("KEY".into(), name)],
    };
    let spec = ChildSpec {
        program: "/bin/true".into(),
        args: Vec::new(),
        env: Vec::new(),
        cwd: "/".into(),
    };
    let (happenings, mut heard) = Happenings::new();
    let helper = Helper::new("/bin/false".into());
    let child = start(helper, spec, secrets, Arc::default(), happenings.emitter(1));
    drop(happenings);
    // Below the time that the command itself would be given.
    let ended = tokio::time::timeout(Duration::from_secs(30), child.end());
    assert!(ended.await.is_ok());
    assert!(heard.recv().await.is_none(), "nothing was started");
}

/// The batches that arrive while a program writes lines, with this pause
/// after each.
async fn batches(lines: usize, pause: Duration) -> Vec<Vec<String>> {
    let (mut program, pipe) = tokio::io::duplex(CHUNK);
    let (happenings, mut inbox) = Happenings::new();
    let emitter = happenings.emitter(1);
    drop(happenings);
    let (_running, exited) = watch::channel(false);
    let writing = async move {
        for line in 0..lines {
            program
                .write_all(format!("{line}\n").as_bytes())
                .await
                .unwrap();
            match pause {
                Duration::ZERO => tokio::task::yield_now().await,
                _ => tokio::time::sleep(pause).await,
            }
        }
    };
    let forwarding = async move { forward(pipe, false, &emitter, exited).await.unwrap() };
    let reading = async {
        let mut batches = Vec::new();
        while let Some(Happening::Child(1, ChildEvent::Lines { lines, .. })) = inbox.recv().await {
            batches.push(lines.into_iter().map(|line| line.text).collect());
        }
        batches
    };
    tokio::join!(writing, forwarding, reading).2
}

#[tokio::test(start_paused = true)]
async fn a_burst_comes_in_few_batches_and_nothing_is_lost() {
    let batches = batches(1000, Duration::ZERO).await;
    assert_eq!(batches[0], ["0"], "the first does not wait");
    assert!(batches.len() < 10, "{} batches", batches.len());
    let all = batches.into_iter().flatten();
    assert!(all.eq((0..1000).map(|line| line.to_string())));
}

#[tokio::test(start_paused = true)]
async fn slow_output_comes_line_by_line() {
    let batches = batches(50, 2 * BURST).await;
    let expected: Vec<_> = (0..50).map(|line| vec![line.to_string()]).collect();
    assert_eq!(batches, expected);
}

#[tokio::test(start_paused = true)]
async fn of_a_flood_on_standard_error_the_last_lines_are_passed_on() {
    let (mut program, pipe) = tokio::io::duplex(CHUNK);
    let (happenings, mut inbox) = Happenings::new();
    let emitter = happenings.emitter(1);
    drop(happenings);
    let (_running, exited) = watch::channel(false);
    let writing = async move {
        let all: String = (0..CHUNK).map(|line| format!("{line}\n")).collect();
        program.write_all(all.as_bytes()).await.unwrap();
        let one = "x".repeat(2 * ERROR_LIMIT);
        program.write_all(one.as_bytes()).await.unwrap();
    };
    let forwarding = async move { forward(pipe, true, &emitter, exited).await.unwrap() };
    let reading = async {
        let mut all = Vec::new();
        while let Some(Happening::Child(1, ChildEvent::Lines { lines, .. })) = inbox.recv().await {
            all.extend(lines);
        }
        all
    };
    let lines = tokio::join!(writing, forwarding, reading).2;
    assert!(lines.len() < 200, "{} lines", lines.len());
    let said = |text: &str| lines.iter().any(|line| line.text == text);
    assert!(said(&(CHUNK - 1).to_string()), "the last one came");
    let left_out = |line: &&Line| line.text.ends_with("lines of a flood are left out");
    assert!(lines.iter().filter(left_out).count() > 3);
    let last = lines.last().unwrap();
    assert_eq!((last.text.len(), last.lossy), (ERROR_LIMIT, true));
}

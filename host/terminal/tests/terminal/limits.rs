//! The terminals of a session.

use hostler_terminal::{Limits, Size, TerminalError, Terminals};

use crate::stage::{ME, Viewer, gone, sh, spawner};

fn terminals(count: usize) -> Terminals {
    let limits = Limits {
        terminals: count,
        ..Limits::default()
    };
    Terminals::new(spawner(), limits)
}

async fn open(terminals: &Terminals, script: &str) -> Result<String, TerminalError> {
    let opened = terminals.open(sh(script), ME, Size::default()).await;
    opened.map(|(id, _)| id)
}

#[tokio::test]
async fn the_oldest_that_has_ended_gives_up_its_place_and_none_that_runs() {
    let terminals = terminals(3);
    let running = open(&terminals, "read x").await.unwrap();
    for _ in 0..2 {
        let id = open(&terminals, "exit 4").await.unwrap();
        Viewer::new(terminals.get(&id).unwrap().view(None))
            .until_exit()
            .await;
    }
    let listed = terminals.list();
    let all: Vec<_> = listed
        .iter()
        .map(|one| (one.id.as_str(), one.exit.map(|exit| exit.code)))
        .collect();
    assert_eq!(
        all,
        [
            ("t-1", None),
            ("t-2", Some(Some(4))),
            ("t-3", Some(Some(4)))
        ]
    );
    assert_eq!(listed[0].command, "/bin/sh -c read x");

    assert_eq!(open(&terminals, "read x").await.unwrap(), "t-4");
    assert!(matches!(
        terminals.get("t-2"),
        Err(TerminalError::Unknown { .. })
    ));
    assert_eq!(open(&terminals, "read x").await.unwrap(), "t-5");
    let full = open(&terminals, "read x").await.unwrap_err();
    assert!(matches!(full, TerminalError::TooMany { limit: 3 }));
    assert!(full.to_string().contains("close one first"));
    terminals.close(&running).unwrap();
    assert_eq!(open(&terminals, "read x").await.unwrap(), "t-6");
}

#[tokio::test]
async fn a_start_that_fails_takes_no_place() {
    let terminals = terminals(1);
    for _ in 0..3 {
        let mut program = sh("");
        program.argv[0] = "/no/such/program".into();
        let failed = terminals
            .open(program, ME, Size::default())
            .await
            .unwrap_err();
        assert!(
            matches!(failed, TerminalError::NotStarted { .. }),
            "{failed}"
        );
    }
    assert!(terminals.list().is_empty());
    open(&terminals, "read x").await.unwrap();
}

#[tokio::test]
async fn unknown_ids_are_errors() {
    let terminals = terminals(1);
    open(&terminals, "read x").await.unwrap();
    for id in [
        "",
        "t-",
        "t-2",
        "t-01",
        "T-1",
        "1",
        "t-99999999999999999999",
    ] {
        let error = terminals.get(id).unwrap_err();
        assert!(error.to_string().contains(&format!("{id:?}")), "{error}");
        assert!(terminals.close(id).is_err(), "{id}");
    }
    terminals.close("t-1").unwrap();
    assert!(terminals.close("t-1").is_err());
}

#[tokio::test]
async fn all_programs_end_with_their_session_also_while_they_are_viewed() {
    let terminals = terminals(2);
    let mut pids = Vec::new();
    let mut held = Vec::new();
    for _ in 0..2 {
        let id = open(&terminals, "trap '' HUP; echo $$ ready; sleep 1000")
            .await
            .unwrap();
        let terminal = terminals.get(&id).unwrap();
        let mut viewer = Viewer::new(terminal.view(None));
        viewer.until("ready").await;
        pids.push(viewer.text().split(' ').next().unwrap().to_owned());
        held.push((terminal, viewer));
    }
    drop(terminals);
    for (_, viewer) in &mut held {
        viewer.until_exit().await;
    }
    for pid in pids {
        gone(&pid).await;
    }
}

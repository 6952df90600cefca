//! Viewers that come late, return, or do not read.

use std::time::Duration;

use hostler_terminal::{Opening, Piece, Size};

use crate::stage::{ME, Viewer, open, open_with, soon};

#[tokio::test]
async fn a_late_viewer_gets_the_screen_and_then_the_same_as_all() {
    let terminal = open(
        "stty -echo; printf 'a\\033[?1049h\\033[2;5r\\033[?6hin\\342\\202'; read x; printf '\\254 end'; read x",
    )
    .await;
    let mut early = Viewer::new(terminal.view(Some(0)));
    early.until("in").await;
    let mut late = Viewer::new(terminal.view(None));
    late.until("in").await;
    assert_eq!((late.screens, early.screens), (1, 0));
    terminal.write(ME, b"\r").unwrap();
    early.until("€ end").await;
    late.until("€ end").await;
    assert_eq!(early.shown.dump(), late.shown.dump());
}

#[tokio::test]
async fn a_returning_viewer_gets_only_what_it_missed() {
    let terminal = open("echo one; read x; echo two; read x").await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("one").await;
    let reached = viewer.at;
    drop(viewer.view);
    terminal.write(ME, b"\r").unwrap();
    let mut other = Viewer::new(terminal.view(None));
    other.until("two").await;
    viewer.view = terminal.view(Some(reached));
    viewer.screens = 0;
    viewer.until("two").await;
    assert_eq!(viewer.screens, 0);
    assert_eq!(viewer.shown.dump(), other.shown.dump());
}

#[tokio::test]
async fn a_returning_viewer_whose_place_is_gone_or_never_was_gets_a_screen() {
    let opening = Opening {
        ring: 1000,
        ..Opening::new(ME, Size::default())
    };
    let terminal = open_with(
        "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo line $i; done; echo end; read x",
        opening,
    )
    .await;
    Viewer::new(terminal.view(None)).until("end").await;
    for after in [0, 100, 1_000_000] {
        let mut viewer = Viewer::new(terminal.view(Some(after)));
        viewer.until("end").await;
        assert_eq!(viewer.screens, 1, "after {after}");
    }
}

#[tokio::test]
async fn a_returning_viewer_that_missed_a_new_size_gets_a_screen() {
    let terminal = open("echo ready; cat").await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("ready").await;
    let before = viewer.at;
    terminal.resize(ME, Size::clamped(60, 20));
    while viewer.sizes.is_empty() {
        viewer.step().await;
    }
    let mut returning = Viewer::new(terminal.view(Some(before)));
    returning.step().await;
    assert_eq!(returning.screens, 1);
    assert_eq!(returning.shown.size(), (60, 20));
}

#[tokio::test]
async fn a_viewer_that_does_not_read_stops_nothing_and_is_brought_up_to_date() {
    let opening = Opening {
        ring: 100_000,
        ..Opening::new(ME, Size::default())
    };
    let terminal = open_with("yes", opening).await;
    let mut stalled = Viewer::new(terminal.view(None));
    assert_eq!(stalled.step().await, None);
    // Many times the ring goes by.
    let mut reader = terminal.view(None);
    let mut end = 0;
    while end < 5_000_000 {
        end = match soon(reader.next()).await.unwrap() {
            Piece::Output { offset, bytes } => offset + bytes.len() as u64,
            Piece::Screen { offset, .. } => offset,
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(stalled.at, 0);
    stalled.step().await;
    assert_eq!(stalled.screens, 2, "a screen instead of what it missed");
    assert!(stalled.at >= 5_000_000 - 100_000);
    // Contiguous from there on, which every step checks.
    terminal.close();
    stalled.until_exit().await;
    assert!(stalled.text().contains("y\ny\ny"), "{}", stalled.text());
}

#[tokio::test]
async fn a_terminal_whose_program_has_ended_can_still_be_looked_at() {
    let terminal = open("echo the end").await;
    Viewer::new(terminal.view(None)).until_exit().await;
    let mut late = Viewer::new(terminal.view(None));
    assert_eq!(late.until_exit().await.code, Some(0));
    assert_eq!(late.text().trim_end(), "the end");
}

#[tokio::test]
async fn waiting_for_a_piece_can_be_given_up_without_loss() {
    let terminal = open("read x; echo one").await;
    let mut viewer = Viewer::new(terminal.view(Some(0)));
    for _ in 0..100 {
        let waited = tokio::time::timeout(Duration::from_micros(50), viewer.view.next()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
    terminal.write(ME, b"\r").unwrap();
    viewer.until("one").await;
}

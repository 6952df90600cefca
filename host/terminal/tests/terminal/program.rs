//! What a program has of its terminal.

use hostler_terminal::{Exit, Opening, Program, Size, Terminal, TerminalError};

use crate::stage::{ME, OTHER, Plain, Viewer, gone, open, open_with, sh, soon};

fn code(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
    }
}

#[tokio::test]
async fn a_program_has_a_terminal_reads_what_is_typed_and_its_exit_comes_last() {
    let terminal =
        open("test -t 0 && test -t 1 && test -t 2 && tty && read line && echo got $line; exit 7")
            .await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("/dev/").await;
    terminal.write(ME, b"this\r").unwrap();
    viewer.until("got this").await;
    assert_eq!(viewer.until_exit().await, code(7));
    assert_eq!(terminal.exit(), Some(code(7)));
}

#[tokio::test]
async fn a_signal_that_ended_the_program_is_told() {
    let terminal = open("kill -9 $$").await;
    let exit = Viewer::new(terminal.view(None)).until_exit().await;
    assert_eq!(
        exit,
        Exit {
            code: None,
            signal: Some(9)
        }
    );
}

#[tokio::test]
async fn the_interrupt_key_reaches_the_program() {
    let terminal =
        open("trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.01; done").await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("ready").await;
    terminal.write(ME, b"\x03").unwrap();
    viewer.until("caught").await;
    assert_eq!(viewer.until_exit().await, code(3));
}

#[tokio::test]
async fn everything_that_a_program_wrote_is_shown_before_its_exit() {
    let terminal = open("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done").await;
    let mut viewer = Viewer::new(terminal.view(Some(0)));
    assert_eq!(viewer.until_exit().await, code(0));
    assert_eq!(viewer.screens, 0, "all of it was still there");
    let expected: usize = (1..=3000).map(|i| format!("line {i}\r\n").len()).sum();
    assert_eq!(viewer.bytes, expected);
}

#[tokio::test]
async fn a_program_that_leaves_its_terminal_for_a_moment_has_not_ended() {
    let script = "exec 3>&1 </dev/null >/dev/null 2>&1; exec 3>&-; sleep 0.1; echo back >/dev/tty";
    let terminal = open(script).await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("back").await;
    assert_eq!(viewer.until_exit().await, code(0));
}

#[tokio::test]
async fn closing_ends_the_whole_group_whatever_it_ignores() {
    let terminal = open("trap '' HUP INT TERM; sleep 1000 & echo $$ $! ready; wait; wait").await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("ready").await;
    let text = viewer.text();
    let pids: Vec<_> = text.split_whitespace().take(2).collect();
    terminal.close();
    assert_eq!(viewer.until_exit().await.signal, Some(9));
    for pid in pids {
        gone(pid).await;
    }
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_program_and_views_see_it() {
    let terminal = open("echo $$; sleep 1000").await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("\n").await;
    let other = terminal.clone();
    drop(terminal);
    assert_eq!(other.exit(), None);
    drop(other);
    assert!(viewer.until_exit().await.signal.is_some());
}

#[tokio::test]
async fn the_program_sees_the_size_and_of_a_storm_of_sizes_the_last_one_counts() {
    // It prints its size whenever that changes.
    let script =
        "trap 'echo size $(stty size)' WINCH; echo size $(stty size); while :; do sleep 0.01; done";
    let terminal = open_with(script, Opening::new(ME, Size::clamped(100, 30))).await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("size 30 100").await;
    for cols in 20..=420 {
        assert!(terminal.resize(ME, Size::clamped(cols, 40)));
    }
    viewer.until("size 40 420").await;
    assert_eq!(viewer.shown.size(), (420, 40));
    assert!(viewer.sizes.len() < 100, "{} sizes", viewer.sizes.len());
    assert_eq!(terminal.size(), Size::clamped(420, 40));
}

#[tokio::test]
async fn only_who_typed_last_sets_the_size() {
    let terminal = open("cat").await;
    assert!(!terminal.resize(OTHER, Size::clamped(40, 10)));
    assert_eq!(terminal.size(), Size::default());
    terminal.write(OTHER, b"x").unwrap();
    let mut viewer = Viewer::new(terminal.view(None));
    while viewer.shown.size() != (40, 10) {
        viewer.step().await;
    }
    terminal.leave(OTHER);
    assert!(terminal.resize(ME, Size::clamped(90, 20)));
}

#[tokio::test]
async fn a_program_that_does_not_read_makes_input_refused_and_harms_nobody() {
    let terminal = open("stty raw -echo; echo ready; sleep 1000").await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("ready").await;
    let text = vec![b'x'; 100 * 1024];
    let refused = (0..1000).find_map(|_| terminal.write(ME, &text).err());
    let refused = refused.expect("input is bounded");
    assert!(
        matches!(refused, TerminalError::InputFull { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("1048576"), "{refused}");
    terminal.close();
    viewer.until_exit().await;
    assert!(matches!(
        terminal.write(ME, b"x"),
        Err(TerminalError::Ended)
    ));
    assert!(!terminal.resize(ME, Size::default()));
}

#[tokio::test]
async fn a_large_paste_arrives_whole() {
    let script = "stty raw -echo; echo ready; head -c 900000 | md5sum";
    let terminal = open(script).await;
    let mut viewer = Viewer::new(terminal.view(None));
    viewer.until("ready").await;
    let text: Vec<u8> = (0..900_000u32).map(|i| b'a' + (i % 23) as u8).collect();
    terminal.write(ME, &text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, &text).unwrap();
    let sum = std::process::Command::new("md5sum")
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    viewer.until(sum.split(' ').next().unwrap()).await;
}

#[tokio::test]
async fn what_cannot_be_started_is_named() {
    let open = async |argv: Vec<std::ffi::OsString>| {
        let program = Program { argv, ..sh("") };
        let opening = Opening::new(ME, Size::default());
        soon(Terminal::open(&Plain, program, opening))
            .await
            .unwrap_err()
    };
    assert!(
        open(vec!["/no/such/shell".into()])
            .await
            .to_string()
            .contains("/no/such/shell")
    );
    assert!(matches!(open(vec![]).await, TerminalError::NoProgram));
}

use super::*;
use proptest::{prelude::*, sample::Index};

/// What programs write, and what no program should.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed: &[&[u8]] = &[
        b"\r\n",
        b"\r",
        b"\n",
        b"\t",
        b"\x08",
        b"\x0e",
        b"\x0f",
        // Alternate screens, saved cursors.
        b"\x1b[?1049h",
        b"\x1b[?1049l",
        b"\x1b[?1047h",
        b"\x1b[?1047l",
        b"\x1b[?47h",
        b"\x1b[?1048h",
        b"\x1b[?1048l",
        b"\x1b7",
        b"\x1b8",
        b"\x1b[s",
        b"\x1b[u",
        // Origin, insert, wrap, line feed and cursor modes.
        b"\x1b[?6h",
        b"\x1b[?6l",
        b"\x1b[4h",
        b"\x1b[4l",
        b"\x1b[?7l",
        b"\x1b[?7h",
        b"\x1b[20h",
        b"\x1b[20l",
        b"\x1b[?1h",
        b"\x1b[?25l",
        b"\x1b[?25h",
        // Charsets, tabs, resets.
        b"\x1b(0",
        b"\x1b(B",
        b"\x1b)0",
        b"\x1bH",
        b"\x1b[g",
        b"\x1b[3g",
        b"\x1b[!p",
        b"\x1bc",
        b"\x1b#8",
        b"\x1bM",
        b"\x1bD",
        b"\x1bE",
        // Modes beside the cells.
        b"\x1b[?2004h",
        b"\x1b[?1000;1006h",
        b"\x1b[?1003l",
        b"\x1b=",
        b"\x1b>",
        b"\x1b[4 q",
        b"\x1b]0;title\x07",
        b"\x1b]2;other\x1b\\",
        b"\x1bP1$r0m\x1b\\",
        b"\x1b_apc\x1b\\",
        // Controls inside of a sequence, sequences that are not finished.
        b"\x1b[\n3\rA",
        b"\x1b[2;3",
        b"\x1b[?10",
        b"\x1b]0;un",
        b"\x1bP1;2",
        b"\x1b",
        b"\x18",
        b"\x1b[38;5",
        b"\x1b[38:2:1",
        b"\x1b[ ",
        b"\x1b(",
        b"\xc2\x9b5C",
        b"\xc2\x9dx\xc2\x9c",
        // No text.
        b"\xff",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\x80",
    ];
    let numbered = (
        0u16..12,
        0u16..12,
        prop::sample::select(&b"ABCDEFGHIJKLMPSTXZ@bdefmrsu`"[..]),
    );
    prop_oneof![
        3 => "[ -~]{1,12}".prop_map(String::into_bytes),
        2 => "[a世界🙂éß]{1,6}".prop_map(String::into_bytes),
        5 => prop::sample::select(fixed).prop_map(<[u8]>::to_vec),
        4 => numbered.prop_map(|(a, b, last)| format!("\x1b[{a};{b}{}", last as char).into_bytes()),
        1 => (0u16..110).prop_map(|color| format!("\x1b[{color}m").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ]
}

/// A line of a flood, mostly one that needs not be drawn.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        20 => "[ -~]{0,30}".prop_map(String::into_bytes),
        10 => "[a世é]{0,5}\t?".prop_map(String::into_bytes),
        10 => (0u16..110).prop_map(|color| format!("\x1b[{color}m").into_bytes()),
        5 => Just(b"\x1b[m\x1b[K".to_vec()),
        5 => Just(b"\x1b[48;5;9m".to_vec()),
        1 => prop::sample::select(vec![b"\xc2\x85".to_vec(), b"\xc2".to_vec(), b"\xff".to_vec(), b"\r".to_vec(), b"\x1b[2A".to_vec(), b"\x1b[2;3r".to_vec()]),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn size() -> impl Strategy<Value = Size> {
    (2u16..14, 1u16..8).prop_map(|(cols, rows)| Size::clamped(cols, rows))
}

/// An ordinary terminal that knows nothing of this crate.
fn terminal(size: Size) -> avt::Terminal {
    avt::Terminal::new(size.cols().into(), size.rows().into()).unwrap()
}

proptest! {
    #[test]
    fn a_screen_and_the_tail_equal_the_full_replay(
        before in prop::collection::vec(piece(), 0..60),
        after in prop::collection::vec(piece(), 0..30),
        cut in any::<Index>(),
        reads in any::<Index>(),
        first_size in size(),
        sizes in prop::collection::vec(size(), 0..2),
    ) {
        let (before, mut after) = (before.concat(), after.concat());
        // A cut inside of what a program wrote as one.
        let cut = before.len() - cut.index(before.len().min(12) + 1);
        let (before, rest) = before.split_at(cut);
        after.splice(..0, rest.iter().copied());
        // To the ground state, which alone avt shows outside of its dump.
        after.push(0x18);

        let mut full = terminal(first_size);
        let mut screen = Screen::new(first_size).unwrap();
        let half = reads.index(before.len() + 1);
        screen.feed(&before[..half]);
        screen.feed(&before[half..]);
        // A resize in the middle of a character comes before it.
        let whole = before.len() - screen.decoder.held();
        full.feed(&*String::from_utf8_lossy(&before[..whole]));
        for size in &sizes {
            screen.resize(*size);
            full.resize(size.cols().into(), size.rows().into());
        }
        let (dump, missing) = screen.dump();
        prop_assert_eq!(missing, before.len() - whole);
        // The one state that no sequence can bring about (see the module).
        prop_assume!(!dump.contains("\x1b[u"));

        let tail = String::from_utf8_lossy(&[&before[whole..], &after].concat()).into_owned();
        let mut viewer = terminal(screen.size());
        viewer.feed(&*dump);
        viewer.feed(&*tail);
        full.feed(&*tail);
        screen.feed(&after);
        prop_assert_eq!(viewer.dump(), full.dump());
        prop_assert_eq!(screen.emulator.cells.dump(), full.dump());
    }

    #[test]
    fn what_is_passed_over_of_a_flood_changes_nothing(
        before in prop::collection::vec(piece(), 0..10),
        lines in prop::collection::vec((line(), any::<bool>()), 1..40),
        after in prop::collection::vec(piece(), 0..6),
        repeat in 1usize..60,
        size in size(),
    ) {
        let lines = lines.into_iter().map(|(line, carriage)| {
            [&line[..], if carriage { b"\r\n" } else { b"\n" }].concat()
        });
        let flood = lines.collect::<Vec<_>>().concat().repeat(repeat);
        let bytes = [before.concat(), flood, after.concat()].concat();
        let mut fast = Screen::new(size).unwrap();
        fast.feed(&bytes);
        let mut slow = Screen::new(size).unwrap();
        slow.draw(&bytes);
        prop_assert_eq!(fast.dump(), slow.dump());
        // What cannot be seen in a dump shows later.
        for screen in [&mut fast, &mut slow] {
            screen.draw("\x1b[2J世x\x1b8\x1b[?1049l\x1b[?6hb\nc".as_bytes());
        }
        prop_assert_eq!(fast.dump(), slow.dump());
    }

    #[test]
    fn modes_do_not_depend_on_where_a_viewer_came(
        pieces in prop::collection::vec(piece(), 0..40),
        cut in any::<Index>(),
        size in size(),
    ) {
        let bytes = pieces.concat();
        let (before, after) = bytes.split_at(cut.index(bytes.len() + 1));
        let mut screen = Screen::new(size).unwrap();
        screen.feed(before);
        let (dump, missing) = screen.dump();
        prop_assume!(!dump.contains("\x1b[u"));
        let mut late = Screen::new(size).unwrap();
        late.feed(dump.as_bytes());
        late.feed(&before[before.len() - missing..]);
        screen.feed(after);
        late.feed(after);
        prop_assert_eq!(late.dump(), screen.dump());
    }
}

#[test]
fn a_viewer_that_comes_in_the_middle_of_a_long_string_sees_nothing_of_it() {
    for (begin, end) in [
        ("\x1b]52;c;", "\x07"),
        ("\x1bPq", "\x1b\\"),
        ("\x1b_", "\x1b\\"),
    ] {
        let mut screen = Screen::new(Size::default()).unwrap();
        screen.feed(format!("before{begin}{}", "QUJD".repeat(3000)).as_bytes());
        let (dump, _) = screen.dump();
        assert!(dump.len() < 1000, "{} bytes", dump.len());
        let mut viewer = terminal(Size::default());
        viewer.feed(&*dump);
        viewer.feed(&*format!("{}{end}after", "QUJD".repeat(10)));
        assert_eq!(viewer.screen().text()[0], "beforeafter", "{begin:?}");
    }
}

#[test]
fn a_dump_is_shorter_than_what_it_took_to_get_there() {
    let mut screen = Screen::new(Size::default()).unwrap();
    for line in 0..10_000 {
        screen.feed(format!("line {line}\r\n").as_bytes());
    }
    assert!(screen.dump().0.len() < 1000);
}

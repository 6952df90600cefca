use super::*;

/// The pieces of a body that arrives in these chunks, or the first error.
fn cut(framing: Framing, chunks: &[&[u8]]) -> Result<Vec<Piece>, FetchError> {
    let mut cutter = Cutter::new(framing);
    let mut pieces = Vec::new();
    for chunk in chunks {
        cutter.push(Bytes::copy_from_slice(chunk), &mut pieces)?;
    }
    cutter.finish(&mut pieces);
    Ok(pieces)
}

fn texts(framing: Framing, body: &[u8]) -> Vec<String> {
    let pieces = cut(framing, &[body]).unwrap();
    pieces.into_iter().map(|piece| piece.text).collect()
}

fn event(text: &str, name: Option<&str>, id: Option<&str>) -> Piece {
    Piece {
        text: text.into(),
        name: name.map(str::to_owned),
        id: id.map(str::to_owned),
        lossy: false,
    }
}

const EVENTS: &str = "\u{feff}: a comment\n\
    retry: 100\n\
    data: one\n\n\
    event: delta\rdata: two\rdata:  é\rdata\r\r\
    id: 7\r\ndata: three\r\n\r\n\
    :\n\n\
    event: nothing\nid: 8\n\n\
    event: message\ndata: four\n\n\
    unknown: field\ndata:\n\n\
    id\ndata: five\n\n\
    data: without a blank line\n";

fn expected() -> Vec<Piece> {
    vec![
        event("one", None, None),
        event("two\n é\n", Some("delta"), None),
        event("three", None, Some("7")),
        // An event without data sets the id all the same.
        event("four", None, Some("8")),
        event("", None, Some("8")),
        event("five", None, None),
    ]
}

#[test]
fn events_are_those_of_the_standard() {
    let pieces = cut(Framing::Events, &[EVENTS.as_bytes()]).unwrap();
    assert_eq!(pieces, expected());
}

#[test]
fn events_do_not_depend_on_how_the_bytes_arrive() {
    let bytes = EVENTS.as_bytes();
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        assert_eq!(
            cut(Framing::Events, &[head, tail]).unwrap(),
            expected(),
            "at {at}"
        );
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(cut(Framing::Events, &single).unwrap(), expected());
}

#[test]
fn an_event_comes_with_its_blank_line_and_does_not_wait_for_more() {
    for end in ["\n\n", "\r\n\r\n", "\r\r"] {
        let mut cutter = Cutter::new(Framing::Events);
        let mut pieces = Vec::new();
        let mut whole = Bytes::from(format!("data: x{end}"));
        // A carriage return ends a line also if a line feed may follow.
        let wait = if end == "\r\n\r\n" {
            whole.len() - 1
        } else {
            whole.len()
        };
        cutter.push(whole.split_to(wait), &mut pieces).unwrap();
        assert_eq!(pieces, [event("x", None, None)], "{end:?}");
    }
}

#[test]
fn an_event_over_the_limit_fails_and_those_before_are_there() {
    let mut cutter = Cutter::new(Framing::Events);
    let mut pieces = Vec::new();
    let large = vec![b'x'; PIECE_LIMIT];
    let body = [b"data: a\n\ndata: ".as_slice(), &large, b"\n\n"].concat();
    cutter.push(body.into(), &mut pieces).unwrap();
    assert_eq!(pieces.len(), 2, "the limit itself is allowed");
    assert_eq!(pieces[1].text.len(), PIECE_LIMIT);

    for body in [
        [b"data: b\n\ndata: x".as_slice(), &large].concat(),
        [b"data: b\n\ndata: x\ndata:".as_slice(), &large].concat(),
    ] {
        pieces.clear();
        let failed = cutter.push(body.into(), &mut pieces);
        assert!(
            matches!(&failed, Err(FetchError::Limit(text)) if text.contains("8 MiB")),
            "{failed:?}"
        );
        assert_eq!(pieces, [event("b", None, None)]);
        cutter = Cutter::new(Framing::Events);
    }
}

#[test]
fn a_large_event_leaves_no_room_behind() {
    let mut cutter = Cutter::new(Framing::Events);
    let mut pieces = Vec::new();
    let large = [b"id: 1\ndata: ".as_slice(), &[b'x'; 1 << 20], b"\n\n"].concat();
    cutter.push(large.into(), &mut pieces).unwrap();
    cutter.push("data: small\n\n".into(), &mut pieces).unwrap();
    assert_eq!(pieces[1], event("small", None, Some("1")));
    assert!(
        pieces
            .iter()
            .all(|p| p.text.capacity() < p.text.len() + EVENT_ROOM)
    );
}

#[test]
fn lines_end_with_lf_or_crlf_and_the_last_one_needs_no_end() {
    assert_eq!(
        texts(Framing::Lines, b"one\r\n\ntwo\nlast"),
        ["one", "", "two", "last"]
    );
    assert_eq!(texts(Framing::Lines, b"one\n"), ["one"]);
    assert!(texts(Framing::Lines, b"").is_empty());
}

#[test]
fn a_line_over_the_limit_is_cut_and_marked() {
    let long = vec![b'x'; PIECE_LIMIT + 1];
    let pieces = cut(Framing::Lines, &[&long, b"\nnext\n"]).unwrap();
    assert_eq!(pieces.len(), 2);
    assert_eq!((pieces[0].text.len(), pieces[0].lossy), (PIECE_LIMIT, true));
    assert_eq!((pieces[1].text.as_str(), pieces[1].lossy), ("next", false));
}

#[test]
fn a_whole_body_is_one_piece_also_when_it_is_empty() {
    assert_eq!(texts(Framing::Whole, b""), [""]);
    assert_eq!(texts(Framing::Whole, b"a\nb\n"), ["a\nb\n"]);
    let large = vec![b'x'; PIECE_LIMIT];
    assert_eq!(cut(Framing::Whole, &[&large]).unwrap().len(), 1);
    let failed = cut(Framing::Whole, &[&large, b"x"]);
    assert!(matches!(failed, Err(FetchError::Limit(_))), "{failed:?}");
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_and_marked() {
    for (framing, body) in [
        (Framing::Whole, &b"a\xffb"[..]),
        (Framing::Lines, b"a\xffb\n"),
        (Framing::Events, b"data: a\xffb\n\n"),
    ] {
        let pieces = cut(framing, &[body]).unwrap();
        assert_eq!(pieces[0].text, "a\u{fffd}b");
        assert!(pieces[0].lossy);
    }
}

#[test]
fn a_long_name_or_id_fails_because_it_would_come_with_every_event() {
    let long = "x".repeat(NAME_LIMIT);
    for field in ["event", "id"] {
        let body = format!("{field}: {long}\ndata: a\n\n");
        assert_eq!(texts(Framing::Events, body.as_bytes()), ["a"]);
        let body = format!("{field}: {long}x\ndata: a\n\n");
        let failed = cut(Framing::Events, &[body.as_bytes()]);
        assert!(
            matches!(&failed, Err(FetchError::Limit(text)) if text.contains("1024 bytes")),
            "{failed:?}"
        );
    }
}

#[test]
fn small_pieces_weigh_more_than_their_text() {
    let pieces = cut(Framing::Lines, &[&b"\n".repeat(1000)]).unwrap();
    let weight: usize = pieces.iter().map(Piece::weight).sum();
    assert!(weight >= 1000 * size_of::<Piece>(), "{weight}");
}

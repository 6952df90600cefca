use hostler_workspace::{MAX_FILE_BYTES, MAX_READ_BYTES};
use serde_json::json;

use crate::{fixture, kind};

#[test]
fn a_text_is_read_as_it_is() {
    let f = fixture();
    f.file("a.txt", "one\r\ntwo\n\tthré\u{0}e\u{feff}");
    let page = f.page(json!({ "path": "a.txt" })).unwrap();
    assert_eq!(page.text, "one\r\ntwo\n\tthré\u{0}e\u{feff}");
    assert_eq!(
        serde_json::to_value(&page).unwrap(),
        json!({
            "text": page.text, "encoding": "text", "size": 20, "offset": 0, "truncated": false,
            "hash": page.hash,
        })
    );
}

#[test]
fn the_hash_is_the_sha_256_of_the_whole_file() {
    let f = fixture();
    f.file("a", "abc").file("empty", "");
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for offset in 0..=3 {
        let page = f.page(json!({ "path": "a", "offset": offset, "limit": 1 }));
        assert_eq!(page.unwrap().hash, abc);
    }
    let page = f.page(json!({ "path": "empty" })).unwrap();
    assert_eq!((page.text.as_str(), page.size, page.next), ("", 0, None));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(page.hash, empty);
}

#[test]
fn pages_join_to_the_whole_and_never_split_a_character() {
    let f = fixture();
    let text = "aé\u{20ac}😀\r\nz".repeat(3);
    f.file("a", &text);
    for limit in 1..=text.len() {
        let (mut joined, mut offset) = (String::new(), Some(0));
        while let Some(at) = offset {
            let page = f.page(json!({ "path": "a", "offset": at, "limit": limit }));
            let page = page.unwrap();
            assert_eq!(page.truncated, page.next.is_some());
            assert!(page.text.len() <= limit.max(4));
            joined += &page.text;
            offset = page.next;
        }
        assert_eq!(joined, text, "{limit}");
    }
    let error = f.page(json!({ "path": "a", "offset": 2 })).unwrap_err();
    assert!(
        error.to_string().contains("middle of a character"),
        "{error}"
    );
    assert_eq!(
        kind(f.page(json!({ "path": "a", "offset": 10_000 }))),
        "badParams"
    );
    assert_eq!(
        kind(f.page(json!({ "path": "a", "offset": u64::MAX }))),
        "badParams"
    );
    assert_eq!(
        kind(f.page(json!({ "path": "a", "limit": 0 }))),
        "badParams"
    );
}

#[test]
fn a_binary_file_is_an_error_with_the_way_out() {
    let f = fixture();
    f.file("bin", b"abc\xff\x00\xfe");
    let error = f.page(json!({ "path": "bin" })).unwrap_err();
    assert_eq!(error.kind().as_str(), "notText");
    assert!(error.to_string().contains("offset 3"), "{error}");
    assert!(error.to_string().contains("base64"), "{error}");
    // Also where the part itself would be text.
    assert_eq!(
        kind(f.page(json!({ "path": "bin", "limit": 2 }))),
        "notText"
    );
    let page = f
        .page(json!({ "path": "bin", "encoding": "base64" }))
        .unwrap();
    assert_eq!(page.text, "YWJj/wD+");
    let page = f.page(json!({ "path": "bin", "encoding": "base64", "offset": 3, "limit": 1 }));
    let page = page.unwrap();
    assert_eq!((page.text.as_str(), page.next), ("/w==", Some(4)));
}

#[test]
fn a_large_file_comes_in_parts_and_a_larger_one_is_refused() {
    let f = fixture();
    let line = "x".repeat(MAX_READ_BYTES + 10);
    f.file("line", &line);
    let page = f
        .page(json!({ "path": "line", "limit": u32::MAX }))
        .unwrap();
    assert_eq!(page.text.len(), MAX_READ_BYTES);
    assert_eq!(page.next, Some(MAX_READ_BYTES as u64));
    let file = std::fs::File::create(f.at("big")).unwrap();
    file.set_len(MAX_FILE_BYTES).unwrap();
    let page = f
        .page(json!({ "path": "big", "offset": MAX_FILE_BYTES }))
        .unwrap();
    assert_eq!((page.text.as_str(), page.size), ("", MAX_FILE_BYTES));
    // The worst that JSON makes of a byte.
    let page = f.page(json!({ "path": "big" })).unwrap();
    assert!(serde_json::to_vec(&page).unwrap().len() < 8 * 1024 * 1024);
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert_eq!(kind(f.page(json!({ "path": "big" }))), "tooLarge");
}

#[test]
fn what_is_no_file_is_named() {
    let f = fixture();
    f.file("a/b", "");
    assert_eq!(kind(f.page(json!({ "path": "a" }))), "wrongKind");
    assert_eq!(kind(f.page(json!({ "path": "none" }))), "notFound");
    assert_eq!(kind(f.page(json!({ "path": "none/none" }))), "notFound");
    assert_eq!(kind(f.page(json!({}))), "badParams");
    let made = std::process::Command::new("mkfifo")
        .arg(f.at("fifo"))
        .status();
    assert!(made.unwrap().success());
    assert_eq!(kind(f.page(json!({ "path": "fifo" }))), "wrongKind");
}

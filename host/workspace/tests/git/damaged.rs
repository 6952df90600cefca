//! Damaged and unusual repositories are an error that says why.

use std::fs;
use std::io::Read as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use hostler_workspace::{Cancel, QueryErrorKind};
use serde_json::json;

use crate::{Fixture, committed, fixture};

crate::tests![
    changed_and_truncated_files_are_errors_and_never_panics,
    changed_commits_and_trees_are_errors_and_never_panics,
    what_is_not_supported_is_named,
    a_cache_that_nests_without_end_does_no_harm,
    an_object_that_unpacks_to_too_much_is_refused,
    a_tree_of_a_billion_files_ends_in_an_error,
    a_missing_object_is_named,
];

/// Asks for everything; whatever comes must be an answer or a named error.
fn ask(f: &Fixture) {
    let mut errors = Vec::new();
    errors.extend(f.status().err());
    errors.extend(f.diff(json!({})).err());
    errors.extend(f.diff(json!({ "staged": true })).err());
    errors.extend(f.log(json!({ "path": "sub/b" })).err());
    for error in errors {
        let known = [
            QueryErrorKind::Repository,
            QueryErrorKind::NotARepository,
            QueryErrorKind::TooLarge,
        ];
        assert!(known.contains(&error.kind()), "{error:?}");
    }
}

/// A small generator: the same places in every run.
fn places(length: usize) -> impl Iterator<Item = (usize, u8)> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let place = usize::try_from(state % length as u64).unwrap();
        (place, (state >> 32) as u8)
    })
}

fn changed_and_truncated_files_are_errors_and_never_panics() {
    let f = committed();
    for number in 0..8 {
        let lines: String = (0..200)
            .map(|line| format!("{}\n", line * number))
            .collect();
        f.file("sub/b", lines).commit("change");
    }
    f.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    f.file("sub/b", "changed\n").file("loose", "x");
    f.git(&["add", "loose"]);
    let pack = crate::diff::pack(&f);
    let loose = f.git(&["hash-object", "loose"]);
    let loose = format!(".git/objects/{}/{}", &loose[..2], loose[2..].trim());
    let head = f.at(".git/HEAD");
    for file in [
        f.at(".git/index"),
        pack.clone().into(),
        pack.replace(".idx", ".pack").into(),
        f.at(&loose),
        f.at(".git/packed-refs"),
        head,
    ] {
        let good = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        for (place, value) in places(good.len()).take(40) {
            let mut bad = good.clone();
            bad[place] ^= value | 1;
            fs::write(&file, &bad).unwrap();
            ask(&f);
            bad.truncate(place);
            fs::write(&file, &bad).unwrap();
            ask(&f);
        }
        // The header of a pack's entry or of an index is hit every time.
        for place in 0..good.len().min(40) {
            for value in [0x7F, 0x80] {
                let mut bad = good.clone();
                bad[place] = value;
                fs::write(&file, &bad).unwrap();
                ask(&f);
            }
        }
        fs::write(&file, good).unwrap();
    }
    f.status().unwrap();
}

fn changed_commits_and_trees_are_errors_and_never_panics() {
    let f = committed();
    f.file("a", "two\n").commit("second");
    for object in ["HEAD", "HEAD^{tree}", "HEAD:sub", "HEAD:a"] {
        let id = f.git(&["rev-parse", object]);
        let file = f.at(&format!(".git/objects/{}/{}", &id[..2], id[2..].trim()));
        let good = fs::read(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let mut content = Vec::new();
        ZlibDecoder::new(good.as_slice())
            .read_to_end(&mut content)
            .unwrap();
        for (place, value) in places(content.len()).take(120) {
            let mut bad = content.clone();
            bad[place] ^= value | 1;
            if value % 4 == 0 {
                bad.truncate(place);
            }
            let mut packed = Vec::new();
            ZlibEncoder::new(bad.as_slice(), Compression::fast())
                .read_to_end(&mut packed)
                .unwrap();
            fs::write(&file, packed).unwrap();
            ask(&f);
        }
        fs::write(&file, good).unwrap();
    }
    f.status().unwrap();
}

fn what_is_not_supported_is_named() {
    let f = committed();
    f.git(&["update-index", "--split-index"]);
    f.fails("repository", "split");
    f.git(&["update-index", "--no-split-index"]);
    f.status().unwrap();
    f.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "none"]);
    f.fails("repository", "sparse");
    f.git(&["sparse-checkout", "disable"]);
    f.status().unwrap();

    let f = crate::empty();
    f.git(&["init", "-q", "--object-format=sha256"]);
    f.file("a", "").commit("first");
    f.fails("repository", "SHA-256");

    let f = fixture();
    fs::create_dir(f.at(".git/reftable")).unwrap();
    f.fails("repository", "reftable");
}

fn a_cache_that_nests_without_end_does_no_harm() {
    let f = committed();
    let mut index = fs::read(f.at(".git/index")).unwrap();
    let checksum = index.split_off(index.len() - 20);
    let nested = [b"a\x001 1\n".as_slice(), &[0; 20]]
        .concat()
        .repeat(1_000_000);
    index.extend_from_slice(b"TREE");
    index.extend_from_slice(&u32::try_from(nested.len()).unwrap().to_be_bytes());
    index.extend_from_slice(&nested);
    index.extend_from_slice(&checksum);
    fs::write(f.at(".git/index"), index).unwrap();
    assert_eq!(f.changes(), [] as [&str; 0]);
}

fn an_object_that_unpacks_to_too_much_is_refused() {
    let f = committed();
    f.file("zeros", vec![b'0'; 40 * 1024 * 1024])
        .commit("large");
    f.file("zeros", "small\n");
    for pack in [false, true] {
        if pack {
            f.git(&["gc", "-q", "--prune=now"]);
        }
        let diff = f.diff(json!({})).unwrap();
        assert!(diff.files[0].too_large);
        assert_eq!(f.changes(), [" M zeros"]);
    }
}

fn a_tree_of_a_billion_files_ends_in_an_error() {
    let f = committed();
    // A tree of trees, each with ten times the one before: a billion files.
    let mut id = f.git(&["hash-object", "-w", "a"]).trim().to_owned();
    let mut kind = "100644 blob";
    for _ in 0..9 {
        let lines: String = (0..10)
            .map(|name| format!("{kind} {id}\t{name}\n"))
            .collect();
        f.file(".git/lines", lines);
        let made = std::process::Command::new("git")
            .arg("mktree")
            .current_dir(f.at(""))
            .stdin(fs::File::open(f.at(".git/lines")).unwrap())
            .output()
            .unwrap();
        id = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        kind = "040000 tree";
    }
    let commit = f.git(&["commit-tree", "-m", "bomb", &id]);
    fs::write(f.at(".git/refs/heads/main"), commit).unwrap();
    // It would go on until its paths are too many; nobody waits for that here.
    let cancel = Cancel::until(Instant::now() + Duration::from_millis(500));
    let error = f.tree.status(&Default::default(), &cancel).unwrap_err();
    let known = [QueryErrorKind::Repository, QueryErrorKind::TimedOut];
    assert!(known.contains(&error.kind()), "{error:?}");
    assert_eq!(f.log(json!({ "path": "1/2/3" })).unwrap().commits.len(), 1);
}

fn a_missing_object_is_named() {
    let f = committed();
    let id = f.git(&["rev-parse", "HEAD:sub"]);
    let id = id.trim();
    fs::remove_file(f.at(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    let error = f.status().unwrap_err();
    assert_eq!(error.kind().as_str(), "repository");
    assert!(error.to_string().contains(id), "{error}");
}

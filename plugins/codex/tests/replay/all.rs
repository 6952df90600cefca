//! Every recording, whatever it is about.

use crate::stage::{Stage, fixture};

#[test]
fn every_recording_plays_and_leaves_nothing_open() {
    let folder = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.starts_with("resume_") {
            continue; // They go on where another one ended.
        }
        println!("{name}");
        let lines = fixture(name);
        let ends = lines.last().is_some_and(|line| line["dir"] == "x");
        let mut stage = Stage::initialized();
        stage.play(lines);
        if ends {
            assert_eq!(stage.open_calls(), [""; 0], "{name}");
            assert_eq!(stage.bench.unanswered(), [], "{name}");
            assert_eq!(stage.bench.open_asks(), [0; 0], "{name}");
            assert_eq!(stage.bench.timers(), [0; 0], "{name}");
        }
        played += 1;
    }
    assert!(played > 50, "only {played} recordings");
}

//! Every recording, whatever it is about: what people see, are asked and get as
//! the end of the turn. `../snapshots` has what is expected; `INSTA_UPDATE=always`
//! writes it anew, to be reviewed.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    shape::open_calls,
    stage::{Stage, fixture, start_of},
};

/// Recordings in which Claude Code was not even asked whether it is ready.
const NO_START: [&str; 1] = ["simple_noinit"];

/// Recordings in which nobody is logged in, so that no session opens.
const NOT_OPENED: [&str; 1] = ["no_auth"];

/// Recordings after whose end the adapter tries something else.
const STARTS_AGAIN: [&str; 1] = ["session_id_reused"];

#[test]
fn every_recording_is_shown_as_expected_and_leaves_nothing_open() {
    let folder = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        println!("{name}");
        let mut lines = match NOT_OPENED.contains(&name) {
            true => start_of(name),
            false => fixture(name),
        };
        if STARTS_AGAIN.contains(&name) {
            lines.pop();
        }
        let ends = lines.last().is_some_and(|line| line["dir"] == "x");
        let mut stage = Stage::open();
        if NO_START.contains(&name) {
            stage.play(start_of("simple"));
        }
        stage.play(lines);
        if ends && !STARTS_AGAIN.contains(&name) {
            assert_eq!(open_calls(&stage.effects.updates()), [""; 0], "{name}");
            assert_eq!(stage.bench.unanswered(), [], "{name}");
            assert_eq!(stage.bench.open_asks(), [0; 0], "{name}");
            assert_eq!(stage.bench.timers(), [0; 0], "{name}");
        }
        insta::with_settings!({
            snapshot_path => "../snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, report(&stage));
        });
        played += 1;
    }
    assert!(played > 70, "only {played} recordings");
}

fn report(stage: &Stage) -> String {
    let mut report = stage.all_shown().join("\n");
    for (_, method, params) in stage.effects.asks() {
        let options = params["options"].as_array().unwrap().iter();
        let options: Vec<_> = options
            .map(|option| option["name"].as_str().unwrap())
            .collect();
        let title = &params["toolCall"]["title"];
        write!(report, "\n\n{method}: {title}\n  {}", options.join("\n  ")).unwrap();
    }
    report.push('\n');
    for (_, answer) in stage.effects.answers() {
        let answer = match answer {
            Ok(answer) if answer["stopReason"].is_string() => answer["stopReason"].to_string(),
            Ok(answer) => keys(&answer),
            Err(failure) => format!("{}: {}", failure.code, failure.message),
        };
        write!(report, "\nanswer: {answer}").unwrap();
    }
    report
}

fn keys(answer: &Value) -> String {
    let keys: Vec<&str> = answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.join(", ")
}

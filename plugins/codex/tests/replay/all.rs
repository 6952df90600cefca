//! Every recording, whatever it is about: what people see, are asked and get as
//! the end of the turn. `../snapshots` has what is expected; `INSTA_UPDATE=always`
//! writes it anew, to be reviewed.

use std::fmt::Write;

use hostler_sdk::testing::Bench;
use serde_json::{Value, json};

use crate::stage::{Stage, fixture};

/// Where a recording begins.
fn stage(name: &str, first: &Value) -> Stage {
    if name.starts_with("exec_") {
        return Stage::ready(); // Another protocol of Codex: all of it is noise.
    }
    match first["msg"]["method"].as_str().unwrap_or_default() {
        _ if name == "not_initialized" => Stage::open(),
        "initialize" => Stage::open(),
        "thread/resume" => {
            let thread = &first["msg"]["params"]["threadId"];
            let saved = json!({"thread": thread, "kept": "yes", "settings": null}).to_string();
            let mut stage = Stage::opened(Bench::new(), Some(saved.as_bytes()));
            stage.initialize();
            stage
        }
        _ => Stage::initialized(),
    }
}

#[test]
fn every_recording_is_shown_as_expected_and_leaves_nothing_open() {
    let folder = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let mut played = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        println!("{name}");
        let lines = fixture(name);
        let ends = lines.last().is_some_and(|line| line["dir"] == "x");
        let mut stage = stage(name, &lines[0]);
        stage.play(lines);
        if ends {
            assert_eq!(stage.open_calls(), [""; 0], "{name}");
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
    let members = answer.as_object().unwrap();
    match members.is_empty() {
        true => "done".into(),
        false => members
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

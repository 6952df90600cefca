//! What each harness does, feature by feature, made by a run: the same prompts on
//! all of them, over WebSocket and through acpx, with a second client that answers
//! what is asked. What comes out is the tables of `docs/harnesses.md`.
//!
//! - [`stage`]: a host with one harness. [`pair`]: two clients on one of its
//!   sessions, [`entry`]: how they come to it. [`turn`]: what they saw of a turn.
//! - [`editor`]: the client that prompts, a WebSocket or [`acpx`], which asks only
//!   where there is a [`terminal`].
//! - [`talk`], [`tools`], [`content`], [`alone`], [`limits`], [`ends`], [`outside`]:
//!   the features; [`flags`]: those of acpx itself. Each looks at what really
//!   happened and says it in a few words, or fails.
//! - [`list`]: the features in their order. [`column`]: all of them on one harness.
//!   [`table`]: the page, compared with what came out.

mod acpx;
mod alone;
mod column;
mod content;
mod editor;
mod ends;
mod entry;
mod flags;
mod limits;
mod list;
mod outside;
mod pair;
mod stage;
mod table;
mod talk;
mod terminal;
mod tools;
mod turn;

use std::process::Command;

use futures_util::future::join_all;
use hostler_test_support::{Need, program, trial};
use libtest_mimic::Trial;

use self::{column::Column, editor::Via, stage::Harness};

/// Everything that stands in the tables.
const NEEDS: [Need; 7] = [
    Need::Built("hostler"),
    Need::Program("claude"),
    Need::Program("codex"),
    Need::Program("python3"),
    Need::Component("plugins/claude-code"),
    Need::Component("plugins/codex"),
    Need::Component("plugins/decopilot"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let acpx = [&NEEDS[..], &[Need::Program("acpx")]].concat();
    vec![
        trial(
            "the_table_of_harnesses_is_what_a_run_shows",
            &NEEDS,
            websocket,
        ),
        trial("the_table_of_acpx_is_what_a_run_shows", &acpx, through_acpx),
    ]
}

async fn websocket() {
    let columns = join_all(Harness::ALL.map(|it| column::of(it, Via::WebSocket))).await;
    let heading = format!(
        "Claude Code {}, Codex {}, and in Decopilot's place `tests/decopilot-server`.",
        version("claude"),
        version("codex")
    );
    table::check("WebSocket", &made(&heading, columns));
}

async fn through_acpx() {
    let columns = join_all(Harness::ALL.map(|it| column::of(it, Via::Acpx))).await;
    let heading = format!("acpx {}.", version("acpx"));
    table::check("acpx", &made(&heading, columns));
}

/// The text of a table.
fn made(heading: &str, columns: Vec<Column>) -> String {
    let failures = columns.iter().flat_map(|column| &column.failures);
    let failures: Vec<_> = failures.map(String::as_str).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    let names = Harness::ALL.map(Harness::title);
    let columns: Vec<_> = columns.into_iter().map(|column| column.cells).collect();
    format!("{heading}\n\n{}", table::of(&names, &columns))
}

/// The number in what `--version` prints.
fn version(name: &str) -> String {
    let mut command = Command::new(program(name).expect("the program"));
    command.env("PATH", hostler_test_support::search_path());
    let printed = command.arg("--version").output().expect("its version");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let mut words = printed.split_whitespace();
    let number = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    number.expect("a number").to_owned()
}

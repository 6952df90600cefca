//! The Git queries, beside what git itself says, and on hostile repositories.
//! They need the program git; no test of this file runs without it.

mod damaged;
mod diff;
mod hostile;
mod log;
mod status;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hostler_test_support::{Need, trial};
use hostler_workspace::{
    Cancel, DiffParams, Diffs, LogPage, LogParams, QueryError, Status, StatusParams, Tree,
};
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;

type Test = (&'static str, fn());

/// Names each function by its own name.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use tests;

fn main() {
    let tests = [
        status::TESTS,
        diff::TESTS,
        log::TESTS,
        hostile::TESTS,
        damaged::TESTS,
    ]
    .concat();
    let trials: Vec<Trial> = tests
        .into_iter()
        .map(|(name, test)| trial(name, &[Need::Program("git")], move || async move { test() }))
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

struct Fixture {
    _dir: tempfile::TempDir,
    /// With links followed; has `tree/`, a repository.
    base: PathBuf,
    tree: Tree,
}

fn fixture() -> Fixture {
    let f = empty();
    f.git(&["init", "-q", "-b", "main"]);
    f
}

/// With one commit.
fn committed() -> Fixture {
    let f = fixture();
    f.file("a", "one\ntwo\nthree\n")
        .file("sub/b", "b\n")
        .commit("first");
    f
}

fn empty() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir(base.join("tree")).unwrap();
    let tree = Tree::open(&base.join("tree")).unwrap();
    Fixture {
        _dir: dir,
        base,
        tree,
    }
}

impl Fixture {
    fn at(&self, path: &str) -> PathBuf {
        self.base.join("tree").join(path)
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn git(&self, arguments: &[&str]) -> String {
        let out = self.git_bytes(&self.at(""), arguments);
        String::from_utf8(out).unwrap()
    }

    /// Runs git without any configuration of this machine.
    fn git_bytes(&self, folder: &Path, arguments: &[&str]) -> Vec<u8> {
        // Commits of one test have different times.
        let time = format!("{} +0100", 1_700_000_000 + self.commits());
        let out = Command::new("git")
            .args(["-c", "user.name=A B", "-c", "user.email=a@example.com"])
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .current_dir(folder)
            .env("HOME", &self.base)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", &time)
            .env("GIT_COMMITTER_DATE", &time)
            .output()
            .unwrap();
        assert!(out.status.success(), "git {arguments:?}: {out:?}");
        out.stdout
    }

    fn commits(&self) -> usize {
        fs::read_to_string(self.base.join("count")).map_or(0, |count| count.len())
    }

    fn commit(&self, message: &str) -> &Self {
        fs::write(self.base.join("count"), "x".repeat(self.commits() + 1)).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self
    }

    fn status(&self) -> Result<Status, QueryError> {
        self.tree.status(&StatusParams::default(), &Cancel::new())
    }

    /// `XY path` for each entry, as git writes it.
    fn changes(&self) -> Vec<String> {
        let status = self.status().unwrap();
        assert!(!status.truncated);
        let shown = serde_json::to_value(status.entries).unwrap();
        let entries = shown.as_array().unwrap().iter();
        entries.map(as_git).collect()
    }

    fn diff(&self, params: Value) -> Result<Diffs, QueryError> {
        let params: DiffParams = serde_json::from_value(params).unwrap();
        self.tree.diff(&params, &Cancel::new())
    }

    fn log(&self, params: Value) -> Result<LogPage, QueryError> {
        let params: LogParams = serde_json::from_value(params).unwrap();
        self.tree.log(&params, &Cancel::new())
    }

    /// The ids of all commits, page by page.
    fn ids(&self, mut params: Value) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let page = self.log(params.clone()).unwrap();
            ids.extend(page.commits.into_iter().map(|commit| commit.id));
            match page.next {
                Some(next) => params["after"] = next.into(),
                None => return ids,
            }
        }
    }

    /// All three ways fail in the same way.
    #[track_caller]
    fn fails(&self, kind: &str, message: &str) {
        for error in [
            self.status().map(drop).unwrap_err(),
            self.diff(serde_json::json!({})).map(drop).unwrap_err(),
            self.diff(serde_json::json!({ "staged": true }))
                .map(drop)
                .unwrap_err(),
        ] {
            assert_eq!(error.kind().as_str(), kind, "{error}");
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}

fn as_git(entry: &Value) -> String {
    let letter = |side: &str| match entry[side].as_str() {
        None => ' ',
        Some("added") => 'A',
        Some("modified") => 'M',
        Some("deleted") => 'D',
        Some("renamed") => 'R',
        Some("typeChanged") => 'T',
        Some("untracked") => '?',
        Some("conflicted") => 'U',
        other => panic!("{other:?}"),
    };
    let index = match letter("worktree") {
        '?' if entry["index"].is_null() => '?',
        _ => letter("index"),
    };
    let from = entry["from"].as_str().map(|from| format!(" < {from}"));
    format!(
        "{index}{} {}{}",
        letter("worktree"),
        entry["path"].as_str().unwrap(),
        from.unwrap_or_default()
    )
}

//! What people ask of a session's directory: whole, in order, bounded, and
//! never from outside.

mod bounds;
mod edit;
mod entries;
mod escapes;
mod page;
mod search;

use std::fs;
use std::path::{Path, PathBuf};

use hostler_workspace::{
    Cancel, EditParams, Edited, EntriesPage, Matches, QueryError, ReadPage, ReadParams,
    SearchParams, Tree, TreeParams,
};
use serde_json::{Value, json};

struct Fixture {
    _dir: tempfile::TempDir,
    /// With links followed; has `tree/` and, beside it, `secret`.
    base: PathBuf,
    tree: Tree,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir(base.join("tree")).unwrap();
    fs::create_dir(base.join("beside")).unwrap();
    fs::write(base.join("secret"), "outside").unwrap();
    fs::write(base.join("beside/f"), "outside").unwrap();
    let tree = Tree::open(&base.join("tree")).unwrap();
    Fixture {
        _dir: dir,
        base,
        tree,
    }
}

impl Fixture {
    /// `path` in the tree.
    fn at(&self, path: &str) -> PathBuf {
        self.base.join("tree").join(path)
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap()
    }

    fn entries(&self, params: Value) -> Result<EntriesPage, QueryError> {
        let params: TreeParams = serde_json::from_value(params).unwrap();
        self.tree.entries(&params, &Cancel::new())
    }

    /// The paths of all entries.
    fn paths(&self, params: Value) -> Vec<String> {
        let page = self.entries(params).unwrap();
        assert_eq!(page.next, None);
        page.entries.into_iter().map(|entry| entry.path).collect()
    }

    fn page(&self, params: Value) -> Result<ReadPage, QueryError> {
        let params: ReadParams = serde_json::from_value(params).unwrap();
        self.tree.read_page(&params, &Cancel::new())
    }

    fn search(&self, params: Value) -> Result<Matches, QueryError> {
        let params: SearchParams = serde_json::from_value(params).unwrap();
        self.tree.search(&params, &Cancel::new())
    }

    fn found(&self, params: Value) -> Vec<(String, u64, u64)> {
        let found = self.search(params).unwrap();
        assert!(!found.truncated);
        found
            .matches
            .into_iter()
            .map(|found| (found.path, found.line, found.column))
            .collect()
    }

    fn edit(&self, path: &str, hash: Option<&str>, text: &str) -> Result<Edited, QueryError> {
        let params = json!({ "path": path, "hash": hash, "text": text });
        let params: EditParams = serde_json::from_value(params).unwrap();
        self.tree.edit(&params, &Cancel::new())
    }

    fn hash(&self, path: &str) -> String {
        self.page(json!({ "path": path, "encoding": "base64" }))
            .unwrap()
            .hash
    }

    /// What lies outside is as it was.
    #[track_caller]
    fn outside_is_untouched(&self) {
        assert_eq!(names(&self.base), ["beside", "secret", "tree"]);
        assert_eq!(names(&self.base.join("beside")), ["f"]);
        for path in ["secret", "beside/f"] {
            let text = fs::read_to_string(self.base.join(path)).unwrap();
            assert_eq!(text, "outside");
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn kind<T: std::fmt::Debug>(result: Result<T, QueryError>) -> &'static str {
    result.unwrap_err().kind().as_str()
}

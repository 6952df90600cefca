//! An agent's file requests, answered in the session's folders.

use std::{path::PathBuf, sync::Arc};

use hostler_wire::{Fault, codes};
use hostler_workspace::{FileError, Tree};
use serde::Deserialize;

/// The folders of a session: its root first, then the additional ones.
#[derive(Debug)]
pub struct Folders {
    root: Tree,
    additional: Vec<Tree>,
}

impl Folders {
    /// `root` is the session's `cwd`.
    #[must_use]
    pub fn new(root: Tree, additional: Vec<Tree>) -> Self {
        Self { root, additional }
    }

    /// The session's `cwd` with links followed.
    #[must_use]
    pub fn root(&self) -> &std::path::Path {
        self.root.root()
    }

    /// The tree of the session's `cwd`.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.root
    }

    pub(crate) fn additional(&self) -> impl Iterator<Item = &std::path::Path> {
        self.additional.iter().map(Tree::root)
    }

    /// Whether `path`, with links followed, lies in one of them. Blocks.
    pub(crate) fn contain(&self, path: &std::path::Path) -> bool {
        std::fs::canonicalize(path).is_ok_and(|path| {
            let mut roots = std::iter::once(self.root()).chain(self.additional());
            roots.any(|root| path.starts_with(root))
        })
    }

    /// In the first folder that has the path; the error is the root's.
    fn try_each<T>(&self, act: impl Fn(&Tree) -> Result<T, FileError>) -> Result<T, FileError> {
        let first = act(&self.root);
        if !matches!(first, Err(FileError::Outside { .. })) {
            return first;
        }
        for tree in &self.additional {
            match act(tree) {
                Err(FileError::Outside { .. }) => {}
                other => return other,
            }
        }
        first
    }
}

#[derive(Deserialize)]
struct Read {
    path: PathBuf,
    line: Option<u32>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
struct Write {
    path: PathBuf,
    content: String,
}

/// `fs/read_text_file`.
pub(crate) async fn read(folders: Arc<Folders>, params: String) -> Result<String, Fault> {
    let Read { path, line, limit } = parse(&params)?;
    let content =
        blocking(move || folders.try_each(|tree| tree.read_text(&path, line, limit))).await?;
    Ok(serde_json::json!({ "content": content }).to_string())
}

/// `fs/write_text_file`.
pub(crate) async fn write(folders: Arc<Folders>, params: String) -> Result<String, Fault> {
    let Write { path, content } = parse(&params)?;
    blocking(move || folders.try_each(|tree| tree.write_text(&path, &content))).await?;
    Ok("{}".to_owned())
}

pub(crate) fn parse<'a, T: Deserialize<'a>>(params: &'a str) -> Result<T, Fault> {
    serde_json::from_str(params).map_err(|error| Fault::new(codes::BAD_PARAMS, error.to_string()))
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(act).await {
        Ok(done) => done.map_err(|error| Fault::new(code(&error), error.to_string())),
        Err(error) => Err(Fault::new(
            codes::INTERNAL,
            format!("the file could not be handled: {error}"),
        )),
    }
}

fn code(error: &FileError) -> codes::Code {
    match error {
        FileError::NotFound(_) => codes::FILE_NOT_FOUND,
        FileError::NotAbsolute(_) | FileError::DotDot(_) | FileError::Outside { .. } => {
            codes::PATH_OUTSIDE_ROOT
        }
        _ => codes::FILE_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn folders() -> (tempfile::TempDir, Arc<Folders>) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["root", "more", "other"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            std::fs::write(
                dir.path().join(name).join("f.txt"),
                format!("{name}\nsecond\n"),
            )
            .unwrap();
        }
        let tree = |name| Tree::open(&dir.path().join(name)).unwrap();
        let folders = Folders::new(tree("root"), vec![tree("more")]);
        (dir, Arc::new(folders))
    }

    #[tokio::test]
    async fn files_are_read_and_written_in_all_folders_of_the_session_and_nowhere_else() {
        let (dir, folders) = folders();
        for (name, allowed) in [("root", true), ("more", true), ("other", false)] {
            let path = dir.path().join(name).join("f.txt");
            let result = read(
                folders.clone(),
                json!({ "path": path, "line": 1, "limit": 1 }).to_string(),
            )
            .await;
            match result {
                Ok(result) => {
                    assert!(allowed, "{name}");
                    let result: Value = serde_json::from_str(&result).unwrap();
                    assert_eq!(result, json!({ "content": format!("{name}\n") }));
                }
                Err(fault) => {
                    assert!(!allowed, "{name}: {fault}");
                    assert_eq!(fault.name, "PATH_OUTSIDE_ROOT");
                }
            }
            let result = write(
                folders.clone(),
                json!({ "path": path, "content": "new" }).to_string(),
            )
            .await;
            assert_eq!(result.is_ok(), allowed, "{name}");
            assert_eq!(std::fs::read_to_string(&path).unwrap() == "new", allowed);
        }
    }

    #[tokio::test]
    async fn errors_have_their_own_names() {
        let (dir, folders) = folders();
        for (params, name) in [
            (
                json!({ "path": dir.path().join("root/none") }),
                "FILE_NOT_FOUND",
            ),
            (json!({ "path": "f.txt" }), "PATH_OUTSIDE_ROOT"),
            (json!({ "path": dir.path().join("root") }), "FILE_FAILED"),
            (json!({}), "BAD_PARAMS"),
        ] {
            let fault = read(folders.clone(), params.to_string()).await.unwrap_err();
            assert_eq!(fault.name, name, "{params}");
        }
    }
}

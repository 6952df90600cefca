use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::error::RootError;
use crate::tree::Tree;

/// The directories under which sessions may work.
#[derive(Debug, Clone)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Absolute paths, at least one. One that does not exist (yet) admits
    /// nothing.
    pub fn new(roots: Vec<PathBuf>) -> Result<Roots, RootError> {
        if roots.is_empty() {
            return Err(RootError::NoRoots);
        }
        if let Some(relative) = roots.iter().find(|root| !root.is_absolute()) {
            return Err(RootError::RelativeRoot(relative.clone()));
        }
        Ok(Roots(roots))
    }

    /// As they were given.
    pub fn paths(&self) -> &[PathBuf] {
        &self.0
    }

    /// The directory `cwd` with all links followed, if it lies in a root.
    pub fn check(&self, cwd: &Path) -> Result<PathBuf, RootError> {
        self.resolve(cwd).map(|place| place.path)
    }

    /// Opens the directory `cwd`, if it lies in a root. The tree takes paths
    /// that begin with `cwd` as written here or with links followed.
    pub fn open(&self, cwd: &Path) -> Result<Tree, RootError> {
        let place = self.resolve(cwd)?;
        // From the root downwards by capability: between the check and here a
        // folder may have become a link.
        let dir = Dir::open_ambient_dir(&place.root, ambient_authority())
            .and_then(|root| root.open_dir(&place.below))
            .map_err(|reason| refused(cwd, reason))?;
        Ok(Tree::new(dir, place.path, cwd))
    }

    fn resolve(&self, cwd: &Path) -> Result<Place, RootError> {
        if !cwd.is_absolute() {
            return Err(RootError::NotAbsolute(cwd.to_owned()));
        }
        let path = fs::canonicalize(cwd).map_err(|reason| refused(cwd, reason))?;
        let meta = fs::metadata(&path).map_err(|reason| refused(cwd, reason))?;
        if !meta.is_dir() {
            return Err(RootError::NotADirectory(cwd.to_owned()));
        }
        for root in self.0.iter().filter_map(|root| fs::canonicalize(root).ok()) {
            if let Ok(below) = path.strip_prefix(&root) {
                return Ok(Place {
                    below: Path::new(".").join(below),
                    root,
                    path,
                });
            }
        }
        Err(RootError::Outside {
            path,
            roots: self.0.clone(),
        })
    }
}

/// A directory in a root; `path` is `root` and `below` joined.
struct Place {
    root: PathBuf,
    below: PathBuf,
    path: PathBuf,
}

fn refused(cwd: &Path, reason: io::Error) -> RootError {
    let path = cwd.to_owned();
    match reason.kind() {
        io::ErrorKind::NotFound => RootError::Missing(path),
        io::ErrorKind::NotADirectory => RootError::NotADirectory(path),
        _ => RootError::Io { path, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Fixture {
        _dir: tempfile::TempDir,
        /// With links followed.
        base: PathBuf,
        roots: Roots,
    }

    fn fixture() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(base.join("root/project")).unwrap();
        fs::create_dir_all(base.join("root-beside")).unwrap();
        fs::create_dir_all(base.join("elsewhere")).unwrap();
        fs::write(base.join("root/file"), "").unwrap();
        let roots = Roots::new(vec![base.join("missing"), base.join("root")]).unwrap();
        Fixture {
            _dir: dir,
            base,
            roots,
        }
    }

    #[test]
    fn a_root_and_what_is_below_it_are_admitted() {
        let f = fixture();
        for inside in ["root", "root/project", "root/", "root/project/../project/."] {
            let path = f.roots.check(&f.base.join(inside)).unwrap();
            assert!(path.starts_with(f.base.join("root")), "{path:?}");
        }
    }

    #[test]
    fn what_lies_elsewhere_is_refused_and_the_message_says_where_to_allow_it() {
        let f = fixture();
        symlink(f.base.join("elsewhere"), f.base.join("root/link")).unwrap();
        for outside in [
            "elsewhere",
            "root-beside",
            "root/..",
            "root/../elsewhere",
            "root/link",
        ] {
            let error = f.roots.check(&f.base.join(outside)).unwrap_err();
            assert!(matches!(error, RootError::Outside { .. }), "{outside}");
            let message = error.to_string();
            assert!(message.contains("`[workspace] roots` in hostler.toml"));
            assert!(message.contains(&*f.base.join("root").to_string_lossy()));
            assert!(f.roots.open(&f.base.join(outside)).is_err());
        }
    }

    #[test]
    fn a_root_reached_through_a_link_admits() {
        let f = fixture();
        symlink(f.base.join("root"), f.base.join("alias")).unwrap();
        let roots = Roots::new(vec![f.base.join("alias")]).unwrap();
        for inside in ["alias/project", "root/project"] {
            let path = roots.check(&f.base.join(inside)).unwrap();
            assert_eq!(path, f.base.join("root/project"));
        }
    }

    #[test]
    fn what_is_no_directory_is_named() {
        let f = fixture();
        let check = |path: &str| f.roots.check(&f.base.join(path)).unwrap_err();
        assert!(matches!(check("root/none"), RootError::Missing(_)));
        assert!(matches!(check("root/file"), RootError::NotADirectory(_)));
        assert!(matches!(check("root/file/x"), RootError::NotADirectory(_)));
        for relative in ["", ".", "root", "~/x"] {
            let error = f.roots.check(Path::new(relative)).unwrap_err();
            assert!(matches!(error, RootError::NotAbsolute(_)), "{relative}");
        }
        assert!(f.roots.check(Path::new("/\0")).is_err());
    }

    #[test]
    fn roots_must_be_absolute_and_there_must_be_one() {
        assert!(matches!(Roots::new(vec![]), Err(RootError::NoRoots)));
        let relative = Roots::new(vec!["/".into(), "a".into()]);
        assert!(matches!(relative, Err(RootError::RelativeRoot(_))));
    }

    #[test]
    fn the_tree_of_a_root_itself_can_be_opened() {
        let f = fixture();
        let tree = f.roots.open(&f.base.join("root")).unwrap();
        assert_eq!(tree.root(), f.base.join("root"));
        let file = f.base.join("root/file");
        assert_eq!(tree.read_text(&file, None, None).unwrap(), "");
    }
}

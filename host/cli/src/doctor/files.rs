//! Files and folders. Nothing is changed: what is not there yet is made by those
//! who need it.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use hostler_auth::{ADMIN_TOKEN_FILE, LocalToken, LocalTokenError, TOKEN_FILE};
use hostler_workspace::Roots;

use super::Check;
use crate::{
    config::{Config, ConfigError},
    paths::Bases,
};

/// Bits of a mode that let others in.
const OTHERS: u32 = 0o077;

pub(super) fn config(
    config: Result<&Config, &ConfigError>,
    given: Option<&Path>,
    bases: &Bases,
) -> Check {
    const NAME: &str = "config";
    match config {
        Err(error) => Check::fail(NAME, error.to_string()).fix("correct that line of the file"),
        Ok(_) => {
            let usual = bases.config_file();
            let file = given.or(usual.as_deref());
            Check::ok(
                NAME,
                match file.filter(|file| file.exists()) {
                    Some(file) => file.display().to_string(),
                    None => "no file, so everything has its default".to_owned(),
                },
            )
        }
    }
}

pub(super) fn state(state: &Path) -> Check {
    private_folder("state directory", state, "`hostler serve` makes it")
}

pub(super) fn cache(cache: &Path) -> Check {
    let check = private_folder("cache", cache, "the first plugin that is loaded makes it");
    let Ok(entries) = fs::read_dir(cache) else {
        return check;
    };
    let sizes = entries.filter_map(|entry| entry.ok()?.metadata().ok());
    let (count, bytes) = sizes.fold((0, 0), |(count, bytes), entry| {
        (count + 1, bytes + entry.len())
    });
    let detail = format!(
        "{}; compiled plugins: {count}, {:.1} MB",
        check.detail,
        bytes as f64 / 1e6
    );
    Check { detail, ..check }
}

/// A folder that only its user may look into.
fn private_folder(name: &str, folder: &Path, made_by: &str) -> Check {
    let shown = folder.display();
    let meta = match fs::metadata(folder) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Check::ok(name, format!("{shown} is not there yet: {made_by}"));
        }
        Err(error) => return Check::fail(name, format!("{shown} cannot be looked at: {error}")),
    };
    if !meta.is_dir() {
        return Check::fail(name, format!("{shown} is no folder")).fix(format!("rm {shown}"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Check::fail(name, format!("{shown} belongs to another user"))
            .fix(format!("sudo chown -R \"$(id -un)\" {shown}"));
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o700 != 0o700 {
        return Check::fail(
            name,
            format!("you may not use all of {shown} (mode {mode:03o})"),
        )
        .fix(format!("chmod 700 {shown}"));
    }
    if mode & OTHERS != 0 {
        return Check::warn(
            name,
            format!("others can look into {shown} (mode {mode:03o})"),
        )
        .fix(format!("chmod 700 {shown}"));
    }
    Check::ok(name, shown.to_string())
}

pub(super) fn token(state: &Path) -> Check {
    private_token("token", &state.join(TOKEN_FILE), || LocalToken::load(state))
}

pub(super) fn admin_token(config_dir: &Path) -> Check {
    let path = config_dir.join(ADMIN_TOKEN_FILE);
    private_token("admin token", &path, || LocalToken::load_admin(config_dir))
}

fn private_token(
    name: &str,
    path: &Path,
    load: impl FnOnce() -> Result<LocalToken, LocalTokenError>,
) -> Check {
    let shown = path.display();
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Check::ok(
                name,
                format!("{shown} is not there yet: `hostler serve` makes it"),
            );
        }
        Err(error) => return Check::fail(name, format!("{shown} cannot be looked at: {error}")),
    };
    let mode = meta.permissions().mode() & 0o777;
    // Before it is read: reading repairs the mode, and nobody would be told.
    if meta.is_file() && mode & OTHERS != 0 {
        return Check::warn(
            name,
            format!(
                "others could read {shown} (mode {mode:03o}); without the file the next start of \
                 the host makes a new one"
            ),
        )
        .fix(format!("rm {shown}"));
    }
    match load() {
        Ok(_) => Check::ok(name, format!("{shown}, for you alone")),
        Err(error) => Check::fail(name, error.to_string()).fix(format!("rm -r {shown}")),
    }
}

pub(super) fn roots(roots: &Roots) -> Vec<Check> {
    const NAME: &str = "workspace root";
    let missing = |root: &Path| !root.is_dir();
    // Without any, no session can begin.
    let all_missing = roots.paths().iter().all(|root| missing(root));
    let check = |root: &Path| {
        let shown = root.display();
        if !missing(root) {
            return Check::ok(NAME, shown.to_string());
        }
        let detail = format!("{shown} is no folder; no session can work there");
        let check = if all_missing {
            Check::fail(NAME, detail)
        } else {
            Check::warn(NAME, detail)
        };
        check.fix(format!("mkdir -p {shown}"))
    };
    roots.paths().iter().map(|root| check(root)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_state_directory_that_others_can_look_into_is_a_warning_with_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert_eq!(state(&path).status, Status::Ok);
        assert!(state(&path).detail.contains("hostler serve"));
        fs::create_dir(&path).unwrap();
        chmod(&path, 0o755);
        let check = state(&path);
        assert_eq!(check.status, Status::Warn, "{check:?}");
        assert_eq!(check.fix.unwrap(), format!("chmod 700 {}", path.display()));
        chmod(&path, 0o700);
        assert_eq!(state(&path).status, Status::Ok);
        chmod(&path, 0o500);
        assert_eq!(state(&path).status, Status::Fail);
        chmod(&path, 0o700);
    }

    #[test]
    fn a_token_is_looked_at_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(token(folder.path()).status, Status::Ok);
        let path = LocalToken::load_or_create(folder.path()).unwrap().path;
        assert_eq!(token(folder.path()).status, Status::Ok);
        let admin = LocalToken::load_or_create_admin(folder.path()).unwrap();
        assert_eq!(admin_token(folder.path()).status, Status::Ok);
        chmod(&admin.path, 0o640);
        assert_eq!(admin_token(folder.path()).status, Status::Warn);
        chmod(&path, 0o644);
        let check = token(folder.path());
        assert_eq!(check.status, Status::Warn, "{check:?}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "nonsense").unwrap();
        chmod(&path, 0o600);
        let check = token(folder.path());
        assert_eq!(check.status, Status::Fail, "{check:?}");
        assert!(check.fix.unwrap().starts_with("rm "));
    }

    #[test]
    fn a_missing_root_is_a_warning_and_the_last_one_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_owned();
        let gone = folder.path().join("gone");
        let checks = roots(&Roots::new(vec![here, gone.clone()]).unwrap());
        assert_eq!(checks[0].status, Status::Ok);
        assert_eq!(checks[1].status, Status::Warn);
        assert_eq!(
            checks[1].fix.as_deref().unwrap(),
            format!("mkdir -p {}", gone.display())
        );
        let checks = roots(&Roots::new(vec![gone]).unwrap());
        assert_eq!(checks[0].status, Status::Fail);
    }
}

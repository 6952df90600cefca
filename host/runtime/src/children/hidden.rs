//! Directories that programs do not see: the host's own, with its tokens and its
//! journal, so that an agent is not its own approver.
//!
//! On Linux the supervisor moves into a mount namespace of its own before it
//! starts the program, and puts an empty directory over each. Without privileges
//! that takes a user namespace, too; in it the program has the same user and
//! group, no capabilities, and no access to processes outside, so it can neither
//! take the cover away nor look past it through `/proc`. Other users' files then
//! seem to belong to nobody, so `sudo` does not work, and ssh needs help.
//!
//! A program that runs as root can undo all of that. One that does not can still
//! ask what the same user runs elsewhere to look for it: a service manager, a
//! container engine, a terminal multiplexer. Elsewhere than on Linux nothing can
//! be hidden.

use std::{path::Path, process::ExitCode};

use super::{
    control::LOOK,
    supervised::{ChildSpec, Helper, Supervised},
};

/// Whether what [`Helper::hidden`] names is hidden from programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hiding {
    /// Programs see empty directories and cannot change that themselves.
    Kept,
    /// Programs see empty directories, but may do what root may: also uncover
    /// them.
    Undoable,
    /// Nothing can be hidden; why not. A helper with hidden directories starts no
    /// program then.
    Refused(String),
}

/// The exit codes of [`look`].
const HIDDEN: u8 = 0;
const SEEN: u8 = 3;
const UNCOVERED: u8 = 4;

/// Tries it, in two short processes. `helper` may hide anything or nothing;
/// `directory` must exist.
pub async fn hiding(helper: &Helper, directory: &Path) -> Hiding {
    let helper = Helper {
        hidden: vec![directory.to_owned()],
        ..helper.clone()
    };
    let spec = ChildSpec {
        program: helper.program.clone(),
        args: vec!["child".into(), LOOK.into(), directory.into()],
        env: Vec::new(),
        cwd: "/".into(),
    };
    let mut child = match Supervised::start(&helper, &spec).await {
        Ok(child) => child,
        Err(error) => return Hiding::Refused(error.to_string()),
    };
    let code = child.supervision.exited().await.and_then(|exit| exit.code);
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(HIDDEN) => Hiding::Kept,
        Some(UNCOVERED) => Hiding::Undoable,
        Some(SEEN) => Hiding::Refused("the directory is still seen after it was covered".into()),
        _ => Hiding::Refused("the program that tries it failed".into()),
    }
}

/// The program that looks for what it must not see, and tries to uncover it.
pub(super) fn look(directory: &Path) -> ExitCode {
    let empty = || std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none());
    if !(empty() && is_mount(directory)) {
        return ExitCode::from(SEEN);
    }
    if uncovers(directory) {
        return ExitCode::from(UNCOVERED);
    }
    ExitCode::from(HIDDEN)
}

/// Whether another file system begins here.
fn is_mount(directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| Some(std::fs::metadata(path).ok()?.dev());
    directory.canonicalize().is_ok_and(|path| {
        path.parent()
            .is_none_or(|parent| device(parent) != device(&path))
    })
}

#[cfg(target_os = "linux")]
fn uncovers(directory: &Path) -> bool {
    rustix::mount::unmount(directory, rustix::mount::UnmountFlags::DETACH).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn uncovers(_: &Path) -> bool {
    true
}

/// Hides them from this process and all that it starts from now on. One that is
/// not there is passed over: there is nothing to hide.
///
/// This process must have one thread.
///
/// # Errors
/// The system refuses; or the working directory lies in one of them.
#[cfg(target_os = "linux")]
pub(super) fn hide(hidden: &[std::path::PathBuf]) -> Result<(), String> {
    use super::ssh_config::{SSH_CONFIG, flatten};
    use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change};

    let mut there = Vec::new();
    for path in hidden {
        match path.canonicalize() {
            Ok(path) => there.push(path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{} cannot be hidden: {error}", path.display())),
        }
    }
    // What lies in another one is hidden with it, and cannot be found then.
    there.sort_unstable();
    there.dedup_by(|inner, outer| inner.starts_with(outer));
    if there.is_empty() {
        return Ok(());
    }
    let cwd = std::env::current_dir().map_err(|error| format!("no working directory: {error}"))?;
    if let Some(around) = there.iter().find(|path| cwd.starts_with(path)) {
        return Err(format!(
            "the working directory {} lies in {}, which is hidden from programs: work in another \
             directory",
            cwd.display(),
            around.display()
        ));
    }
    let for_users = enter_namespaces()?;
    // What the system mounts later is seen here; what is mounted here is not
    // seen elsewhere.
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", flags).map_err(|error| format!("mounts cannot be made private: {error}"))?;
    let safe = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let cover = |path: &Path, flags, options| {
        mount("none", path, "tmpfs", safe | flags, options)
            .map_err(|error| format!("{} cannot be covered: {error}", path.display()))
    };
    if let (true, Some(place), Some(config)) =
        (for_users, there.first(), flatten(Path::new(SSH_CONFIG)))
    {
        // A place for the file, which is covered in turn.
        cover(
            place,
            MountFlags::empty(),
            c"size=512k,nr_inodes=8,mode=0755",
        )?;
        let file = place.join("ssh_config");
        let written = std::fs::write(&file, config);
        // If it fails, ssh says itself what is wrong with its configuration.
        let _ = written.and_then(|()| Ok(mount_bind(&file, SSH_CONFIG)?));
    }
    for path in &there {
        // Room for nothing.
        cover(path, MountFlags::RDONLY, c"size=4k,nr_inodes=2,mode=0555")?;
    }
    Ok(())
}

/// Without privileges, one for users comes with it: whether it did.
#[cfg(target_os = "linux")]
fn enter_namespaces() -> Result<bool, String> {
    use rustix::{
        process::{getegid, geteuid},
        thread::{UnshareFlags, unshare_unsafe},
    };

    // SAFETY: no file descriptors are unshared, which is what may harm others.
    let unshare = |flags| unsafe { unshare_unsafe(flags) };
    if unshare(UnshareFlags::NEWNS).is_ok() {
        return Ok(false);
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWUSER).map_err(|error| {
        format!("the system gives no user namespace to programs without privileges: {error}")
    })?;
    let maps = [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ];
    for (map, text) in maps {
        let path = format!("/proc/self/{map}");
        std::fs::write(&path, text)
            .map_err(|error| format!("{path} cannot be written: {error}"))?;
    }
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn hide(hidden: &[std::path::PathBuf]) -> Result<(), String> {
    if hidden.is_empty() {
        return Ok(());
    }
    Err("this system cannot hide directories from programs".to_owned())
}

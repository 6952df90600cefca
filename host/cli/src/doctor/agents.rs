//! What agents can reach.

use std::path::Path;

use hostler_runtime::children::{Hiding, hiding};

use super::Check;
use crate::{hiding::sentence, serve};

/// Tries whether the state directory can be hidden from agents.
pub(super) async fn state(state: &Path) -> Check {
    const NAME: &str = "agents";
    let helper = match serve::helper(None) {
        Ok(helper) => helper,
        Err(error) => return Check::fail(NAME, format!("{error:#}")),
    };
    // Before the first start of the host there is another one to try it with.
    let there = if state.is_dir() {
        state
    } else {
        Path::new("/tmp")
    };
    let found = hiding(&helper, there).await;
    match found {
        Hiding::Kept => Check::ok(NAME, sentence(&found)),
        Hiding::Undoable => Check::warn(NAME, sentence(&found)),
        Hiding::Refused(_) if cfg!(target_os = "linux") => Check::warn(NAME, sentence(&found)).fix(
            "allow user namespaces: sysctl user.max_user_namespaces, \
             kernel.apparmor_restrict_unprivileged_userns=0, or the container's seccomp profile",
        ),
        Hiding::Refused(_) => Check::warn(NAME, sentence(&found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_says_whether_agents_see_the_state_directory() {
        let folder = tempfile::tempdir().unwrap();
        // This test is no `hostler child`, so nothing can be tried with it.
        let check = state(folder.path()).await;
        assert_eq!(check.name, "agents");
        assert!(check.detail.contains("not hidden from agents"), "{check:?}");
    }
}
